//! Which method a request reaches, and with which values in its path.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_path_reaches_its_method_and_fills_its_variables() {
    let api = Api::library();
    for (method, uri, grpc_path, message) in [
        ("GET", "/v1/shelves/1/books/2", "GetBook", json!({"name": "shelves/1/books/2"})),
        ("GET", "/v1/shelves/1/books", "ListBooks", json!({"parent": "shelves/1"})),
        ("GET", "/v1/books", "ListBooks", json!({})),
        ("POST", "/v1/shelves/1/books/2:move", "MoveBook", json!({"name": "shelves/1/books/2"})),
        ("GET", "/v1/shelves/1/books/2:read", "GetBook", json!({"name": "shelves/1/books/2:read"})),
        (
            "GET",
            "/v1/shelves/a:b/books/c%3Amove",
            "GetBook",
            json!({"name": "shelves/a:b/books/c:move"}),
        ),
        (
            "GET",
            "/v1/shelves/a%2Fb/books/c%20d",
            "GetBook",
            json!({"name": "shelves/a%2Fb/books/c d"}),
        ),
        ("GET", "/v1/files/a/b%2fc/%C3%A9", "GetFile", json!({"path": "a/b%2Fc/é"})),
        ("GET", "/v1/files", "GetFile", json!({})),
        ("PURGE", "/v1/files/a", "GetFile", json!({"path": "a"})),
        ("GET", "/v1/pages/7", "GetPage", json!({"number": 7})),
        ("GET", "/v1/%70ages/7", "GetPage", json!({"number": 7})),
    ] {
        let answer = api.call(method, uri, "").await;
        assert_eq!(answer.status, 200, "{method} {uri}: {}", answer.text);
        let received = api.received().unwrap();
        let grpc_path = format!("/test.library.v1.Library/{grpc_path}");
        assert_eq!(received.path, grpc_path, "{uri}");
        let method = method.parse().unwrap();
        assert_eq!(api.gateway.grpc_path(&method, uri), Some(&*grpc_path), "{uri}");
        assert_eq!(received.message, Some(message), "{uri}");
    }
}

#[tokio::test]
async fn a_verb_ends_the_path() {
    let api = Api::declared(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        message Request {}
        service S {
          rpc Verb(Request) returns (Request) { option (google.api.http) = {get: "/v1/**:go"}; }
        }"#,
    );
    assert_eq!(api.get("/v1/a:go").await.status, 200);
    assert_eq!(api.get("/v1/a:go/").await.status, 404);
}

#[tokio::test]
async fn a_verb_of_other_methods_is_no_part_of_a_value() {
    let api = Api::declared(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        message Request { string id = 1; }
        service S {
          rpc Change(Request) returns (Request) { option (google.api.http) = {put: "/v1/{id}"}; }
          rpc Stop(Request) returns (Request) { option (google.api.http) = {post: "/v1/{id}:stop"}; }
        }"#,
    );
    let answer = api.call("PUT", "/v1/a:stop", "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("OPTIONS, POST")));
    assert_eq!(api.call("PUT", "/v1/a:go", "").await.status, 200);
}

#[tokio::test]
async fn a_literal_beats_a_variable_and_a_variable_beats_the_rest() {
    let rule = |rpc: &str, path: &str| {
        format!(
            "rpc {rpc}(Request) returns (Request) {{ option (google.api.http) = {{get: \"{path}\"}}; }}"
        )
    };
    let rules = [
        rule("Rest", "/v1/{id=**}"),
        rule("One", "/v1/{id}"),
        rule("Two", "/v1/{id=*}/{other}"),
        rule("Begins", "/v1/users/{id}"),
        rule("Ends", "/v1/{id}/me"),
        rule("Literal", "/v1/users/me"),
        rule("Verb", "/v1/users/{id}:watch"),
        rule("RestVerb", "/v1/{id=**}:watch"),
    ];
    let api = Api::declared(&format!(
        r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
        message Request {{ string id = 1; string other = 2; }}
        service S {{ {} }}"#,
        rules.concat()
    ));
    for (uri, rpc, message) in [
        ("/v1/users/me", "Literal", json!({})),
        ("/v1/users/you", "Begins", json!({"id": "you"})),
        ("/v1/rooms/me", "Ends", json!({"id": "rooms"})),
        ("/v1/rooms/1", "Two", json!({"id": "rooms", "other": "1"})),
        ("/v1/users", "One", json!({"id": "users"})),
        ("/v1/users/me/a", "Rest", json!({"id": "users/me/a"})),
        ("/v1/users/me:watch", "Verb", json!({"id": "me"})),
        ("/v1/users/me:stop", "Begins", json!({"id": "me:stop"})),
        ("/v1/users/me/a:watch", "RestVerb", json!({"id": "users/me/a"})),
        ("/v1/users/me/a:b:c", "Rest", json!({"id": "users/me/a:b:c"})),
    ] {
        assert_eq!(api.get(uri).await.status, 200, "{uri}");
        let received = api.received().unwrap();
        assert_eq!(
            (received.path, received.message),
            (format!("/t.S/{rpc}"), Some(message)),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_refused_before_the_service_is_called() {
    let api = Api::library();
    for (uri, status, reason) in [
        ("/", 404, "ROUTE_NOT_FOUND"),
        ("/v1", 404, "ROUTE_NOT_FOUND"),
        ("/v2/books", 404, "ROUTE_NOT_FOUND"),
        ("/v1/books/", 404, "ROUTE_NOT_FOUND"),
        ("/v1//books", 404, "ROUTE_NOT_FOUND"),
        ("/v1/files/a//b", 404, "ROUTE_NOT_FOUND"),
        ("/v1/files/a/", 404, "ROUTE_NOT_FOUND"),
        ("/test.library.v1.Library/Audit", 404, "ROUTE_NOT_FOUND"),
        ("/v1/files/a/../b", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%2e%2E/b", 400, "MALFORMED_REQUEST"),
        ("/v1/files/a%2F..%2Fb", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%00", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%ff", 400, "MALFORMED_REQUEST"),
        ("/v1/files/%4", 400, "MALFORMED_REQUEST"),
        ("/v1/pages/seven", 400, "INVALID_FIELDS"),
        ("/v1/pages/2147483648", 400, "INVALID_FIELDS"),
    ] {
        let answer = api.get(uri).await;
        assert_eq!((answer.status, answer.reason()), (status, reason), "{uri}");
        assert!(api.received().is_none_or(|received| received.message.is_none()), "{uri}");
    }
}

#[tokio::test]
async fn another_method_of_a_known_path_is_answered_with_those_allowed() {
    let api = Api::library();
    for (method, uri, allow) in [
        ("POST", "/v1/shelves/1/books/2", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("DELETE", "/v1/shelves/1/books", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/v1/files/a:b", ""),
        ("TRACE", "/v1/books", "GET, HEAD, OPTIONS"),
    ] {
        let answer = api.send(method, uri, &[], "").await;
        if allow.is_empty() {
            assert_eq!(answer.status, 200, "{method} {uri}");
            continue;
        }
        assert_eq!((answer.status, answer.reason()), (405, "METHOD_NOT_ALLOWED"), "{method} {uri}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {uri}");
    }
}

#[tokio::test]
async fn options_is_answered_from_the_route_table() {
    let api = Api::library();
    let answer = api.send("OPTIONS", "/v1/books", &[], "").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(api.send("OPTIONS", "/v2", &[], "").await.status, 404);
    assert!(api.received().is_none());
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let api = Api::library();
    let get = api.get("/v1/pages/7").await;
    let head = api.send("HEAD", "/v1/pages/7", &[], "").await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), Some(get.text.len().to_string().as_str()));
    assert_eq!(head.header("content-type"), Some("application/json"));
    let missing = api.send("HEAD", "/v2", &[], "").await;
    assert_eq!((missing.status, missing.text.as_str()), (404, ""));
}

#[tokio::test]
async fn a_uri_longer_than_the_limit_is_refused() {
    let api = Api::library();
    let answer = api.get(&format!("/v1/files/{}", "a".repeat(8192))).await;
    assert_eq!((answer.status, answer.reason()), (414, "URI_TOO_LONG"));
}
