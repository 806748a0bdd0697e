//! Requests that mean harm: paths in disguise, values that contradict the path, and headers that
//! would be somebody else. Each is refused with a stable reason, or means no more than it says.

use serde_json::json;

use crate::support::Api;

const BOOK: &str = "/v1/shelves/1/books/2";

/// Methods whose path sets a field, one within another, and members of oneofs.
const VARIABLES: &str = r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
    message Request {
      string room_id = 1;
      Inner inner_part = 2;
      oneof choice { string text_id = 3; string other_id = 4; Inner third_part = 5; }
    }
    message Inner {
      string inner_id = 1;
      oneof kind { string first_id = 2; string second_id = 3; }
    }
    service S {
      rpc A(Request) returns (Request) { option (google.api.http) = {
        get: "/a/{room_id}" additional_bindings: {post: "/a/{room_id}" body: "*"}
        additional_bindings: {put: "/a/{room_id}" body: "inner_part"}}; }
      rpc B(Request) returns (Request) { option (google.api.http) = {
        get: "/b/{inner_part.inner_id}"
        additional_bindings: {post: "/b/{inner_part.inner_id}" body: "*"}
        additional_bindings: {put: "/b/{inner_part.inner_id}" body: "inner_part"}}; }
      rpc C(Request) returns (Request) { option (google.api.http) = {
        get: "/c/{text_id}" additional_bindings: {post: "/c/{text_id}" body: "*"}}; }
      rpc D(Request) returns (Request) { option (google.api.http) = {
        get: "/d/{inner_part.first_id}"
        additional_bindings: {post: "/d/{inner_part.first_id}" body: "*"}
        additional_bindings: {put: "/d/{inner_part.first_id}" body: "inner_part"}}; }
      rpc E(Request) returns (Request) { option (google.api.http) = {
        post: "/e" body: "third_part"}; }
    }"#;

#[tokio::test]
async fn a_path_in_disguise_leads_nowhere() {
    let api = Api::library();
    for (uri, status, reason) in [
        // Dot segments, however they are written.
        ("/v1/files/..%2fa", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%2e%2e/a", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%2E./a", 400, "MALFORMED_REQUEST"),
        ("/v1/files/a/%2e", 400, "MALFORMED_REQUEST"),
        ("/v1/files/a%2F%2E%2E%2Fb", 400, "MALFORMED_REQUEST"),
        ("/v1/files/..%5ca", 400, "MALFORMED_REQUEST"),
        ("/v1/files/a\\..\\b", 400, "MALFORMED_REQUEST"),
        ("/v1/files/..;x=1/b", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%2e%2e%3bx/b", 400, "MALFORMED_REQUEST"),
        ("/v1/shelves/../books/1", 400, "MALFORMED_REQUEST"),
        ("/v1/shelves/1/books/..%2f..%2f1", 400, "MALFORMED_REQUEST"),
        ("/v1/books/../../v1/files/a", 400, "MALFORMED_REQUEST"),
        // Text that is none.
        ("/v1/files/%00", 400, "MALFORMED_REQUEST"),
        ("/v1/files/a%00.txt", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%c0%ae%c0%ae/a", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%e0%80%ae", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%ED%A0%80", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%f4%90%80%80", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%ff", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%u002e", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%2", 400, "MALFORMED_REQUEST"),
        ("/v1/files/a%", 400, "MALFORMED_REQUEST"),
        // Empty segments, and slashes that are none.
        ("//v1/files/a", 404, "ROUTE_NOT_FOUND"),
        ("/v1//files/a", 404, "ROUTE_NOT_FOUND"),
        ("/v1/files//a", 404, "ROUTE_NOT_FOUND"),
        ("/v1/files/a/", 404, "ROUTE_NOT_FOUND"),
        ("/v1/books//", 404, "ROUTE_NOT_FOUND"),
        ("/v1/shelves/1/books/2/", 404, "ROUTE_NOT_FOUND"),
        ("/v1%2Fbooks", 404, "ROUTE_NOT_FOUND"),
        ("/v1/shelves%2F1/books/2", 404, "ROUTE_NOT_FOUND"),
        ("/v1/shelves/1/books%2F2", 404, "ROUTE_NOT_FOUND"),
        ("/v1\\books", 404, "ROUTE_NOT_FOUND"),
        // Literals are what they are.
        ("/V1/books", 404, "ROUTE_NOT_FOUND"),
        ("/v1/Books", 404, "ROUTE_NOT_FOUND"),
        ("/v1/books;a=b", 404, "ROUTE_NOT_FOUND"),
        ("/v1;a=b/books", 404, "ROUTE_NOT_FOUND"),
        ("/v1/books%20", 404, "ROUTE_NOT_FOUND"),
        ("/v1/books%3Fname=x", 404, "ROUTE_NOT_FOUND"),
        ("/v1/book%C5%BF", 404, "ROUTE_NOT_FOUND"),
        ("/test.library.v1.Library/GetBook", 404, "ROUTE_NOT_FOUND"),
        // Numbers are nothing else.
        ("/v1/pages/1%2F2", 400, "INVALID_FIELDS"),
        ("/v1/pages/1;v=2", 400, "INVALID_FIELDS"),
        ("/v1/pages/+1", 400, "INVALID_FIELDS"),
        ("/v1/pages/%201", 400, "INVALID_FIELDS"),
        ("/v1/pages/0x1", 400, "INVALID_FIELDS"),
        ("/v1/pages/%EF%BC%91", 400, "INVALID_FIELDS"),
        ("/v1/pages/1e999999999", 400, "INVALID_FIELDS"),
    ] {
        let answer = api.get(uri).await;
        assert_eq!((answer.status, answer.reason()), (status, reason), "{uri}");
        let reached = api.received().and_then(|received| received.message);
        assert_eq!(reached, None, "{uri}");
    }
}

#[tokio::test]
async fn a_path_is_decoded_once() {
    let api = Api::library();
    for (uri, path) in [
        ("/v1/files/%252e%252e/a", "%2e%2e/a"),
        ("/v1/files/%25%32%65", "%2e"),
        ("/v1/files/a%2500", "a%00"),
        ("/v1/files/a;x=1", "a;x=1"),
        ("/v1/files/a%5Cb", "a\\b"),
        ("/v1/files/...", "..."),
        ("/v1/files/a+b", "a+b"),
        ("/v1/%66iles/a", "a"),
    ] {
        let answer = api.get(uri).await;
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text);
        assert_eq!(api.message(), json!({"path": path}), "{uri}");
    }
}

#[tokio::test]
async fn nothing_overrides_what_the_path_says_nor_the_body() {
    let api = Api::declared(VARIABLES);
    for (method, uri, body, field) in [
        ("POST", "/a/1", r#"{"roomId":"2"}"#, "room_id"),
        ("POST", "/a/1", r#"{"room_id":"2"}"#, "room_id"),
        ("POST", "/a/1", r#"{"room\u0049d":"2"}"#, "room_id"),
        ("POST", "/a/1", r#"{"roomId":""}"#, "room_id"),
        ("POST", "/a/1", r#"{"roomId":"1","room_id":"2"}"#, "room_id"),
        ("POST", "/a/1?room_id=2", "{}", "room_id"),
        ("PUT", "/a/1?roomId=2", "{}", "room_id"),
        ("PUT", "/a/1?room_id=2", "{}", "room_id"),
        ("GET", "/a/1?roomId=2", "", "room_id"),
        ("GET", "/a/1?room_id=2", "", "room_id"),
        ("GET", "/a/1?room%5Fid=2", "", "room_id"),
        ("GET", "/a/1?room_id=", "", "room_id"),
        ("GET", "/a/1?room_id=1&roomId=2", "", "room_id"),
        ("POST", "/b/1", r#"{"innerPart":{"innerId":"2"}}"#, "inner_part.inner_id"),
        ("POST", "/b/1", r#"{"inner_part":{"inner_id":"2"}}"#, "inner_part.inner_id"),
        ("PUT", "/b/1", r#"{"innerId":"2"}"#, "inner_part.inner_id"),
        ("PUT", "/b/1", r#"{"inner_id":"2"}"#, "inner_part.inner_id"),
        ("PUT", "/b/1?innerPart.innerId=2", "{}", "innerPart.innerId"),
        ("GET", "/b/1?innerPart.innerId=2", "", "inner_part.inner_id"),
        ("GET", "/b/1?inner_part.inner_id=2", "", "inner_part.inner_id"),
        // Another member of its oneof would unset it, or be unset by it.
        ("POST", "/c/1", r#"{"otherId":"2"}"#, "other_id"),
        ("POST", "/c/1", r#"{"third_part":{}}"#, "third_part"),
        ("GET", "/c/1?otherId=2", "", "other_id"),
        ("GET", "/c/1?thirdPart.innerId=2", "", "third_part.inner_id"),
        ("POST", "/d/1", r#"{"innerPart":{"secondId":"2"}}"#, "inner_part.second_id"),
        ("PUT", "/d/1", r#"{"second_id":"2"}"#, "inner_part.second_id"),
        ("GET", "/d/1?inner_part.second_id=2", "", "inner_part.second_id"),
        ("POST", "/e?textId=2", "{}", "text_id"),
    ] {
        let answer = api.call(method, uri, body).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (400, "INVALID_FIELDS"),
            "{method} {uri} {body}"
        );
        assert_eq!(answer.violation().0, field, "{method} {uri} {body}");
        let reached = api.received().and_then(|received| received.message);
        assert_eq!(reached, None, "{method} {uri} {body}");
    }
}

#[tokio::test]
async fn what_the_path_says_may_be_said_again_or_left_unset() {
    let api = Api::declared(VARIABLES);
    for (method, uri, body, message) in [
        ("POST", "/a/1", r#"{"roomId":"1"}"#, json!({"roomId": "1"})),
        ("POST", "/a/1", r#"{"room_id":null}"#, json!({"roomId": "1"})),
        ("GET", "/a/1?room_id=1", "", json!({"roomId": "1"})),
        ("PUT", "/b/1", r#"{"inner_id":"1"}"#, json!({"innerPart": {"innerId": "1"}})),
        ("POST", "/b/1", r#"{"innerPart":null}"#, json!({"innerPart": {"innerId": "1"}})),
        ("POST", "/c/1", r#"{"otherId":null,"textId":"1"}"#, json!({"textId": "1"})),
        (
            "POST",
            "/d/1",
            r#"{"thirdPart":{"secondId":"2"}}"#,
            json!({"innerPart": {"firstId": "1"}, "thirdPart": {"secondId": "2"}}),
        ),
    ] {
        let answer = api.call(method, uri, body).await;
        assert_eq!(answer.status, 200, "{method} {uri} {body}: {}", answer.text);
        assert_eq!(api.message(), message, "{method} {uri} {body}");
    }
}

#[tokio::test]
async fn grpc_is_refused_on_a_rest_route() {
    let api = Api::library();
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc+json",
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
        "APPLICATION/GRPC",
        "application/grpc; charset=utf-8",
    ] {
        for (method, uri, body) in
            [("GET", BOOK, ""), ("POST", "/v1/kinds", "{}"), ("PATCH", BOOK, "")]
        {
            let answer = api.send(method, uri, &[("content-type", content_type)], body).await;
            assert_eq!(
                (answer.status, answer.reason()),
                (415, "UNSUPPORTED_MEDIA_TYPE"),
                "{method} {content_type}"
            );
            assert!(api.received().is_none(), "{method} {content_type}");
        }
    }
}

#[tokio::test]
async fn the_method_of_a_request_is_the_one_it_has() {
    let api = Api::library();
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let answer = api.send("GET", BOOK, &[(header, "DELETE")], "").await;
        assert_eq!(answer.status, 200, "{header}");
        let received = api.received().unwrap();
        assert_eq!(received.path, "/test.library.v1.Library/GetBook", "{header}");
        assert!(!received.headers.contains_key(header), "{header}");
        let post = api.send("POST", BOOK, &[(header, "DELETE")], "").await;
        assert_eq!((post.status, post.reason()), (405, "METHOD_NOT_ALLOWED"), "{header}");
    }
    let parameter = api.get(&format!("{BOOK}?_method=DELETE")).await;
    assert_eq!((parameter.status, parameter.violation().0), (400, "_method"));
    let body = api.call("POST", &format!("{BOOK}:move"), r#"{"_method":"DELETE"}"#).await;
    assert_eq!((body.status, body.violation().0), (400, "_method"));
}

#[tokio::test]
async fn no_header_becomes_metadata_that_was_not_declared() {
    let api = Api::library();
    for header in [
        "grpc-metadata-authorization",
        "grpc-metadata-x-user-id",
        "grpc-metadata-trace-bin",
        "grpc-trace-bin",
        "grpc-tags-bin",
        "grpc-status",
        "grpc-status-details-bin",
        "grpc-message",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpcgateway-authorization",
        "x-user-id",
        "x-forwarded-for",
        "forwarded",
        "x-original-url",
        "x-rewrite-url",
        "x-endpoint-api-userinfo",
        "proxy-authorization",
        "te",
        "connection",
    ] {
        let answer = api.send("GET", BOOK, &[(header, "c2VjcmV0")], "").await;
        assert_eq!(answer.status, 200, "{header}");
        let received = api.received().unwrap().headers;
        let forwarded = received.iter().any(|(_, value)| value == "c2VjcmV0");
        assert!(!forwarded, "{header}: {received:?}");
    }
}

#[tokio::test]
async fn a_deadline_is_for_the_service_to_judge() {
    let api = Api::library();
    for deadline in ["1S", "", "x", "-1S", "99999999999999999999H", "1", "S", "1s ", "0n"] {
        let answer = api.send("GET", BOOK, &[("grpc-timeout", deadline)], "").await;
        assert_eq!(answer.status, 200, "{deadline}");
        assert_eq!(api.received().unwrap().headers["grpc-timeout"], deadline);
    }
}
