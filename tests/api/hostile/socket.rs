//! HTTP without a client in between: bytes out, and what comes back, in HTTP/1.1 and in HTTP/2.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use prost::encoding::encode_varint;
use serde_json::Value;

/// How long an answer may take. Only a server that hangs ever uses it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an HTTP/2 client says first: the preface, and settings that it leaves as they are.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status, and the reason in its body.
    Answered(u16, String),
    /// An answer without a body, or none, and the end of the connection.
    Closed(Option<u16>),
    /// The end of the stream (HTTP/2).
    Reset,
    /// The end of the connection, with a code that says why (HTTP/2).
    GoneAway(u32),
}

impl Outcome {
    /// An answer with this status and reason.
    pub fn refused(status: u16, reason: &str) -> Self {
        Self::Answered(status, reason.to_owned())
    }
}

/// A connection of HTTP/1.1.
pub struct Http1(TcpStream);

impl Http1 {
    /// Connects and sends these bytes, as far as the server takes them.
    pub fn send(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut connection = Self(connect(address));
        connection.write(bytes);
        connection
    }

    /// Sends more. A server that has heard enough may have closed the connection.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// The next answer.
    pub fn answer(&mut self) -> Outcome {
        loop {
            let Some((status, length)) = self.head() else { return Outcome::Closed(None) };
            if (100..200).contains(&status) {
                continue;
            }
            let body = self.take(length.unwrap_or_default()).unwrap_or_default();
            if body.is_empty() && status >= 400 {
                assert_eq!(self.take(1), None, "what is no HTTP ends the connection");
                return Outcome::Closed(Some(status));
            }
            return Outcome::Answered(status, reason(&body));
        }
    }

    /// Whether the server has nothing more to say and has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        self.take(1).is_none()
    }

    /// The status, and the length of the body.
    fn head(&mut self) -> Option<(u16, Option<usize>)> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1)?);
        }
        let head = String::from_utf8(head).expect("a head that is text");
        let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        Some((status, length.map(|length| length.parse().expect("a length"))))
    }

    /// So many bytes; none when the connection ends before.
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        take(&mut self.0, count)
    }
}

/// Sends these frames on a new connection of HTTP/2, and waits for what becomes of the stream 1 or of the connection.
pub fn exchange_http2(address: SocketAddr, frames: &[u8]) -> Outcome {
    let mut connection = connect(address);
    let _ = connection.write_all(&[PREFACE, frames].concat());
    let mut body = Vec::new();
    while let Some(head) = take(&mut connection, 9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let is_first = head[5..] == [0, 0, 0, 1];
        let Some(payload) = take(&mut connection, length) else { break };
        match kind {
            RST_STREAM if is_first => return Outcome::Reset,
            GOAWAY => {
                return Outcome::GoneAway(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
            DATA if is_first => body.extend(payload),
            _ => {}
        }
        if is_first && matches!(kind, DATA | HEADERS) && flags & END_STREAM > 0 {
            let status = serde_json::from_slice::<Value>(&body).ok();
            let status = status.and_then(|body| body["error"]["code"].as_u64()).unwrap_or_default();
            return Outcome::Answered(u16::try_from(status).unwrap(), reason(&body));
        }
    }
    Outcome::Closed(None)
}

/// A frame of HTTP/2.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Headers as they are, without any compression (RFC 7541, section 6.2.2).
pub fn literals(headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [length(text.len()), text.as_bytes().to_vec()].concat();
    headers.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// An integer with a prefix of 7 bits (RFC 7541, section 5.1); what does not fit goes on as it does in protobuf.
fn length(number: usize) -> Vec<u8> {
    let (prefix, rest) = (number.min(127), number.checked_sub(127));
    let mut bytes = vec![u8::try_from(prefix).expect("7 bits")];
    if let Some(rest) = rest {
        encode_varint(rest as u64, &mut bytes);
    }
    bytes
}

fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).expect("a connection");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    connection
}

/// So many bytes; none when the connection ends before.
fn take(connection: &mut TcpStream, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    match connection.read_exact(&mut bytes) {
        Ok(()) => Some(bytes),
        Err(error) => {
            let hangs = matches!(error.kind(), std::io::ErrorKind::WouldBlock);
            assert!(!hangs, "the server does not answer");
            None
        }
    }
}

/// The reason in a body; empty where there is none.
fn reason(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"]["details"][0]["reason"].as_str().unwrap_or_default().to_owned()
}
