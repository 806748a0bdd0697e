//! REST calls in one process, from the request to the last byte of the answer.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt, Full};
use tower::Service;

/// A gRPC service that reads a request and answers bytes which were ready before, so that what is
/// left is the gateway's own work.
#[derive(Clone)]
pub struct Frames(Bytes);

type FramesBody = WithTrailers<Full<Bytes>, std::future::Ready<Trailers>>;
type Trailers = Option<Result<HeaderMap, Infallible>>;

impl Frames {
    pub fn new(message: &[u8]) -> Self {
        Self(frame(message))
    }
}

impl Service<Request<gateway::Body>> for Frames {
    type Response = Response<FramesBody>;
    type Error = gateway::Error;
    type Future = std::future::Ready<Result<Self::Response, gateway::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), gateway::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<gateway::Body>) -> Self::Future {
        let read = now(request.into_body().collect());
        // The client hears of a bad request from the gateway, whatever the service says then.
        let status = if read.is_ok() { "0" } else { "3" };
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static(status),
        )]);
        let trailers = std::future::ready(Some(Ok(trailers)));
        let mut response = Response::new(Full::new(self.0.clone()).with_trailers(trailers));
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(http::header::CONTENT_TYPE, grpc);
        std::future::ready(Ok(response))
    }
}

/// A message as gRPC sends it.
pub fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// The answer of a future that waits for nothing.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing in this process waits"),
    }
}

/// A REST call, with the headers that clients send; a body makes it a POST.
pub fn rest<S, B>(service: &mut S, path: &str, body: &Bytes) -> (StatusCode, Bytes)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Debug>,
    B: http_body::Body<Data = Bytes, Error: Debug>,
{
    let mut request = Request::new(Full::new(body.clone()));
    *request.uri_mut() = path.parse().unwrap();
    let headers = request.headers_mut();
    headers.insert(http::header::HOST, HeaderValue::from_static("api.example.com"));
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static("bench"));
    if !body.is_empty() {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.method_mut() = Method::POST;
    }
    let response = now(service.call(request)).unwrap();
    let status = response.status();
    (status, now(response.into_body().collect()).unwrap().to_bytes())
}
