//! One request: which transport it is, what is noted of it, and what its answer carries.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use axum::body::Body as HttpBody;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio_util::task::TaskTracker;
use tower::{Service, util::BoxCloneSyncService};

use super::{
    activity::Activity, cors, headers, host, linger::Lingering, metadata, origin::Refused, peer,
};
use crate::{
    config::Config,
    domain::caller::Transport,
    telemetry::{
        access::{Call, Finish},
        metrics::Metrics,
        spans::Spans,
        trace,
    },
};

/// A service of one of the transports.
pub type Handler = BoxCloneSyncService<Request<HttpBody>, Response<HttpBody>, Infallible>;

/// Which method a request leads to, by its verb and path: its place in the metrics and its name.
pub type Find = Arc<dyn Fn(&Method, &str) -> Option<(usize, &'static str)> + Send + Sync>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the path of every REST route begins with.
const REST: &str = "/api/";

/// The longest request id that is taken from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Where requests go, by transport.
#[derive(Clone)]
pub struct Transports {
    /// Native gRPC.
    pub grpc: Handler,
    /// gRPC-web.
    pub grpc_web: Handler,
    /// REST.
    pub rest: Handler,
    /// Everything else: the documents, and the pages for operators.
    pub pages: Handler,
    /// What a request is about that none of them hands on.
    pub find: Find,
}

/// What every connection shares.
pub struct Edge {
    /// Where requests go.
    pub transports: Transports,
    /// The configuration.
    pub config: Arc<Config>,
    /// Where calls are counted.
    pub metrics: Arc<Metrics>,
    /// Where the spans of calls go, if anywhere.
    pub spans: Option<Arc<Spans>>,
    /// Whether this listener speaks TLS.
    pub over_tls: bool,
    /// What is left of requests that were answered already.
    pub tasks: TaskTracker,
}

/// The service of one connection.
#[derive(Clone)]
pub struct Connection {
    /// What every connection shares.
    pub edge: Arc<Edge>,
    /// The other end.
    pub peer: IpAddr,
    /// What goes on on it.
    pub activity: Arc<Activity>,
}

impl Connection {
    async fn answer(self, request: Request<Incoming>) -> Response<Measured> {
        let edge = &self.edge;
        let transport = transport(&request);
        let ip = peer::client_ip(&edge.config, self.peer, request.headers());
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let host = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        if !request.uri().path().starts_with(metadata::PREFIX) {
            cors::hint(&edge.config.cors_origins.0, authority.or_else(host), request.headers());
        }
        let request_id = request_id(request.headers());
        let sample_ratio = if edge.spans.is_some() { edge.config.trace_sample_ratio } else { 0.0 };
        let trace = trace::continue_or_begin(request.headers(), sample_ratio);
        let call = Arc::new(Call::new(transport, ip, request_id, trace));
        edge.metrics.in_flight.inc();
        let (metrics, spans) = (Arc::clone(&edge.metrics), edge.spans.clone());
        let finish = Finish { call: Arc::clone(&call), metrics, spans };
        let mut open = Open::new(&self.activity);

        // HTTP/2 resets the one stream that nobody reads; HTTP/1.1 would reset the connection.
        let lingers = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        let mut request = if lingers {
            request.map(|body| HttpBody::new(Lingering::new(body, edge.tasks.clone())))
        } else {
            request.map(HttpBody::new)
        };
        request.extensions_mut().insert(Arc::clone(&call));
        let asked = (request.method().clone(), request.uri().clone());
        let to = &edge.transports;
        let mut handler = match transport {
            Transport::Grpc => to.grpc.clone(),
            Transport::GrpcWeb => to.grpc_web.clone(),
            _ if request.uri().path().starts_with(REST) => to.rest.clone(),
            _ => to.pages.clone(),
        };
        let mut response = if host::is_named(&request) {
            let Ok(response) = Arc::clone(&call).work(handler.call(request)).await;
            response
        } else {
            host::refusal(request.version())
        };
        headers::secure(response.headers_mut(), edge.over_tls);
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        if let Some(refused) = response.extensions().get::<Refused>() {
            let method = (to.find)(&asked.0, asked.1.path());
            call.refused(method, refused.code.into(), refused.reason.name());
        }
        call.http_status(response.status().as_u16());
        if call.streams.load(Ordering::Relaxed) {
            open.becomes_stream();
        }
        response.map(|body| Measured { body, open, _finish: finish })
    }
}

impl hyper::service::Service<Request<Incoming>> for Connection {
    type Response = Response<Measured>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let connection = self.clone();
        Box::pin(async move { Ok(connection.answer(request).await) })
    }
}

/// Which transport a request is, by its content type. Below [`REST`] there is only REST, which refuses gRPC. What claims
/// to be gRPC and breaks its rules is none: gRPC could not answer it, and HTTP can.
fn transport<B>(request: &Request<B>) -> Transport {
    if request.uri().path().starts_with(REST) || request.method() != Method::POST {
        return Transport::Rest;
    }
    let kind = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    match kind.and_then(|kind| kind.strip_prefix(b"application/grpc")) {
        Some(b"-web" | b"-web+proto" | b"-web-text" | b"-web-text+proto") => Transport::GrpcWeb,
        // HTTP/1.1 has no trailers that a client would see.
        Some([] | [b'+' | b';', ..]) if request.version() == Version::HTTP_2 => Transport::Grpc,
        _ => Transport::Rest,
    }
}

/// The id that the client gave, if it can stand in a header and a log line, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX)
        .map_or_else(|| format!("{:016x}", trace::fresh_id()), str::to_owned)
}

/// A call that is open on a connection.
struct Open {
    activity: Arc<Activity>,
    is_stream: bool,
}

impl Open {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begin();
        Self { activity: Arc::clone(activity), is_stream: false }
    }

    fn becomes_stream(&mut self) {
        self.is_stream = true;
        self.activity.becomes_stream();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.activity.end(self.is_stream);
    }
}

/// A body that ends its call when it is dropped.
pub struct Measured {
    body: HttpBody,
    open: Open,
    _finish: Finish,
}

impl Body for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.open.activity.touch();
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
