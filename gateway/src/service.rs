//! The gateway as a tower service: it admits a request, calls the service behind with a body that
//! is transcoded when it is read, and turns the answer into JSON.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, Version, request};
use tower::Service;

use crate::admission::{Admission, admit};
use crate::body::Body;
use crate::builder::Builder;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::headers;
use crate::request::{Head, read_body, transcode};
use crate::response::{Answer, Asked, options, refusal};
use crate::route::Route;

/// REST and JSON in front of a gRPC service.
///
/// A request whose path matches an HTTP rule is handed to the service at once, under its gRPC path
/// and with a body that is read and transcoded only when the service polls it. So whatever the
/// service checks before, it checks as it does for a native call: a caller without credentials
/// costs no parsing and learns nothing about the request's fields.
#[derive(Clone)]
pub struct Gateway<S> {
    compiled: Arc<Compiled>,
    inner: S,
}

impl Gateway<()> {
    /// Begins a gateway for an encoded `google.protobuf.FileDescriptorSet`, which holds its imports
    /// too.
    pub fn builder(descriptor_set: &[u8]) -> Builder<'_> {
        Builder::new(descriptor_set)
    }
}

impl<S> Gateway<S> {
    pub(crate) fn new(compiled: Compiled, inner: S) -> Self {
        Self { compiled: Arc::new(compiled), inner }
    }
}

impl<S: fmt::Debug> fmt::Debug for Gateway<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Gateway");
        debug.field("routes", &self.compiled.routes.len());
        debug.field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Gateway<S>
where
    S: Service<Request<Body>, Response = Response<R>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        match admit(&self.compiled, &parts, !body.is_end_stream()) {
            Admission::Call { route, head } => {
                let pending = Pending::new(self.compiled.clone(), route, &mut parts, &head);
                let body = pending.request_body(head, body);
                let answer = self.inner.call(pending.grpc_request(parts, body));
                Box::pin(async move { Ok(pending.respond(answer.await?).await) })
            }
            Admission::Options { allow } => ready(options(&allow)),
            Admission::Refused { error, allow } => {
                let domain = &self.compiled.error_domain;
                ready(refusal(&error, allow.as_deref(), domain, is_head))
            }
        }
    }
}

fn ready<E: Send + 'static>(
    response: Response<Body>,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>> {
    Box::pin(std::future::ready(Ok(response)))
}

/// A call that is under way.
struct Pending {
    compiled: Arc<Compiled>,
    route: usize,
    headers: HeaderMap,
    is_head: bool,
    is_conditional: bool,
    /// What was wrong with the request, once its body has been read.
    request_error: Arc<OnceLock<Error>>,
}

impl Pending {
    /// Keeps the headers of the request, of which the service gets those it may see.
    fn new(compiled: Arc<Compiled>, route: usize, parts: &mut request::Parts, head: &Head) -> Self {
        Self {
            compiled,
            route,
            headers: std::mem::take(&mut parts.headers),
            is_head: parts.method == Method::HEAD,
            is_conditional: head.if_match.is_some(),
            request_error: Arc::default(),
        }
    }

    fn route(&self) -> &Route {
        &self.compiled.routes[self.route]
    }

    /// The body for the service, which reads the client's when it is polled.
    fn request_body<B>(&self, head: Head, body: B) -> Body
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
    {
        let (compiled, route) = (self.compiled.clone(), self.route);
        let request_error = self.request_error.clone();
        Body::deferred(async move {
            let Compiled { tables, routes, limits, .. } = &*compiled;
            let route = &routes[route];
            let frame = match read_body(body, route, limits).await {
                Ok(body) => transcode(tables, route, &head, &body, limits),
                Err(error) => Err(error),
            };
            frame.inspect_err(|error| {
                // A body is read once, so that nothing is there yet.
                let _ = request_error.set(error.clone());
            })
        })
    }

    fn grpc_request(&self, parts: request::Parts, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = headers::for_service(&self.headers);
        *request.extensions_mut() = parts.extensions;
        let path = self.route().grpc_path.clone();
        let mut uri = parts.uri.into_parts();
        uri.path_and_query = Some(path.clone());
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_else(|_| Uri::from(path));
        request
    }

    async fn respond<R>(self, response: Response<R>) -> Response<Body>
    where
        R: http_body::Body<Data = Bytes>,
    {
        let answer = Answer::read(response).await;
        let asked = Asked {
            route: self.route(),
            headers: &self.headers,
            is_head: self.is_head,
            is_conditional: self.is_conditional,
            request_error: self.request_error.get().cloned(),
        };
        match answer {
            Ok(answer) => answer.into_response(&self.compiled, &asked),
            Err(error) => {
                let error = asked.request_error.as_ref().unwrap_or(&error);
                refusal(error, None, &self.compiled.error_domain, asked.is_head)
            }
        }
    }
}
