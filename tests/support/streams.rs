//! Streams of messages, read one by one as they come.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::BodyExt;
use prost_reflect::MethodDescriptor;
use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::{
    client::{Answer, Call, Client, Transport, begin, connections, whole},
    contract, grpc,
    reply::Reply,
};

/// How long something may take that happens by itself. Only what never happens uses it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream that is open.
pub struct Messages {
    read: UnboundedReceiver<Result<Value, Box<Reply>>>,
}

impl Messages {
    /// The next message.
    pub async fn next(&mut self) -> Value {
        match self.take().await {
            Ok(message) => message,
            Err(end) => panic!("the stream has ended: {end:#?}"),
        }
    }

    /// The first message that has this field, and what comes before it.
    pub async fn until(&mut self, field: &str) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let message = self.next().await;
            if message[field].is_object() {
                return (message, before);
            }
            before.push(message);
        }
    }

    /// How it ends, whatever comes before.
    pub async fn end(mut self) -> Reply {
        loop {
            if let Err(end) = self.take().await {
                return *end;
            }
        }
    }

    async fn take(&mut self) -> Result<Value, Box<Reply>> {
        let next = tokio::time::timeout(PATIENCE, self.read.recv()).await;
        next.expect("a message in time").expect("a message after the last")
    }
}

impl Client {
    /// Opens a stream.
    pub fn stream(&self, transport: Transport, call: &Call) -> Messages {
        let (write, read) = mpsc::unbounded_channel();
        let request = grpc::request(transport, call).map(whole);
        let (http, address) = (self.of_transport(transport), self.turn());
        let method = call.method.clone();
        connections().spawn(async move {
            let answer = begin(http, address, request).await.expect("an answer");
            let (head, mut body) = answer.into_parts();
            let mut read = Vec::new();
            let mut told = 0;
            let mut trailers = http::HeaderMap::new();
            while let Some(frame) = body.frame().await {
                match frame.expect("a frame").into_data() {
                    Ok(data) => read.extend_from_slice(&data),
                    Err(frame) => trailers = frame.into_trailers().expect("trailers"),
                }
                told += tell(transport, &method, &read, told, &write);
            }
            let body = Bytes::from(read);
            let answer = Answer { status: head.status, headers: head.headers, trailers, body };
            let end = grpc::reply(transport, None, answer);
            // Who does not listen any more does not want to know.
            let _ = write.send(Err(Box::new(end)));
        });
        Messages { read }
    }
}

/// Hands on the messages after those that were told; how many.
fn tell(
    transport: Transport,
    method: &MethodDescriptor,
    read: &[u8],
    told: usize,
    write: &UnboundedSender<Result<Value, Box<Reply>>>,
) -> usize {
    let bytes = match transport {
        Transport::GrpcWebText => {
            let whole = read.chunks_exact(4).map(|piece| STANDARD.decode(piece).expect("base64"));
            whole.collect::<Vec<_>>().concat()
        }
        _ => read.to_vec(),
    };
    let messages = grpc::messages(&bytes).into_iter().skip(told);
    let messages = messages.map(|message| {
        let decoded = contract::decode(&method.output(), message);
        let _ = write.send(Ok(decoded.expect("a message of its type")));
    });
    messages.count()
}
