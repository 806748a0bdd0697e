//! The world of these tests: a gateway in front of a service that answers what was made before, and
//! a client that counts what a call allocates.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use gateway::{Body, Gateway, Limits};
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt, Full};
use tower::Service;

use crate::frame::frame;

type Answer = WithTrailers<Full<Bytes>, Ready<Option<Result<HeaderMap, Infallible>>>>;

static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proto");
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
    let mut compiler = protox::Compiler::new([folder, shared]).unwrap();
    compiler.include_imports(true).open_file("library.proto").unwrap();
    compiler.encode_file_descriptor_set()
});

/// A gRPC service that reads its request and answers a frame that was made before.
#[derive(Clone)]
pub struct Canned(Bytes);

impl Service<Request<Body>> for Canned {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let frame = self.0.clone();
        Box::pin(async move {
            let status = match request.into_body().collect().await {
                Ok(_) => "0",
                Err(_) => "3",
            };
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            Ok(Response::new(Full::new(frame).with_trailers(ready(Some(Ok(trailers))))))
        })
    }
}

/// The gateway in front of a service that answers with the wire bytes of a message.
pub fn gateway(answer: &[u8]) -> Gateway<Canned> {
    let limits =
        Limits { body_bytes_max: 64 << 20, uri_bytes_max: usize::MAX, ..Limits::default() };
    Gateway::builder(&LIBRARY).limits(limits).build(Canned(frame(answer))).unwrap()
}

/// Sends one request, and answers with its status and `ErrorInfo.reason`, and with what it took.
pub fn send(
    gateway: &mut Gateway<Canned>,
    method: &str,
    uri: &str,
    body: &str,
) -> (u16, String, AllocationInfo) {
    let mut request = Request::builder().method(method).uri(uri);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let mut answer = None;
    let info = measure(|| {
        let call = gateway.call(request);
        let answered = async move {
            let (head, body) = call.await.unwrap().into_parts();
            (head.status.as_u16(), body.collect().await.unwrap().to_bytes())
        };
        // Nothing in here waits.
        let poll = pin!(answered).poll(&mut Context::from_waker(Waker::noop()));
        answer = Some(poll);
    });
    let Some(Poll::Ready((status, text))) = answer else { panic!("the gateway waits") };
    let json: serde_json::Value = match status {
        200 => serde_json::Value::Null,
        _ => serde_json::from_slice(&text).unwrap_or_default(),
    };
    let reason = json["error"]["details"][0]["reason"].as_str().unwrap_or_default();
    (status, reason.to_owned(), info)
}
