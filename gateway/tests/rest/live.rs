//! A gateway in front of a service that is played by the test while the client reads: what it gets,
//! message by message, and what it says in return.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use gateway::{Body, Builder, Gateway};
use http::{HeaderMap, Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, Full};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tower::{Service, ServiceExt};

use crate::frame::frame;
use crate::sources::descriptors;
use crate::support::Answer;

/// The descriptor set of `feed.proto`.
static FEED: LazyLock<Vec<u8>> = LazyLock::new(|| descriptors("feed.proto", None));

/// The two ends of a gateway.
pub struct Live {
    gateway: Gateway<Stage>,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Live {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(configure: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Self {
        Self::built(&FEED, configure)
    }

    /// A service that is declared right in the test.
    pub fn declared(proto: &str) -> Self {
        Self::built(&descriptors("declared.proto", Some(proto)), |builder| builder)
    }

    fn built(set: &[u8], configure: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let stage = Stage { pool: DescriptorPool::decode(set).unwrap(), calls: sender };
        let builder = Gateway::builder(set).error_domain("test.example").emit_unpopulated(false);
        let builder = configure(builder.resume_fields(["resume_token"]));
        Self { gateway: builder.build(stage).unwrap(), calls }
    }

    /// Begins a request, which goes on when the future is polled.
    pub fn request<B>(
        &self,
        request: Request<B>,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
    {
        let answer = self.gateway.clone().oneshot(request);
        Box::pin(async { answer.await.unwrap() })
    }

    pub fn get(
        &self,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        self.send("GET", uri, headers, "")
    }

    pub fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.request(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap())
    }

    /// The call that arrives next.
    pub async fn call(&mut self) -> Call {
        self.calls.recv().await.unwrap()
    }

    /// Whether no call has arrived.
    pub fn is_idle(&mut self) -> bool {
        self.calls.try_recv().is_err()
    }
}

/// A client's answer, read to its end.
pub async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status.as_u16(), headers: parts.headers, json, text, marker: None }
}

/// What a client reads next; `None` at the end, and an error when the body breaks off.
pub async fn next(body: &mut Body) -> Option<Result<String, gateway::Error>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()))
}

/// One call, as its handler sees it.
pub struct Call {
    path: String,
    pool: DescriptorPool,
    body: Body,
    buffer: BytesMut,
    answer: Option<oneshot::Sender<Response<Channel<Bytes>>>>,
}

impl Call {
    /// The next message of the request in canonical JSON; `None` at its end.
    pub async fn message(&mut self) -> Option<Result<Value, gateway::Error>> {
        loop {
            if let Some(head) = self.buffer.first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if self.buffer.len() >= 5 + length {
                    self.buffer.advance(5);
                    let wire = self.buffer.split_to(length);
                    let message = DynamicMessage::decode(self.method().input(), wire).unwrap();
                    let options = SerializeOptions::new();
                    let json =
                        message.serialize_with_options(serde_json::value::Serializer, &options);
                    return Some(Ok(json.unwrap()));
                }
            }
            match self.body.frame().await? {
                Ok(frame) => self.buffer.extend_from_slice(&frame.into_data().unwrap()),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads the request to its end.
    pub async fn messages(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        while let Some(message) = self.message().await {
            messages.push(message.unwrap());
        }
        messages
    }

    /// Begins the answer, of which the gateway takes no more than one frame ahead.
    pub fn answer(&mut self) -> Speaker {
        self.answer_with(&[])
    }

    pub fn answer_with(&mut self, headers: &[(&'static str, &'static str)]) -> Speaker {
        let (sender, channel) = Channel::new(1);
        let mut response = Response::new(channel);
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        assert!(self.answer.take().unwrap().send(response).is_ok(), "nobody waits for it");
        Speaker { sender, output: self.method().output() }
    }

    /// Answers with one message, or with a status alone.
    pub async fn answer_once(&mut self, outcome: Result<Value, (i32, &str)>) {
        let mut speaker = self.answer();
        match outcome {
            Ok(json) => {
                speaker.say(json).await;
                speaker.end(0, "").await;
            }
            Err((code, message)) => speaker.end(code, message).await,
        }
    }

    fn method(&self) -> prost_reflect::MethodDescriptor {
        let (service, method) = self.path[1..].split_once('/').unwrap();
        let service = self.pool.get_service_by_name(service).unwrap();
        service.methods().find(|candidate| candidate.name() == method).unwrap()
    }
}

/// The handler's end of an answer.
pub struct Speaker {
    sender: Sender<Bytes>,
    output: prost_reflect::MessageDescriptor,
}

impl Speaker {
    pub async fn say(&mut self, json: Value) {
        let message = DynamicMessage::deserialize(self.output.clone(), json).unwrap();
        self.say_wire(&message.encode_to_vec()).await;
    }

    pub async fn say_wire(&mut self, wire: &[u8]) {
        assert!(self.try_say_wire(wire).await, "the gateway does not listen any more");
    }

    /// Says the same so many times, in one chunk.
    pub async fn say_often(&mut self, json: Value, count: usize) {
        let message = DynamicMessage::deserialize(self.output.clone(), json).unwrap();
        let chunk = frame(&message.encode_to_vec()).repeat(count);
        self.sender.send_data(chunk.into()).await.unwrap();
    }

    /// False when nobody listens any more.
    pub async fn try_say_wire(&mut self, wire: &[u8]) -> bool {
        self.sender.send_data(frame(wire)).await.is_ok()
    }

    pub async fn end(mut self, code: i32, message: &str) {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.into());
        trailers.insert("grpc-message", message.replace(' ', "%20").parse().unwrap());
        self.sender.send_trailers(trailers).await.unwrap();
    }
}

/// The service, which hands each call to the test.
#[derive(Clone)]
pub struct Stage {
    pool: DescriptorPool,
    calls: mpsc::UnboundedSender<Call>,
}

impl Service<Request<Body>> for Stage {
    type Response = Response<Channel<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let (sender, answer) = oneshot::channel();
        let call = Call {
            path: parts.uri.path().to_owned(),
            pool: self.pool.clone(),
            body,
            buffer: BytesMut::new(),
            answer: Some(sender),
        };
        assert!(self.calls.send(call).is_ok());
        Box::pin(async { Ok(answer.await.unwrap()) })
    }
}
