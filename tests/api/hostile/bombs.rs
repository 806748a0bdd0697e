//! Messages that cost more than they weigh, or are none: JSON, protobuf, and the frames of gRPC and gRPC-web.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Request;
use prost::encoding::encode_varint;

use crate::{
    kind::{ROOM, STREAM},
    support::{
        app::Person,
        client::Transport,
        grpc::{content_type, frame},
        rpc::{CREATE_ROOM, CREATE_STREAM, UPDATE_ROOM},
    },
};

/// As many of something as would fill a request of 1 MB.
const MILLION: usize = 1_000_000;

/// Sends all of them and returns how many there were.
pub async fn attack(ann: &Person) -> usize {
    let mut count = 0;
    for (path, text, reason) in json() {
        let request = request(ann, Transport::Rest, path).body(text.clone().into_bytes());
        let reply = ann.app.client.raw(Transport::Rest, request.unwrap()).await;
        let shown = &text[..text.floor_char_boundary(60)];
        assert_eq!(reply.reason.as_deref(), Some(reason), "{shown:?}: {reply:#?}");
        assert!(reply.http_status.is_client_error(), "{shown:?}: {reply:#?}");
        count += 1;
    }
    for (number, (method, message, reason)) in protobuf().into_iter().enumerate() {
        // Out of its frame, a message is the same over all of them.
        let transport = Transport::BINARY[number % 3];
        demand(ann, transport, method, &frame(&message), reason).await;
        count += 1;
    }
    for (bytes, reason) in frames() {
        for transport in Transport::BINARY {
            demand(ann, transport, CREATE_ROOM, &bytes, reason).await;
            count += 1;
        }
    }
    for (text, reason) in texts() {
        let path = format!("/{CREATE_ROOM}");
        let request = request(ann, Transport::GrpcWebText, &path).body(text).unwrap();
        let reply = ann.app.client.raw(Transport::GrpcWebText, request).await;
        reply.refused("INVALID_ARGUMENT", reason);
        count += 1;
    }
    assert_eq!((ROOM.count(ann).await, STREAM.count(ann).await), (0, 0));
    count
}

/// Sends these bytes to a method, and demands the reason for which they are refused.
async fn demand(ann: &Person, transport: Transport, method: &str, bytes: &[u8], reason: &str) {
    let is_text = transport == Transport::GrpcWebText;
    let body = if is_text { BASE64_STANDARD.encode(bytes).into() } else { bytes.to_vec() };
    let request = request(ann, transport, &format!("/{method}")).body(body).unwrap();
    let reply = ann.app.client.raw(transport, request).await;
    let shown = &bytes[..bytes.len().min(60)];
    assert_eq!(reply.reason.as_deref(), Some(reason), "{shown:x?}: {reply:#?}");
}

fn request(ann: &Person, transport: Transport, path: &str) -> http::request::Builder {
    Request::post(path)
        .header("content-type", content_type(transport))
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", ann.access_token))
}

const ROOMS: &str = "/api/v1/rooms";
const STREAMS: &str = "/api/v1/streams";

/// JSON, where it is sent, and the reason for which it is refused.
fn json() -> Vec<(&'static str, String, &'static str)> {
    let many =
        |item: &dyn Fn(usize) -> String, count| (0..count).map(item).collect::<Vec<_>>().join(",");
    let fields = vec![
        format!("{{{}}}", many(&|number| format!("\"k{number}\":1"), 80_000)),
        format!("{{{}}}", many(&|_| "\"name\":\"a\"".into(), 80_000)),
        format!("{{\"meta\":{{{}}}}}", many(&|number| format!("\"k{number}\":1"), 80_000)),
        format!("{{\"name\":\"{}\"}}", "x".repeat(MILLION)),
        format!("{{\"name\":\"{}\"}}", "\\u0041".repeat(MILLION / 6)),
        format!("{{\"memberCount\":{}}}", "9".repeat(MILLION)),
        format!("{{\"memberCount\":1{}e-{MILLION}}}", "0".repeat(MILLION)),
        format!("{{\"memberCount\":0.{}1}}", "0".repeat(MILLION)),
        "{\"memberCount\":1e400}".into(),
        "{\"memberCount\":1e-99999999999}".into(),
        "{\"memberCount\":9007199254740993.0}".into(),
        format!("{{\"{}\":1}}", "k".repeat(MILLION)),
        "{\"__proto__\":{\"name\":\"a\"}}".into(),
        "{\"@type\":\"type.googleapis.com/veza.chat.v1.Room\"}".into(),
        "{\"Name\":\"a\"}".into(),
        "[]".into(),
        "\"a\"".into(),
        "{\"name\":null}".into(),
        " ".repeat(MILLION),
    ];
    let malformed = vec![
        format!("{{\"name\":{}", "[".repeat(MILLION)),
        format!("{{\"name\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)),
        "{\"meta\":".repeat(100_000),
        "[".repeat(MILLION),
        "{\"a\":".repeat(MILLION / 5),
        "\u{feff}{\"name\":\"a\"}".to_owned(),
        "{\"name\":\"a\"}\0".into(),
        "{\"name\":\"a\"}{\"name\":\"b\"}".into(),
        "{\"name\":\"a\",}".into(),
        "{\"name\":\"a\"/**/}".into(),
        "{\"name\":\"a\nb\"}".into(),
        "{\"name\":\"\\ud800\"}".into(),
        "{\"name\":\"\\x41\"}".into(),
        "{\"name\":NaN}".into(),
        "{name:\"a\"}".into(),
        "{\"memberCount\":01}".into(),
        format!("{{\"name\":\"{}", "x".repeat(MILLION)),
    ];
    let tags = |tags: String| format!("{{\"title\":\"a\",\"tags\":[{tags}]}}");
    let lists = vec![
        (tags(many(&|_| "\"\"".into(), 300_000)), "INVALID_FIELDS"),
        (tags(many(&|number| format!("\"{number}\""), 1000)), "INVALID_FIELDS"),
        (tags("null".into()), "INVALID_FIELDS"),
        (tags("[]".into()), "INVALID_FIELDS"),
        (
            format!("{{\"title\":\"a\",\"scheduledStartTime\":\"{}\"}}", "0".repeat(MILLION)),
            "INVALID_FIELDS",
        ),
    ];
    let fields = fields.into_iter().map(|text| (ROOMS, text, "INVALID_FIELDS"));
    let malformed = malformed.into_iter().map(|text| (ROOMS, text, "MALFORMED_REQUEST"));
    let lists = lists.into_iter().map(|(text, reason)| (STREAMS, text, reason));
    fields.chain(malformed).chain(lists).collect()
}

/// Protobuf, the method it is sent to, and the reason for which it is refused.
fn protobuf() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let nested = |field, depth| (0..depth).fold(Vec::new(), |inner, _| delimited(field, &inner));
    let after_room = |tail: &[u8]| [&delimited(1, b"\x12\x01a")[..], tail].concat();
    let tagged = |tags: Vec<u8>| delimited(1, &[b"\x12\x01a", &tags[..]].concat());
    let tags = |tag: &dyn Fn(usize) -> Vec<u8>, count| {
        (0..count).flat_map(|at| delimited(8, &tag(at))).collect()
    };
    let begin = [0xa3, 0x06].repeat(100_000);
    let end = [0xa4, 0x06].repeat(100_000);
    let mask = |path: &[u8], count| delimited(2, &delimited(1, path).repeat(count));
    let malformed = [
        nested(1, 1000),
        after_room(&begin),
        after_room(&[begin, end].concat()),
        after_room(&[0xa4, 0x06]),
        after_room(&[0xa3, 0x06, 0xac, 0x06]),
        delimited(1, &delimited(2, b"\xff\xfe")),
        delimited(1, &delimited(2, b"\xc0\x80")),
        delimited(1, &delimited(2, b"\xed\xa0\x80")),
        b"\0\0".to_vec(),
        b"\x0f".to_vec(),
        [&[0x80; 11][..], &[1]].concat(),
        b"\x0a\xff\xff\xff\xff\x0f".to_vec(),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
        after_room(b"\x0a\x05\x12\x03a"),
    ];
    let rooms = [
        delimited(1, &nested(15, 1000)),
        delimited(1, b"").repeat(MILLION),
        delimited(1, &delimited(2, &vec![b'x'; MILLION])),
        delimited(1, b"\x12\x01a\x20\x63"),
    ];
    let streams = [
        tagged(tags(&|_| Vec::new(), MILLION)),
        tagged(tags(&|_| vec![b'x'], MILLION)),
        tagged(tags(&|at| format!("{at:x}").into(), MILLION / 4)),
        tagged(tags(&|_| vec![b'y'; 60], 60_000)),
    ];
    let masks = [mask(b"", MILLION), mask(b"name", MILLION / 2), mask(b"a.b.c", MILLION / 4)];
    let malformed = malformed.into_iter().map(|bytes| (CREATE_ROOM, bytes, "MALFORMED_REQUEST"));
    let rooms = rooms.into_iter().map(|bytes| (CREATE_ROOM, bytes, "INVALID_FIELDS"));
    let streams = streams.into_iter().map(|bytes| (CREATE_STREAM, bytes, "INVALID_FIELDS"));
    let masks = masks.into_iter().map(|bytes| (UPDATE_ROOM, bytes, "INVALID_FIELDS"));
    malformed.chain(rooms).chain(streams).chain(masks).collect()
}

/// Frames that break the rules of gRPC, and the reason for which they are refused.
fn frames() -> Vec<(Vec<u8>, &'static str)> {
    let room = delimited(1, b"\x12\x01a");
    let good = frame(&room);
    let flagged = |flag: u8| [&[flag], &good[1..]].concat();
    let announced = |length: u32| [&[0][..], &length.to_be_bytes(), &room].concat();
    vec![
        (flagged(1), "MALFORMED_REQUEST"),
        (flagged(2), "MALFORMED_REQUEST"),
        (flagged(0x80), "MALFORMED_REQUEST"),
        (flagged(0xff), "MALFORMED_REQUEST"),
        (announced(u32::MAX), "BODY_TOO_LARGE"),
        (announced(5 << 20), "BODY_TOO_LARGE"),
        (announced(100), "MALFORMED_REQUEST"),
        (announced(1), "MALFORMED_REQUEST"),
        ([&good[..], &good].concat(), "MALFORMED_REQUEST"),
        (good.repeat(1000), "MALFORMED_REQUEST"),
        ([&good[..], b"abc"].concat(), "MALFORMED_REQUEST"),
        ([&good[..], b"\x80\0\0\0\x04a: b"].concat(), "MALFORMED_REQUEST"),
        (Vec::new(), "MALFORMED_REQUEST"),
        (b"{\"room\":{\"name\":\"a\"}}".to_vec(), "MALFORMED_REQUEST"),
    ]
}

/// Text that gRPC-web cannot read, or that reads as nothing good.
fn texts() -> Vec<(Vec<u8>, &'static str)> {
    let good = BASE64_STANDARD.encode(frame(&delimited(1, b"\x12\x01a")));
    let broken = [
        "!".to_owned(),
        "A".into(),
        "=AAA".into(),
        good[..good.len() - 1].into(),
        good.clone() + "\n",
        good.replacen('A', "-", 1),
        "{\"name\":\"a\"}".into(),
    ];
    let broken = broken.into_iter().map(|text| (text.into_bytes(), "MALFORMED_REQUEST"));
    let zeros = ("A".repeat(2 * MILLION).into_bytes(), "INVALID_FIELDS");
    broken.chain([zeros, (vec![0xff; 100], "MALFORMED_REQUEST")]).collect()
}

/// A field of bytes, text or another message.
fn delimited(field: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 8);
    encode_varint(u64::from(field << 3 | 2), &mut bytes);
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}
