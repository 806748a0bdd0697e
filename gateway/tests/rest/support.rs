//! The world of these tests: a gateway in front of a fake gRPC service, which decodes what it gets
//! with prost-reflect and answers what it is told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll};

use base64::Engine;
use bytes::Bytes;
use gateway::{Body, Builder, Gateway};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use tower::{Service, ServiceExt};

use crate::frame::frame;
use crate::sources::descriptors;

/// The descriptor set of `library.proto`.
pub static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| descriptors("library.proto", None));

/// What the fake service is told to answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The request's own bytes, or an empty message when the response is of another type.
    Echo,
    /// A message in JSON, of the method's response type.
    Json(Value),
    /// A message in wire bytes.
    Wire(Vec<u8>),
    /// A status, with the details of the `google.rpc.Status` that are given in wire bytes.
    Status(i32, &'static str, Vec<u8>),
    /// A status without reading the request first.
    Early(i32, &'static str),
    /// Anything at all.
    Raw(StatusCode, Vec<(&'static str, &'static str)>),
}

/// What the fake service got.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    /// The message in canonical JSON, without unset fields.
    pub message: Option<Value>,
    /// The paths of its `update_mask`.
    pub mask_paths: Vec<String>,
    /// The error with which the body ended instead.
    pub error: Option<gateway::Error>,
    /// The marker that the test put into the extensions.
    pub marker: Option<Marker>,
}

/// Something that a layer outside the gateway could leave for one inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker(pub &'static str);

/// A gateway and the service behind it.
pub struct Api {
    pub gateway: Gateway<Fake>,
    fake: Fake,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
    pub marker: Option<Marker>,
}

impl Api {
    /// The library of `library.proto`.
    pub fn library() -> Self {
        Self::built(&LIBRARY, |builder| builder)
    }

    /// The library behind a gateway with other settings.
    pub fn library_with(configure: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Self {
        Self::built(&LIBRARY, configure)
    }

    /// A service that is declared right in the test.
    pub fn declared(proto: &str) -> Self {
        Self::built(&descriptors("declared.proto", Some(proto)), |b| b.emit_unpopulated(false))
    }

    pub fn built(set: &[u8], configure: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Self {
        let pool = DescriptorPool::decode(set).unwrap();
        let fake = Fake { pool, reply: Arc::default(), received: Arc::default() };
        let builder = Gateway::builder(set).error_domain("test.example");
        let gateway = configure(builder).build(fake.clone()).unwrap();
        Self { gateway, fake }
    }

    pub fn reply(&self, reply: Reply) -> &Self {
        *self.fake.reply.lock().unwrap() = Some((reply, Vec::new()));
        self
    }

    pub fn reply_with_headers(&self, reply: Reply, headers: &[(&'static str, &'static str)]) {
        *self.fake.reply.lock().unwrap() = Some((reply, headers.to_vec()));
    }

    /// What the service got last, which is forgotten then.
    pub fn received(&self) -> Option<Received> {
        self.fake.received.lock().unwrap().take()
    }

    /// What the service got last.
    pub fn peek(&self) -> Option<Received> {
        self.fake.received.lock().unwrap().clone()
    }

    /// The message that the service got last.
    pub fn message(&self) -> Value {
        self.received().expect("the service was not called").message.expect("no message")
    }

    /// The paths of the `update_mask` that the service got last, which may have no JSON form.
    pub fn mask_paths(&self) -> Vec<String> {
        self.received().map(|received| received.mask_paths).unwrap_or_default()
    }

    /// The canonical JSON of a request in wire bytes, by prost-reflect.
    pub fn decode(&self, path: &str, wire: &[u8]) -> Value {
        self.fake.decode(path, wire).unwrap()
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, &[], "").await
    }

    /// Sends JSON, if any.
    pub async fn call(&self, method: &str, uri: &str, body: &str) -> Answer {
        self.send(method, uri, &[("content-type", "application/json")], body).await
    }

    pub async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        self.request(request.body(body).unwrap()).await
    }

    pub async fn request<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
    {
        let response = self.gateway.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            marker: parts.extensions.get().cloned(),
        }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `ErrorInfo.reason` of an error.
    pub fn reason(&self) -> &str {
        self.json["error"]["details"][0]["reason"].as_str().unwrap_or_default()
    }

    /// The fields that are wrong, and what is wrong with each.
    pub fn violations(&self) -> Vec<(&str, &str)> {
        let violations = self.json["error"]["details"][1]["fieldViolations"].as_array();
        let mut pairs = Vec::new();
        for violation in violations.into_iter().flatten() {
            let text = |name: &str| violation[name].as_str().unwrap_or_default();
            pairs.push((text("field"), text("description")));
        }
        pairs
    }

    /// The field of the first violation, and what is wrong with it.
    pub fn violation(&self) -> (&str, &str) {
        let violation = &self.json["error"]["details"][1]["fieldViolations"][0];
        let text = |name: &str| violation[name].as_str().unwrap_or_default();
        (text("field"), text("description"))
    }
}

type Told = (Reply, Vec<(&'static str, &'static str)>);

/// The service behind the gateway.
#[derive(Clone)]
pub struct Fake {
    pool: DescriptorPool,
    reply: Arc<Mutex<Option<Told>>>,
    received: Arc<Mutex<Option<Received>>>,
}

impl Service<Request<Body>> for Fake {
    type Response = Response<Frames>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Frames>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fake = self.clone();
        Box::pin(async move { Ok(fake.answer(request).await) })
    }
}

impl Fake {
    async fn answer(self, request: Request<Body>) -> Response<Frames> {
        let (parts, body) = request.into_parts();
        let (reply, headers) =
            self.reply.lock().unwrap().clone().unwrap_or((Reply::Echo, Vec::new()));
        let path = parts.uri.path().to_owned();
        let marker = parts.extensions.get().cloned();
        let mut received = Received { path, headers: parts.headers, marker, ..Received::default() };
        let mut response = match reply {
            Reply::Early(code, message) => status(code, message, &[]),
            Reply::Raw(http_status, headers) => {
                let mut response = Response::new(Frames::default());
                *response.status_mut() = http_status;
                put_headers(response.headers_mut(), &headers);
                response
            }
            reply => match body.collect().await {
                Err(error) => {
                    received.error = Some(error);
                    status(2, "the body broke off", &[])
                }
                Ok(frames) => {
                    let wire = frames.to_bytes().slice(5..);
                    received.mask_paths = self.mask_paths(&received.path, &wire);
                    received.message = self.decode(&received.path, &wire);
                    self.reply_to(&received.path, reply, &wire)
                }
            },
        };
        put_headers(response.headers_mut(), &headers);
        response.extensions_mut().insert(Marker("from the service"));
        *self.received.lock().unwrap() = Some(received);
        response
    }

    fn reply_to(&self, path: &str, reply: Reply, wire: &[u8]) -> Response<Frames> {
        match reply {
            Reply::Status(code, message, details) => status(code, message, &details),
            Reply::Wire(wire) => message(&wire),
            Reply::Json(json) => {
                let output = self.method(path).output();
                message(&DynamicMessage::deserialize(output, json).unwrap().encode_to_vec())
            }
            _ if self.method(path).input() == self.method(path).output() => message(wire),
            _ => message(&[]),
        }
    }

    /// `None` when prost-reflect has no JSON for it: an `Any` of nothing.
    fn decode(&self, path: &str, wire: &[u8]) -> Option<Value> {
        let message = DynamicMessage::decode(self.method(path).input(), wire).unwrap();
        let options = SerializeOptions::new();
        message.serialize_with_options(serde_json::value::Serializer, &options).ok()
    }

    fn mask_paths(&self, path: &str, wire: &[u8]) -> Vec<String> {
        let message = DynamicMessage::decode(self.method(path).input(), wire).unwrap();
        let mask = message.get_field_by_name("update_mask");
        let paths = mask.as_ref().and_then(|mask| mask.as_message()?.get_field_by_name("paths"));
        let paths = paths.as_ref().and_then(|paths| paths.as_list()).unwrap_or_default();
        paths.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect()
    }

    fn method(&self, path: &str) -> prost_reflect::MethodDescriptor {
        let (service, method) = path[1..].split_once('/').unwrap();
        let service = self.pool.get_service_by_name(service).unwrap();
        service.methods().find(|candidate| candidate.name() == method).unwrap()
    }
}

/// The body of a gRPC answer.
#[derive(Debug, Default)]
pub struct Frames {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(http_body::Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(http_body::Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }
}

fn message(wire: &[u8]) -> Response<Frames> {
    let mut trailers = HeaderMap::new();
    put_headers(&mut trailers, &[("grpc-status", "0")]);
    Response::new(Frames { data: Some(frame(wire)), trailers: Some(trailers) })
}

fn status(code: i32, message: &str, details: &[u8]) -> Response<Frames> {
    let mut response = Response::new(Frames::default());
    let headers = response.headers_mut();
    headers.insert("grpc-status", code.into());
    headers.insert("grpc-message", message.replace(' ', "%20").parse().unwrap());
    if !details.is_empty() {
        let details = base64::prelude::BASE64_STANDARD_NO_PAD.encode(details);
        headers.insert("grpc-status-details-bin", details.parse().unwrap());
    }
    response
}

fn put_headers(headers: &mut HeaderMap, pairs: &[(&'static str, &'static str)]) {
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
}

/// The leaves of a JSON object by their dotted paths.
pub fn leaves(json: &Value) -> HashMap<String, Value> {
    let mut leaves = HashMap::new();
    let mut open = vec![(String::new(), json)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                let dot = if path.is_empty() { "" } else { "." };
                open.extend(members.iter().map(|(k, v)| (format!("{path}{dot}{k}"), v)));
            }
            leaf => {
                leaves.insert(path, leaf.clone());
            }
        }
    }
    leaves
}
