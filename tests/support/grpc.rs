//! gRPC and gRPC-web by hand: frames out, frames and trailers in.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use percent_encoding::percent_decode_str;
use prost_reflect::MethodDescriptor;
use serde_json::Value;

use super::{
    client::{Answer, Call, Transport},
    contract,
    reply::{Reply, code_name},
};

/// The flag of a frame that has the trailers (gRPC-web).
const TRAILERS: u8 = 0x80;

/// The request that makes a call.
pub fn request(transport: Transport, call: &Call) -> Request<Bytes> {
    let path = format!("/{}", contract::name(&call.method));
    let content_type = content_type(transport);
    let frame = frame(&call.wire());
    let body =
        if transport == Transport::GrpcWebText { STANDARD.encode(frame).into() } else { frame };
    let request = Request::post(path)
        .header("content-type", content_type)
        .header("accept", content_type)
        .header("te", "trailers");
    call.with_headers(request).body(body.into()).expect("a request")
}

/// A message in its frame.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message below 4 GiB").to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// What the answer to a call of `method` says.
pub fn reply(transport: Transport, method: Option<&MethodDescriptor>, answer: Answer) -> Reply {
    let Answer { status, mut headers, trailers, body } = answer;
    headers.extend(trailers);
    let answered = headers.get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    let is_text = answered.starts_with(b"application/grpc-web-text");
    let body = if is_text { decode_chunks(&body) } else { body.into() };
    let message = unframe(&body, &mut headers);
    let mut reply = Reply {
        transport,
        call: method.map(contract::name).unwrap_or_default(),
        http_status: status,
        code: code(&headers).unwrap_or_else(|| format!("HTTP_{}", status.as_u16())),
        reason: None,
        message: message_text(&headers),
        details: details(&headers),
        body: Value::Null,
        headers,
    };
    reply.reason = reply
        .detail("google.rpc.ErrorInfo")
        .and_then(|info| info["reason"].as_str().map(str::to_owned));
    if let (Some(method), Some(message), "OK") = (method, message, reply.code.as_str()) {
        let decoded = contract::decode(&method.output(), &message);
        reply.body = decoded.unwrap_or_else(|error| panic!("{error}: {reply:#?}"));
    }
    reply
}

/// The messages that are whole in the beginning of a body.
pub fn messages(mut body: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        if *flag != TRAILERS {
            messages.push(content);
        }
        body = rest;
    }
    messages
}

/// The content type of requests over a transport.
pub fn content_type(transport: Transport) -> &'static str {
    match transport {
        Transport::Grpc => "application/grpc",
        Transport::GrpcWeb => "application/grpc-web+proto",
        Transport::GrpcWebText => "application/grpc-web-text+proto",
        Transport::Rest => "application/json",
    }
}

/// The message of the body; trailers that travel in the body are added to the headers.
fn unframe(mut body: &[u8], headers: &mut HeaderMap) -> Option<Vec<u8>> {
    let mut message = None;
    while let [flag, a, b, c, d, rest @ ..] = body {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (content, rest) = rest.split_at_checked(length)?;
        if *flag == TRAILERS {
            headers.extend(parse_trailers(content));
        } else {
            message = Some(content.to_vec());
        }
        body = rest;
    }
    message
}

fn parse_trailers(block: &[u8]) -> HeaderMap {
    let block = std::str::from_utf8(block).expect("trailers that are text");
    let lines = block.split("\r\n").filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| {
            let name: HeaderName = name.trim().parse().expect("the name of a trailer");
            let value: HeaderValue = value.trim().parse().expect("the value of a trailer");
            (name, value)
        })
        .collect()
}

/// Base64 that was encoded in pieces: padding may stand in the middle.
fn decode_chunks(text: &[u8]) -> Vec<u8> {
    let pieces = text.chunks(4).map(|piece| STANDARD.decode(piece).expect("base64"));
    pieces.collect::<Vec<_>>().concat()
}

fn code(headers: &HeaderMap) -> Option<String> {
    let number = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    Some(code_name(number).to_owned())
}

fn message_text(headers: &HeaderMap) -> String {
    let text = headers.get("grpc-message").and_then(|value| value.to_str().ok());
    percent_decode_str(text.unwrap_or_default()).decode_utf8_lossy().into_owned()
}

fn details(headers: &HeaderMap) -> Vec<Value> {
    let Some(encoded) = headers.get("grpc-status-details-bin") else { return Vec::new() };
    let encoded = encoded.to_str().expect("base64").trim_end_matches('=');
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(encoded).expect("base64");
    let status = contract::decode_status(&bytes).expect("a google.rpc.Status");
    status["details"].as_array().cloned().unwrap_or_default()
}
