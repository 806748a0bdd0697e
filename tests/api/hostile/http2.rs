//! HTTP/2 that is none: pseudo headers, headers, frames and floods that break its rules.

use super::socket::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Outcome, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, exchange_http2, frame, literals,
};
use crate::support::app::Person;

type Header = (&'static str, &'static str);

/// A request that anyone may make, and that needs a token.
const REQUEST: [Header; 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/api/v1/rooms"), (":authority", "x")];

/// A request whose body is waited for.
const LOGIN: [Header; 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/api/v1/auth/login"),
    (":authority", "x"),
    ("content-type", "application/json"),
];

/// The codes of errors (RFC 9113, section 7).
const PROTOCOL_ERROR: u32 = 1;
const FRAME_SIZE_ERROR: u32 = 6;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Sends all of them and returns how many there were.
pub fn attack(ann: &Person) -> usize {
    let requests = requests().into_iter().map(|(headers, outcome)| (request(&headers), outcome));
    let attacks: Vec<_> = requests.chain(frames()).chain(floods()).collect();
    for (number, (frames, expected)) in attacks.iter().enumerate() {
        let outcome = exchange_http2(ann.app.server.address, frames);
        // Of a client that still sends when the connection is closed, the system may drop the last words.
        let lost = matches!(expected, Outcome::GoneAway(_)) && outcome == Outcome::Closed(None);
        assert!(lost || outcome == *expected, "{number}: {outcome:?}, not {expected:?}");
    }
    attacks.len()
}

fn request(headers: &[Header]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &literals(headers))
}

/// Heads of requests.
fn requests() -> Vec<(Vec<Header>, Outcome)> {
    let with = |name: &str, value: &'static str| {
        let put = |(known, old)| (known, if known == name { value } else { old });
        REQUEST.map(put).to_vec()
    };
    let without =
        |name| REQUEST.into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let and = |name, value| [&REQUEST[..], &[(name, value)]].concat();
    let mut attacks = vec![(REQUEST.to_vec(), Outcome::refused(401, "MISSING_TOKEN"))];
    let resets = [
        without(":method"),
        without(":scheme"),
        without(":path"),
        with(":path", ""),
        with(":path", "api/v1/rooms"),
        with(":path", "http://x/api/v1/rooms"),
        with(":path", "/api/v1/rooms\r\na: b"),
        with(":path", "/api/v1/ro oms"),
        with(":path", "/api/v1/rooms\0"),
        with(":scheme", "h t"),
        and(":path", "/api/v1/users"),
        and(":method", "POST"),
        and(":scheme", "https"),
        and(":authority", "y"),
        and(":status", "200"),
        and(":protocol", "websocket"),
        [&[("a", "b")], &REQUEST[..]].concat(),
        and("connection", "close"),
        and("transfer-encoding", "chunked"),
        and("te", "gzip"),
        and("upgrade", "h2c"),
        and("keep-alive", "5"),
        and("proxy-connection", "close"),
        and("content-length", "5"),
        and("content-length", "five"),
    ];
    attacks.extend(resets.map(|headers| (headers, Outcome::Reset)));
    let ends = [
        with(":method", "G T"),
        and(":evil", "1"),
        and("Upper", "case"),
        and("a", "b\r\nc: d"),
        and("a", "b\0c"),
        and("", "nameless"),
        and("a b", "c"),
    ];
    attacks.extend(ends.map(|headers| (headers, Outcome::GoneAway(PROTOCOL_ERROR))));
    attacks.extend([
        (with(":path", "*"), Outcome::refused(404, "ROUTE_NOT_FOUND")),
        (with(":path", "/api/v1/rooms/..%2fusers"), Outcome::refused(400, "MALFORMED_REQUEST")),
        (with(":method", "get"), Outcome::refused(405, "METHOD_NOT_ALLOWED")),
        (
            vec![(":method", "CONNECT"), (":authority", "x:80")],
            Outcome::refused(404, "ROUTE_NOT_FOUND"),
        ),
    ]);
    let grpc = |method, content_type| {
        let path = (":path", "/veza.user.v1.UserService/GetMe");
        vec![(":method", method), REQUEST[1], path, REQUEST[3], ("content-type", content_type)]
    };
    let unsupported = || Outcome::refused(415, "UNSUPPORTED_MEDIA_TYPE");
    attacks.extend([
        (grpc("GET", "application/grpc"), Outcome::refused(405, "METHOD_NOT_ALLOWED")),
        (grpc("POST", "application/grpc-web+json"), unsupported()),
        (grpc("POST", "application/grpcx"), unsupported()),
    ]);
    attacks
}

/// Frames out of place, out of shape and out of order.
fn frames() -> Vec<(Vec<u8>, Outcome)> {
    let head = literals(&REQUEST);
    let gone = Outcome::GoneAway;
    vec![
        (frame(HEADERS, END_HEADERS | END_STREAM, 2, &head), gone(PROTOCOL_ERROR)),
        (frame(HEADERS, END_HEADERS | END_STREAM, 0, &head), gone(PROTOCOL_ERROR)),
        (frame(DATA, END_STREAM, 5, b"x"), gone(PROTOCOL_ERROR)),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"), gone(PROTOCOL_ERROR)),
        (
            frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\x7f"),
            gone(PROTOCOL_ERROR),
        ),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\0\x05ab"), gone(PROTOCOL_ERROR)),
        (frame(CONTINUATION, END_HEADERS, 1, &head), gone(PROTOCOL_ERROR)),
        ([frame(HEADERS, 0, 1, &head), frame(PING, 0, 0, &[0; 8])].concat(), gone(PROTOCOL_ERROR)),
        (frame(WINDOW_UPDATE, 0, 0, &[0; 4]), gone(PROTOCOL_ERROR)),
        (frame(DATA, 0, 1, &[0; 20_000]), gone(FRAME_SIZE_ERROR)),
        (frame(SETTINGS, 0, 0, b"abc"), gone(PROTOCOL_ERROR)),
        (frame(PING, 0, 0, b"x"), gone(PROTOCOL_ERROR)),
    ]
}

/// More of something than anyone needs. What becomes of the first stream would be waited for, so that none is the first.
fn floods() -> Vec<(Vec<u8>, Outcome)> {
    let head = literals(&REQUEST);
    let streams = || (0..2000_u32).map(|number| 2 * number + 3);
    // Streams that are opened and reset at once (CVE-2023-44487).
    let resets = streams().flat_map(|stream| {
        let open = frame(HEADERS, END_HEADERS | END_STREAM, stream, &head);
        [open, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    });
    // Streams that the server is made to reset (CVE-2025-8671).
    let made_resets = streams().flat_map(|stream| {
        let open = frame(HEADERS, END_HEADERS, stream, &head);
        [open, frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()
    });
    // A head that never ends (RUSTSEC-2024-0332), and one of many small pieces.
    let endless = |piece: Vec<u8>| {
        let pieces = (0..300).flat_map(move |_| frame(CONTINUATION, 0, 3, &piece));
        [frame(HEADERS, 0, 3, &head), pieces.collect()].concat()
    };
    let long = literals(&[("a", &"b".repeat(1000))]);
    let crumbs = literals(&vec![("cookie", "a"); 1000]);
    // One long header, put into the table once and named often.
    let named = [&[0x40, 1, b'a', 127, 0xb9, 0x16][..], &[b'b'; 3000], &[0xbe; 12_000]].concat();
    let bomb = frame(HEADERS, END_HEADERS | END_STREAM, 3, &[&head[..], &named].concat());
    // Frames without content, which cost the client next to nothing (RUSTSEC-2026-0258).
    let open = frame(HEADERS, END_HEADERS, 3, &literals(&LOGIN));
    let empty = [open, frame(DATA, 0, 3, b"").repeat(30_000)].concat();
    let calm = [resets.collect(), endless(long), endless(crumbs), bomb, empty];
    let calm = calm.map(|frames| (frames, Outcome::GoneAway(ENHANCE_YOUR_CALM)));
    calm.into_iter().chain([(made_resets.collect(), Outcome::GoneAway(PROTOCOL_ERROR))]).collect()
}
