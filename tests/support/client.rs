//! One client for every transport: the same call over gRPC, gRPC-web and REST, and the same shape of answer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{StreamExt, future, stream};
use http::{HeaderMap, Method as Verb, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use prost_reflect::MethodDescriptor;
use serde_json::Value;
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
};

use super::{contract, grpc, reply::Reply, rest};

/// A way to call the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// gRPC over HTTP/2 without TLS.
    Grpc,
    /// gRPC-web over HTTP/1.1, binary.
    GrpcWeb,
    /// gRPC-web over HTTP/1.1, base64.
    GrpcWebText,
    /// JSON over HTTP/1.1.
    Rest,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Grpc, Self::GrpcWeb, Self::GrpcWebText, Self::Rest];

    /// The ones that carry protobuf.
    pub const BINARY: [Self; 3] = [Self::Grpc, Self::GrpcWeb, Self::GrpcWebText];

    /// The ones that have a method: REST only what has a rule.
    pub fn of(method: &MethodDescriptor) -> impl Iterator<Item = Self> + use<> {
        let has_rule = !contract::bindings(method).is_empty();
        Self::ALL.into_iter().filter(move |other| has_rule || *other != Self::Rest)
    }
}

/// One call, before it takes the shape of a transport.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is called.
    pub method: MethodDescriptor,
    /// The request message, as JSON.
    pub request: Value,
    /// The body of the REST request, where it is not the one that follows from `request`.
    pub text: Option<String>,
    /// The verb of the REST request, where the method has several.
    pub verb: Option<Verb>,
    wire: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
}

impl Call {
    /// A call of `veza.user.v1.UserService/GetUser` with this request.
    pub fn to(method: &str, request: Value) -> Self {
        let method = contract::method(method);
        Self { method, request, text: None, verb: None, wire: None, headers: Vec::new() }
    }

    /// Sends an access token along.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends a header along; over gRPC it is called metadata.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends these bytes and this text instead of a well-formed request.
    #[must_use]
    pub fn malformed(mut self, wire: &[u8], text: &str) -> Self {
        self.wire = Some(wire.into());
        self.text = Some(text.into());
        self
    }

    /// Uses this verb over REST.
    #[must_use]
    pub fn verb(mut self, verb: Verb) -> Self {
        self.verb = Some(verb);
        self
    }

    /// The bytes of the request message.
    pub(super) fn wire(&self) -> Vec<u8> {
        let encode = || contract::encode(&self.method.input(), &self.request);
        self.wire.clone().unwrap_or_else(encode)
    }

    pub(super) fn with_headers(&self, request: request::Builder) -> request::Builder {
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// An HTTP response, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The trailers.
    pub trailers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

pub(super) type Body = BoxBody<Bytes, Infallible>;
pub(super) type Http = legacy::Client<HttpConnector, Body>;

/// The connections to a server, or to several that are called in turn.
#[derive(Clone)]
pub struct Client {
    addresses: Arc<[SocketAddr]>,
    next: Arc<AtomicUsize>,
    http1: Http,
    http2: Http,
}

impl Client {
    /// A client of the server at this address; it connects when it is first used.
    pub fn new(address: SocketAddr) -> Self {
        Self::of(&[address])
    }

    /// A client of replicas, which never calls the same one twice in a row.
    pub fn of(addresses: &[SocketAddr]) -> Self {
        let mut connector = HttpConnector::new();
        // Head and body of a request are written apart: the second would wait 40 ms for the first to be acknowledged.
        connector.set_nodelay(true);
        let builder = || legacy::Client::builder(TokioExecutor::new());
        let http1 = builder().build(connector.clone());
        let http2 = builder().http2_only(true).build(connector);
        Self { addresses: addresses.into(), next: Arc::default(), http1, http2 }
    }

    /// Makes a call.
    pub async fn send(&self, transport: Transport, call: &Call) -> Reply {
        let reply = self.attempt(transport, call).await;
        reply.unwrap_or_else(|error| panic!("{}: {error}", call.method.full_name())).checked()
    }

    /// Makes a call whose answer may be a defect, or never come: then there is a text that says why.
    pub async fn attempt(&self, transport: Transport, call: &Call) -> Result<Reply, String> {
        if transport == Transport::Rest {
            let request = rest::request(call).map(whole);
            return Ok(rest::reply(call, self.run(&self.http1, request).await?));
        }
        let request = grpc::request(transport, call).map(whole);
        let answer = self.exchange(transport, request).await?;
        Ok(grpc::reply(transport, Some(&call.method), answer))
    }

    /// Makes a request that no call describes, in the dress of a transport; its URI is only a path.
    pub async fn raw(&self, transport: Transport, request: Request<impl Into<Bytes>>) -> Reply {
        self.raw_body(transport, request.map(|body| whole(body.into()))).await
    }

    /// Makes a request whose body begins like this and then never goes on.
    pub async fn unfinished(&self, transport: Transport, request: Request<Vec<u8>>) -> Reply {
        let beginning = |body: Vec<u8>| {
            let frame = Ok::<_, Infallible>(Frame::data(body.into()));
            let frames = stream::once(future::ready(frame)).chain(stream::pending());
            BodyExt::boxed(StreamBody::new(frames))
        };
        self.raw_body(transport, request.map(beginning)).await
    }

    /// Opens a stream, in the dress of a transport, and waits for its first message; what is returned is its end. The URI
    /// of the request is only a path.
    pub async fn open(
        &self,
        transport: Transport,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Reply> + Send + use<> {
        let request = request.map(|body| whole(body.into()));
        let (opened, open) = oneshot::channel();
        let http = self.of_transport(transport);
        let stream = connections().spawn(follow(http, self.turn(), request, opened));
        open.await.expect("a first message");
        async move {
            let answer = stream.await.unwrap_or_else(|error| panic!("{error}"));
            grpc::reply(transport, None, answer).checked()
        }
    }

    /// Opens a stream of the health service, which goes on until its caller may not call any more.
    pub async fn watch_health(
        &self,
        transport: Transport,
        token: &str,
    ) -> impl Future<Output = Reply> + Send + use<> {
        let request = Request::post("/grpc.health.v1.Health/Watch")
            .header("content-type", grpc::content_type(transport))
            .header("te", "trailers")
            .header("authorization", format!("Bearer {token}"));
        let body = match transport {
            Transport::GrpcWebText => STANDARD.encode(grpc::frame(&[])).into_bytes(),
            _ => grpc::frame(&[]),
        };
        self.open(transport, request.body(body).expect("a request")).await
    }

    async fn raw_body(&self, transport: Transport, request: Request<Body>) -> Reply {
        let call = format!("{} {}", request.method(), request.uri());
        let answer = self.exchange(transport, request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        if transport == Transport::Rest {
            return rest::failure(call, answer).checked();
        }
        let reply = grpc::reply(transport, None, answer);
        Reply { call, ..reply }.checked()
    }

    /// Exchanges plain HTTP/1.1; the URI of the request is only a path.
    pub async fn http(&self, request: Request<impl Into<Bytes>>) -> Answer {
        let answer = self.run(&self.http1, request.map(|body| whole(body.into()))).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Exchanges plain HTTP/2 without TLS; the URI of the request is only a path.
    pub async fn http2(&self, request: Request<impl Into<Bytes>>) -> Answer {
        let answer = self.run(&self.http2, request.map(|body| whole(body.into()))).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn exchange(
        &self,
        transport: Transport,
        request: Request<Body>,
    ) -> Result<Answer, String> {
        self.run(&self.of_transport(transport), request).await
    }

    /// What speaks the version of HTTP that a transport needs.
    pub(super) fn of_transport(&self, transport: Transport) -> Http {
        if transport == Transport::Grpc { self.http2.clone() } else { self.http1.clone() }
    }

    /// Whose turn it is.
    pub(super) fn turn(&self) -> SocketAddr {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.addresses[turn % self.addresses.len()]
    }

    async fn run(&self, http: &Http, request: Request<Body>) -> Result<Answer, String> {
        let exchange = exchange(http.clone(), self.turn(), request);
        connections().spawn(exchange).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

pub(super) fn whole(body: Bytes) -> Body {
    Full::new(body).boxed()
}

/// Where connections live: not with the tests, because a test that waits for its server to stop cannot answer it.
pub(super) fn connections() -> &'static Runtime {
    static CONNECTIONS: OnceLock<Runtime> = OnceLock::new();
    CONNECTIONS.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    })
}

async fn exchange(
    http: Http,
    address: SocketAddr,
    request: Request<Body>,
) -> Result<Answer, String> {
    let (head, body) = begin(http, address, request).await?.into_parts();
    let body = body.collect().await.map_err(|error| format!("{address}: {error:?}"))?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(Answer { status: head.status, headers: head.headers, trailers, body: body.to_bytes() })
}

/// Reads a stream to its end, and says when its first message is there.
async fn follow(
    http: Http,
    address: SocketAddr,
    request: Request<Body>,
    opened: oneshot::Sender<()>,
) -> Answer {
    let (head, mut body) = begin(http, address, request).await.expect("an answer").into_parts();
    let first = body.frame().await.expect("a first message").expect("a first message");
    let first = first.into_data().expect("a first message");
    opened.send(()).expect("somebody who waits for it");
    let rest = body.collect().await.expect("the end of the stream");
    let trailers = rest.trailers().cloned().unwrap_or_default();
    let body = [first, rest.to_bytes()].concat().into();
    Answer { status: head.status, headers: head.headers, trailers, body }
}

pub(super) async fn begin(
    http: Http,
    address: SocketAddr,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, String> {
    let uri = format!("http://{address}{}", request.uri());
    *request.uri_mut() = uri.parse().expect("a URI");
    http.request(request).await.map_err(|error| format!("{uri}: {error:?}"))
}
