//! REST requests whose path, query, headers or body want to be taken for something else than they are.

use super::socket::{Http1, Outcome};
use crate::{
    kind::ROOM,
    support::{app::Person, rpc::CREATE_ROOM},
};

/// Sends all of them and returns how many there were.
pub async fn attack(ann: &Person) -> usize {
    let (one, two) = (ROOM.public(ann).await, ROOM.public(ann).await);
    let rooms = ROOM.count(ann).await;
    let mut count = 0;
    for (target, status, reason) in paths().chain(queries(&two)) {
        let path = target.replace("{one}", &one).replace("{two}", &two);
        demand(ann, "GET", &path, "", "", (status, reason));
        count += 1;
    }
    for (verb, target, head, body) in overrides() {
        let [target, head, body] =
            [target, head, body].map(|text| text.replace("{one}", &one).replace("{two}", &two));
        demand(ann, verb, &target, &head, &body, (400, "INVALID_FIELDS"));
        count += 1;
    }
    for (verb, head, body, status, reason) in HEADERS {
        demand(ann, verb, "/api/v1/rooms", head, body, (status, reason));
        count += 1;
    }
    for (verb, content_type, status, reason) in STRANGERS {
        let head = format!("content-type: {content_type}\r\n");
        let body = "\0\0\0\0\u{5}\n\u{3}\u{12}\u{1}a";
        demand(ann, verb, &format!("/{CREATE_ROOM}"), &head, body, (status, reason));
        count += 1;
    }
    assert_eq!(ROOM.count(ann).await, rooms);
    for id in [one, two] {
        assert_eq!(ROOM.current(ann, &id).await["name"], "everyone's");
    }
    count
}

/// Makes a request on a new connection and demands how it is refused.
#[track_caller]
fn demand(ann: &Person, verb: &str, target: &str, head: &str, body: &str, refusal: (u16, &str)) {
    let mut lines = vec![head.to_owned()];
    if !head.contains("authorization:") {
        lines.push(format!("authorization: Bearer {}\r\n", ann.access_token));
    }
    if !body.is_empty() {
        lines.push(format!("content-length: {}\r\n", body.len()));
    }
    let lines = lines.concat();
    let request = format!("{verb} {target} HTTP/1.1\r\nhost: x\r\n{lines}\r\n{body}");
    let outcome = Http1::send(ann.app.server.address, request.as_bytes()).answer();
    let shown = &request[..request.floor_char_boundary(100)];
    assert_eq!(outcome, Outcome::refused(refusal.0, refusal.1), "{shown:?} {head:?} {body:?}");
}

type Target = (String, u16, &'static str);

/// Paths to somewhere else.
fn paths() -> impl Iterator<Item = Target> {
    let malformed = [
        "/api/v1/users/..%2frooms",
        "/api/v1/users/..%2Frooms",
        "/api/v1/users/%2e%2e/rooms",
        "/api/v1/users/.%2e/rooms",
        "/api/v1/users/../rooms",
        "/api/v1/./rooms",
        "/api/v1/rooms/.",
        "/api/v1/rooms/%2e",
        "/api/v1/rooms/{one}/..;/{two}",
        "/api/v1/rooms/a%5c..",
        "/api/v1/rooms/%00",
        "/api/v1/rooms/{one}%00",
        "/api/v1/users/me%00",
        "/api/v1/rooms/%c0%ae%c0%ae",
        "/api/v1/rooms/%ff",
        "/api/v1/rooms/%ed%a0%80",
        "/api/v1/rooms/%",
        "/api/v1/rooms/%2",
        "/api/v1/rooms/%zz",
        "/api/../health",
        "/api/v1/x/..%2f..",
    ];
    let nowhere = [
        "//api/v1/rooms",
        "/api//v1/rooms",
        "/api/v1//rooms",
        "/api/v1/rooms/",
        "/api/v1/rooms//",
        "/API/v1/rooms",
        "/api/V1/rooms",
        "/api/v1/Rooms",
        "/api%2fv1%2frooms",
        "/api/v1%2frooms",
        "/api/v1/rooms;a=b",
        "/api/v1/rooms%20",
        "/api/v1/rooms%3ffilter=a",
        "/api/v1/rooms.json",
        "/api/v1/users/me/",
        "/api/veza.chat.v1.ChatService/ListRooms",
        "/api/health",
        "/api/metrics",
    ];
    // What was encoded twice is decoded once, and is then no id.
    let no_ids = [
        "/api/v1/rooms/%252e%252e",
        "/api/v1/rooms/..%252f{one}",
        "/api/v1/rooms/%2f",
        "/api/v1/rooms/a%2f{one}",
        "/api/v1/rooms/...",
        "/api/v1/rooms/{one}%20",
        "/api/v1/rooms/{one};x",
        "/api/v1/rooms/{one}:undelete",
        "/api/v1/rooms/%7b{one}%7d",
        "/api/v1/rooms/urn:uuid:{one}",
        "/api/v1/rooms/{one}%0d%0aa:b",
        "/api/v1/rooms/%e2%80%8b{one}",
        "/api/v1/users/ME",
        "/api/v1/users/m%C4%97",
        "/api/v1/rooms/*",
        "/api/v1/rooms/{one},{two}",
    ];
    let long = ["/api/v1/rooms/".to_owned() + &"a".repeat(8192), "/".repeat(8193)];
    let refused = |status, reason| move |path: &str| (path.to_owned(), status, reason);
    let all = malformed.map(refused(400, "MALFORMED_REQUEST")).into_iter();
    let all = all.chain(nowhere.map(refused(404, "ROUTE_NOT_FOUND")));
    let all = all.chain(no_ids.map(refused(400, "INVALID_FIELDS")));
    all.chain(long.map(|path| (path, 414, "URI_TOO_LONG")))
}

/// Queries that name the wrong thing, or the right one in the wrong way.
fn queries(two: &str) -> impl Iterator<Item = Target> {
    let rooms = |query: &str| format!("/api/v1/rooms?{query}");
    let one = |query: &str| format!("/api/v1/rooms/{{one}}?{query}");
    let malformed =
        ["filter=%", "filter=%zz", "filter=%c0%ae", "filter=%ed%a0%80", "filter=%00", "%00=a"];
    let malformed = malformed.map(|query| (rooms(query), 400, "MALFORMED_REQUEST"));
    let fields = [
        rooms("filter=a&filter=b"),
        rooms("pageSize=1&page_size=1"),
        rooms("pageSize=1&%70ageSize=1"),
        rooms("pagesize=1"),
        rooms("PAGE_SIZE=1"),
        rooms("page_size[]=1"),
        rooms("pageSize=+1"),
        rooms("pageSize=0x1"),
        rooms("pageSize=NaN"),
        rooms("pageSize=1e9999"),
        rooms("pageSize="),
        rooms("_method=DELETE"),
        rooms("$alt=proto"),
        rooms("fields=*"),
        rooms("access_token=a"),
        rooms("__proto__=a"),
        rooms("=a"),
        rooms("=&&&="),
        rooms("filter=a;orderBy=name"),
        rooms("filter[x]=a"),
        rooms("filter.x=a"),
        rooms(&format!("{}=a", "a.".repeat(4000) + "a")),
        rooms(&"a=1&".repeat(2000)),
        one(&format!("id={two}")),
        one("id={one}&id={one}"),
        one(&format!("%69d={two}")),
        one("room.id={two}"),
        one("room={}"),
    ];
    malformed.into_iter().chain(fields.map(|target| (target, 400, "INVALID_FIELDS")))
}

type Override = (&'static str, &'static str, &'static str, &'static str);

/// Changes whose path says one thing, and whose body, query or headers another.
fn overrides() -> [Override; 12] {
    const JSON: &str = "content-type: application/json\r\n";
    const ONE: &str = "/api/v1/rooms/{one}";
    [
        ("PATCH", ONE, JSON, r#"{"id":"{two}","name":"a"}"#),
        ("PUT", ONE, JSON, r#"{"id":"{two}","name":"a"}"#),
        ("PATCH", ONE, JSON, r#"{"\u0069d":"{two}","name":"a"}"#),
        ("PATCH", ONE, JSON, r#"{"name":"a","name":"b"}"#),
        ("PATCH", ONE, JSON, r#"{"name":"a","n\u0061me":"b"}"#),
        ("PATCH", ONE, JSON, r#"{"ownerId":"a","owner_id":"b"}"#),
        ("PATCH", ONE, JSON, r#"{"room":{"id":"{two}"},"name":"a"}"#),
        ("PATCH", "/api/v1/rooms/{one}?room.id={two}", JSON, r#"{"name":"a"}"#),
        ("PATCH", "/api/v1/rooms/{one}?room.name=b", JSON, r#"{"name":"a"}"#),
        (
            "PATCH",
            "/api/v1/rooms/{one}?etag=v1",
            "if-match: \"v2\"\r\ncontent-type: application/json\r\n",
            r#"{"name":"a"}"#,
        ),
        ("DELETE", "/api/v1/rooms/{one}?id={two}", "", ""),
        ("DELETE", "/api/v1/rooms/{one}?etag=v1&etag=v2", "", ""),
    ]
}

type WithHeaders = (&'static str, &'static str, &'static str, u16, &'static str);

/// Headers that want to be another verb, another caller or another format.
const HEADERS: [WithHeaders; 19] = [
    (
        "POST",
        "connection: authorization, content-type\r\ncontent-type: application/json\r\n",
        "[]",
        400,
        "INVALID_FIELDS",
    ),
    (
        "POST",
        "x-http-method-override: GET\r\ncontent-type: application/json\r\n",
        "[]",
        400,
        "INVALID_FIELDS",
    ),
    ("POST", "x-method-override: GET\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("DELETE", "x-http-method: GET\r\n", "", 405, "METHOD_NOT_ALLOWED"),
    (
        "GET",
        "authorization: Bearer nonsense\r\nx-authorization: Bearer a\r\n",
        "",
        401,
        "INVALID_TOKEN",
    ),
    ("GET", "authorization: Bearer a\r\nauthorization: Bearer b\r\n", "", 401, "INVALID_TOKEN"),
    ("GET", "grpc-metadata-authorization: Bearer a\r\n", "", 401, "MISSING_TOKEN"),
    (
        "GET",
        "cookie: authorization:=a\r\ngrpc-metadata-x-user-id: a\r\nx-authorization: a\r\n",
        "",
        401,
        "MISSING_TOKEN",
    ),
    (
        "GET",
        "x-original-url: /health\r\nx-rewrite-url: /health\r\naccept: text/html\r\n",
        "",
        406,
        "NOT_ACCEPTABLE",
    ),
    ("POST", "content-type: application/grpc\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "content-type: application/grpc-web+proto\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "content-type: Application/gRPC+json\r\n", "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("GET", "content-type: application/grpc\r\n", "", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (
        "POST",
        "content-type: application/json; charset=utf-16\r\n",
        "{}",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    (
        "POST",
        "content-type: text/plain\r\ncontent-type: application/json\r\n",
        "{}",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    (
        "POST",
        "content-type: multipart/form-data; boundary=a\r\n",
        "{}",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    (
        "POST",
        "content-type: application/json\r\ncontent-encoding: gzip\r\n",
        "{}",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    ("GET", "grpc-timeout: -1S\r\n", "", 400, "INVALID_FIELDS"),
    ("GET", "content-type: application/json\r\n", "{}", 400, "MALFORMED_REQUEST"),
];

/// What claims to be gRPC and is not: over HTTP/1.1 there is only gRPC-web, of which there are four types, and POST.
const STRANGERS: [(&str, &str, u16, &str); 9] = [
    ("POST", "application/grpc", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "application/grpc+proto", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "application/grpc-web+json", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "application/grpc-webx", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "application/grpc-web+proto; charset=utf-8", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "Application/gRPC-Web", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("POST", "application/json", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ("GET", "application/grpc-web+proto", 405, "METHOD_NOT_ALLOWED"),
    ("PUT", "application/grpc-web-text", 405, "METHOD_NOT_ALLOWED"),
];
