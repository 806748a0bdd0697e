//! The gateway as a tower service: it admits a request, calls the service behind with a body that
//! is transcoded when it is read, and turns the answer into JSON.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, Request, Response};
use tower::Service;

use crate::admission::{self, Admission, admit};
use crate::answer::{options, refusal, respond};
use crate::body::Body;
use crate::builder::Builder;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::path::Segments;
use crate::router::Match;

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
    /// Why the service takes no calls, to be told to the one that was to come.
    failure: Option<ServiceError>,
}

/// Why the service behind the gateway gave no answer at all: its transport failed. The client gets
/// 503 without it; the response has it as an extension, for a layer that logs.
#[derive(Clone, Debug)]
pub struct ServiceError(Arc<dyn std::error::Error + Send + Sync>);

impl ServiceError {
    fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the service cannot be reached: {}", self.0)
    }
}

impl std::error::Error for ServiceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
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
        Self { compiled: Arc::new(compiled), inner, failure: None }
    }

    /// The gRPC path that a request to this path is handed on to, `/package.Service/Method`: for a
    /// layer in front that wants to know what it is about to refuse.
    pub fn grpc_path(&self, method: &Method, path: &str) -> Option<&str> {
        let segments = Segments::of(path).ok()?;
        match admission::find(&self.compiled, method, &segments) {
            Match::Found { target, .. } => Some(self.compiled.routes[target].grpc_path.path()),
            Match::MethodNotAllowed(_) | Match::NotFound => None,
        }
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
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if let Err(error) = ready!(self.inner.poll_ready(context)) {
            self.failure = Some(ServiceError::new(error));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        match admit(&self.compiled, &parts, !body.is_end_stream()) {
            Admission::Call { route, head } => {
                let compiled = self.compiled.clone();
                let (exchange, request) = Exchange::begin(compiled, route, head, parts, body);
                if let Some(error) = self.failure.take() {
                    return answered(unreachable(&exchange, error));
                }
                let answer = self.inner.call(request);
                Box::pin(async move {
                    Ok(match answer.await.map_err(ServiceError::new) {
                        Ok(answer) => respond(exchange, answer).await,
                        Err(error) => unreachable(&exchange, error),
                    })
                })
            }
            Admission::Options { allow } => answered(options(&allow)),
            Admission::Refused { error, allow } => {
                let is_head = parts.method == Method::HEAD;
                let allow = allow.as_deref();
                answered(refusal(&self.compiled, &error, allow, &parts.headers, is_head))
            }
        }
    }
}

fn answered(
    response: Response<Body>,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>> {
    Box::pin(std::future::ready(Ok(response)))
}

/// The answer for a service that gave none. A transport may fail because the request's own body
/// did, which is then what the client is told.
fn unreachable(exchange: &Exchange, cause: ServiceError) -> Response<Body> {
    let error = exchange.fate.error().cloned().unwrap_or_else(Error::service_unreachable);
    let (compiled, asked) = (&exchange.compiled, &exchange.headers);
    let mut response = refusal(compiled, &error, None, asked, exchange.is_head);
    response.extensions_mut().insert(cause);
    response
}
