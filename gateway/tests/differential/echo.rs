//! A gateway in front of a service that answers with the message it gets, or with one it is told,
//! and that remembers nothing: what it got travels back beside its answer.

use std::convert::Infallible;
use std::pin::Pin;

use bytes::Bytes;
use gateway::{Body, BuildError, Builder, Gateway};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use tokio::runtime::{self, Runtime};
use tower::util::{ServiceExt, ServiceFn, service_fn};

use crate::frame::frame;

/// The bytes before the one message of a gRPC body.
const FRAME_HEAD_BYTES: usize = 5;

type Answer = UnsyncBoxBody<Bytes, Infallible>;
type Service = ServiceFn<fn(Request<Body>) -> Answering>;
type Answering = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

/// A gateway and the service behind it.
pub struct Echo {
    gateway: Gateway<Service>,
    runtime: Runtime,
}

/// One request and what became of it.
#[derive(Debug)]
pub struct Exchange {
    pub status: u16,
    pub text: String,
    /// The gRPC method that was called, and its message, when the service could read it.
    pub call: Option<Call>,
}

/// What the service got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub path: String,
    pub wire: Bytes,
}

/// What the service is told to answer.
#[derive(Clone)]
struct Reply(Bytes);

impl Echo {
    pub fn new(
        descriptor_set: &[u8],
        configure: impl FnOnce(Builder<'_>) -> Builder<'_>,
    ) -> Result<Self, BuildError> {
        let service = service_fn(answer as fn(Request<Body>) -> Answering);
        let gateway = configure(Gateway::builder(descriptor_set)).build(service)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Ok(Self { gateway, runtime })
    }

    /// Sends a request with a JSON body, which may be empty.
    pub fn send(&self, method: &str, uri: &str, body: &[u8]) -> Exchange {
        let body = Full::new(Bytes::copy_from_slice(body));
        self.exchange(request(method, uri).body(body).unwrap())
    }

    /// Sends a request without a body, to be answered with the message.
    pub fn receive(&self, uri: &str, message: impl Into<Bytes>) -> Exchange {
        let reply = Reply(message.into());
        self.exchange(request("GET", uri).extension(reply).body(Full::default()).unwrap())
    }

    fn exchange(&self, request: Request<Full<Bytes>>) -> Exchange {
        let response = self.runtime.block_on(async {
            let response = self.gateway.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
        });
        Exchange {
            status: response.status().as_u16(),
            text: String::from_utf8(response.body().to_vec()).unwrap(),
            call: response.extensions().get().cloned(),
        }
    }
}

fn request(method: &str, uri: &str) -> http::request::Builder {
    Request::builder().method(method).uri(uri).header("content-type", "application/json")
}

fn answer(request: Request<Body>) -> Answering {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let Ok(frames) = body.collect().await else {
            let mut refusal = Response::new(Empty::new().boxed_unsync());
            refusal.headers_mut().insert("grpc-status", HeaderValue::from_static("2"));
            return Ok(refusal);
        };
        let wire = frames.to_bytes().split_off(FRAME_HEAD_BYTES);
        let Reply(message) = parts.extensions.get().cloned().unwrap_or(Reply(wire.clone()));
        let trailers =
            HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let body = Full::new(frame(&message)).with_trailers(std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(body.boxed_unsync());
        let path = parts.uri.path().to_owned();
        response.extensions_mut().insert(Call { path, wire });
        Ok(response)
    })
}
