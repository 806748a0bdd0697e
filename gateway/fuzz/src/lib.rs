//! The world of the fuzz targets: a gateway in front of a service that answers what it is given.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures::executor::block_on;
use gateway::{Body, BuildError, Gateway, Limits};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use protox::file::{
    ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver,
};
use serde_json::Value;
use tower::{Service, ServiceExt};

/// `library.proto` of the tests, with limits that nothing of a few kilobytes reaches.
pub static LIBRARY: LazyLock<Api> = LazyLock::new(|| {
    let limits = Limits {
        elements_max: usize::MAX,
        depth_max: 100,
        uri_bytes_max: 1 << 20,
        ..Limits::default()
    };
    Api::new(&compile("library.proto", None), limits).expect("the library of the tests")
});

/// A gateway and the service behind it.
pub struct Api(Gateway<Echo>);

/// What a client gets, and what the service got.
pub struct Answer {
    pub status: u16,
    pub text: String,
    /// `/package.Service/Method`, when the service was called.
    pub called: Option<String>,
}

impl Api {
    pub fn new(descriptor_set: &[u8], limits: Limits) -> Result<Self, BuildError> {
        Gateway::builder(descriptor_set).limits(limits).build(Echo).map(Self)
    }

    /// Makes a call. The service answers with `reply`, or else with the request itself. `None` when
    /// no HTTP client could send it.
    pub fn send(
        &self,
        method: &str,
        uri: &str,
        json: &[u8],
        reply: Option<&[u8]>,
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(uri);
        if !json.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(reply) = reply {
            request = request.extension(Reply(Bytes::copy_from_slice(reply)));
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(json))).ok()?;
        let response =
            block_on(self.0.clone().oneshot(request)).unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let bytes = block_on(body.collect()).expect("an answer is whole").to_bytes();
        Some(Answer {
            status: parts.status.as_u16(),
            text: String::from_utf8(bytes.to_vec()).expect("an answer is text"),
            called: parts.extensions.get().map(|Called(path)| path.clone()),
        })
    }
}

impl Answer {
    /// The answer as JSON, which it always is.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("an answer is JSON")
    }

    /// The reason of an error.
    pub fn reason(&self) -> String {
        self.json()["error"]["details"][0]["reason"].as_str().expect("a reason").to_owned()
    }

    /// Holds that a request that is not good is the client's fault.
    pub fn assert_no_fault(&self) {
        assert!(self.status < 500, "{}: {}", self.status, self.text);
        if self.status >= 400 {
            self.reason();
        }
    }
}

/// Compiles a file of the tests, or one whose text is given.
pub fn compile(name: &str, text: Option<&str>) -> Vec<u8> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut resolver = ChainFileResolver::new();
    resolver.add(Given { name: name.to_owned(), text: text.map(str::to_owned) });
    resolver.add(IncludeFileResolver::new(format!("{folder}/../tests/proto").into()));
    resolver.add(IncludeFileResolver::new(format!("{folder}/../../proto").into()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file(name).expect("a proto that compiles");
    compiler.encode_file_descriptor_set()
}

struct Given {
    name: String,
    text: Option<String>,
}

impl FileResolver for Given {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match &self.text {
            Some(text) if name == self.name => File::from_source(name, text),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// What the service is to answer.
#[derive(Clone)]
struct Reply(Bytes);

/// The method that was called.
#[derive(Clone)]
struct Called(String);

#[derive(Clone)]
struct Echo;

impl Service<Request<Body>> for Echo {
    type Response = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        Box::pin(async move {
            let (frame, code) = match (body.collect().await, parts.extensions.get()) {
                (Err(_), _) => (Bytes::new(), "13"),
                (Ok(_), Some(Reply(wire))) => (frame(wire), "0"),
                (Ok(frames), None) => (frames.to_bytes(), "0"),
            };
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static(code));
            let body = Full::new(frame).with_trailers(async { Some(Ok(trailers)) });
            let mut response = Response::new(body.boxed_unsync());
            response.extensions_mut().insert(Called(parts.uri.path().to_owned()));
            Ok(response)
        })
    }
}

fn frame(wire: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + wire.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(wire.len()).expect("a message of a few kilobytes"));
    frame.put_slice(wire);
    frame.freeze()
}
