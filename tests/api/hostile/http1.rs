//! HTTP/1.1 that is none: requests that two readers could take for different ones, and heads that no server should read.

use super::socket::{Http1, Outcome};
use crate::support::app::Person;

/// What is asked after an attack, to see that nothing of it is left on the connection.
const CANARY: &[u8] = b"GET /api/canary HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// What another reader would take for the next request, whose answer is not that of the canary.
const SMUGGLED: &str = "GET /api/v1/rooms HTTP/1.1\r\nhost: x\r\n\r\n";

const LOGIN: &str =
    "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// Ends the connection, for the request cannot be told from what follows it.
const BROKEN: Outcome = Outcome::Closed(Some(400));

/// Has more in its head than is read.
const TOO_LARGE: Outcome = Outcome::Closed(Some(431));

/// Sends all of them and returns how many there were.
pub fn attack(ann: &Person) -> usize {
    let attacks: Vec<_> = [lines(), lengths(), chunks(), hosts()].concat();
    for (request, expected) in &attacks {
        let mut connection = Http1::send(ann.app.server.address, request.as_bytes());
        let shown = &request[..request.floor_char_boundary(200)];
        let outcome = connection.answer();
        // Of a client that still sends when the connection is closed, the system may drop the answer.
        let lost = *expected == TOO_LARGE && outcome == Outcome::Closed(None);
        assert!(lost || outcome == *expected, "{shown:?}: {outcome:?}");
        if matches!(outcome, Outcome::Closed(_)) {
            continue;
        }
        connection.write(CANARY);
        let next = connection.answer();
        let canary = Outcome::refused(404, "ROUTE_NOT_FOUND");
        assert!(next == canary || next == Outcome::Closed(None), "{shown:?}: {next:?}");
        assert!(connection.is_closed(), "{shown:?}");
    }
    attacks.len()
}

/// Request lines and headers.
fn lines() -> Vec<(String, Outcome)> {
    let rooms = |head: &str| format!("GET /api/v1/rooms HTTP/1.1\r\nhost: x\r\n{head}\r\n");
    let missing = || Outcome::refused(401, "MISSING_TOKEN");
    let broken = [
        "GET /health\r\n\r\n".to_owned(),
        "GET /health HTTP/1.2\r\nhost: x\r\n\r\n".into(),
        "GET /health HTTP/2.0\r\nhost: x\r\n\r\n".into(),
        "GET /health HTTP/1.1\rhost: x\r\r".into(),
        "G@T /health HTTP/1.1\r\nhost: x\r\n\r\n".into(),
        "GET /hea lth HTTP/1.1\r\nhost: x\r\n\r\n".into(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".to_owned() + &"\0".repeat(500),
        rooms("a: b\0c\r\n"),
        rooms("a: b\rc\r\n"),
        rooms("a b: c\r\n"),
        rooms("a : b\r\n"),
        rooms(": b\r\n"),
        rooms("a: b\r\n c\r\n"),
    ];
    let large = [
        rooms(&"a: b\r\n".repeat(1000)),
        rooms(&format!("authorization: Bearer {}\r\n", ".".repeat(1 << 20))),
        rooms(&format!("a: {}\r\n", "b".repeat(1 << 20))),
        format!("GET /api/v1/rooms?filter={} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(1 << 20)),
    ];
    let harmless = [
        // What follows the `#` would be for the client alone: it leads nowhere else.
        "GET /api/v1/rooms#/health HTTP/1.1\r\nhost: x\r\n\r\n".into(),
        rooms(
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
        ),
        rooms("connection: upgrade\r\nupgrade: websocket\r\n"),
        rooms("connection: authorization, host, content-length\r\n"),
    ];
    let not_allowed = ["TRACE", "get", &"A".repeat(300)].map(|verb| {
        let request = format!("{verb} /api/v1/rooms HTTP/1.1\r\nhost: x\r\n\r\n");
        (request, Outcome::refused(405, "METHOD_NOT_ALLOWED"))
    });
    let nowhere = ["CONNECT x:80", "GET *", "OPTIONS *", "GET /h\u{e4}"].map(|line| {
        let request = format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n");
        (request, Outcome::refused(404, "ROUTE_NOT_FOUND"))
    });
    let all = broken.into_iter().map(|request| (request, BROKEN));
    let all = all.chain(large.into_iter().map(|request| (request, TOO_LARGE)));
    let all = all.chain(harmless.into_iter().map(|request| (request, missing())));
    all.chain(not_allowed).chain(nowhere).collect()
}

/// Bodies whose end two readers could see in different places.
fn lengths() -> Vec<(String, Outcome)> {
    let chunked_first = Outcome::refused(400, "INVALID_FIELDS");
    let both = [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 500\r\n",
    ];
    // The length does not count (RFC 9112, section 6.3), and what follows the body is not looked at.
    let both =
        both.map(|head| (format!("{LOGIN}{head}\r\n0\r\n\r\n{SMUGGLED}"), chunked_first.clone()));
    let broken = [
        "content-length: 2\r\ncontent-length: 3",
        "content-length: 2, 2",
        "content-length: +2",
        "content-length: -2",
        "content-length: 0x2",
        "content-length: 2 2",
        "content-length: 99999999999999999999999",
        "content-length:",
        "transfer-encoding: identity",
        "transfer-encoding: chunked, gzip",
        "transfer-encoding: xchunked",
        "transfer-encoding: \"chunked\"",
        "transfer-encoding: \u{b}chunked",
        "transfer-encoding : chunked",
        "transfer-encoding\t: chunked",
        "x: y\r\n transfer-encoding: chunked",
    ];
    let broken = broken.map(|head| (format!("{LOGIN}{head}\r\n\r\n{{}}{SMUGGLED}"), BROKEN));
    both.into_iter().chain(broken).collect()
}

/// Chunks that are none.
fn chunks() -> Vec<(String, Outcome)> {
    let malformed = || Outcome::refused(400, "MALFORMED_REQUEST");
    let bad = [
        "g\r\n".to_owned(),
        "-2\r\n{}\r\n0\r\n\r\n".into(),
        "+2\r\n{}\r\n0\r\n\r\n".into(),
        "0x2\r\n{}\r\n0\r\n\r\n".into(),
        "fffffffffffffffff\r\n{}".into(),
        "2\n{}\n0\n\n".into(),
        "2;a\nb\r\n{}\r\n0\r\n\r\n".into(),
        "2\r\n{}XX0\r\n\r\n".into(),
        format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "e".repeat(20_000)),
        format!("0\r\n{}\r\n", "x: y\r\n".repeat(3000)),
    ];
    let bad = bad.map(|body| (format!("{body}{SMUGGLED}"), malformed()));
    let trailers = "0\r\ncontent-length: 40\r\nhost: y\r\n\r\n".to_owned();
    let harmless = [(trailers, Outcome::refused(400, "INVALID_FIELDS"))];
    let all = bad.into_iter().chain(harmless);
    let chunked = |body| format!("{LOGIN}transfer-encoding: chunked\r\n\r\n{body}");
    all.map(|(body, outcome)| (chunked(body), outcome)).collect()
}

/// Hosts: none, two, and one that is no host (RFC 9112, section 3.2).
fn hosts() -> Vec<(String, Outcome)> {
    let heads =
        ["", "host: a\r\nhost: b\r\n", "host: a b\r\n", "host: a/b\r\n", "host: user@a\r\n"];
    let rooms = |head| format!("GET /api/v1/rooms HTTP/1.1\r\n{head}\r\n");
    let broken = heads.map(|head| (rooms(head), BROKEN)).into_iter();
    let missing = Outcome::refused(401, "MISSING_TOKEN");
    // The host of an absolute URI counts, and here none does.
    let absolute = "GET http://evil.example/api/v1/rooms HTTP/1.1\r\nhost: x\r\n\r\n".to_owned();
    broken.chain([(absolute, missing)]).collect()
}
