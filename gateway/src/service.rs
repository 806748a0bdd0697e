//! The gateway as a tower service: it admits a request, calls the service behind with a body that
//! is transcoded when it is read, and turns the answer into JSON.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use tower::Service;

use crate::admission::{Admission, admit};
use crate::answer::{options, refusal, respond};
use crate::body::Body;
use crate::builder::Builder;
use crate::compiled::Compiled;
use crate::exchange::Exchange;

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
        let (parts, body) = request.into_parts();
        match admit(&self.compiled, &parts, !body.is_end_stream()) {
            Admission::Call { route, head } => {
                let compiled = self.compiled.clone();
                let (exchange, request) = Exchange::begin(compiled, route, head, parts, body);
                let answer = self.inner.call(request);
                Box::pin(async move { Ok(respond(exchange, answer.await?).await) })
            }
            Admission::Options { allow } => ready(options(&allow)),
            Admission::Refused { error, allow } => {
                let is_head = parts.method == Method::HEAD;
                ready(refusal(&self.compiled, &error, allow.as_deref(), &parts.headers, is_head))
            }
        }
    }
}

fn ready<E: Send + 'static>(
    response: Response<Body>,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>> {
    Box::pin(std::future::ready(Ok(response)))
}
