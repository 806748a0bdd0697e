//! What the HTTP body of a request may be, and what it becomes.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_body_is_the_whole_request_or_one_field_of_it() {
    let api = Api::library();
    for (method, uri, body, message) in [
        (
            "POST",
            "/v1/shelves/1/books",
            r#"{"displayName":"a"}"#,
            json!({"parent": "shelves/1", "book": {"displayName": "a"}}),
        ),
        (
            "POST",
            "/v1/shelves/1/books",
            r#"{"display_name":"a"}"#,
            json!({"parent": "shelves/1", "book": {"displayName": "a"}}),
        ),
        ("POST", "/v1/shelves/1/books", "", json!({"parent": "shelves/1"})),
        ("POST", "/v1/shelves/1/books", "null", json!({"parent": "shelves/1"})),
        (
            "POST",
            "/v1/shelves/1/books/2:move",
            r#"{"shelf":"3"}"#,
            json!({"name": "shelves/1/books/2", "shelf": "3"}),
        ),
        ("POST", "/v1/shelves/1/books/2:move", " \n", json!({"name": "shelves/1/books/2"})),
    ] {
        let answer = api.call(method, uri, body).await;
        assert_eq!(answer.status, 200, "{uri} {body}: {}", answer.text);
        assert_eq!(api.message(), message, "{uri} {body}");
    }
}

#[tokio::test]
async fn a_field_of_the_path_may_be_repeated_in_the_body_but_not_changed() {
    let api = Api::library();
    let uri = "/v1/shelves/1/books/2:move";
    let same = api.call("POST", uri, r#"{"name":"shelves/1/books/2","shelf":"3"}"#).await;
    assert_eq!(same.status, 200, "{}", same.text);
    assert_eq!(api.message(), json!({"name": "shelves/1/books/2", "shelf": "3"}));
    let other = api.call("POST", uri, r#"{"name":"shelves/1/books/9"}"#).await;
    assert_eq!(other.violation(), ("name", "must be the same as in the path or a header"));
    let nested = "/v1/shelves/1/books/2";
    let same = api.call("PUT", nested, r#"{"name":"shelves/1/books/2"}"#).await;
    assert_eq!(same.status, 200, "{}", same.text);
    let other = api.call("PUT", nested, r#"{"name":"x"}"#).await;
    assert_eq!(other.violation().0, "book.name");
}

#[tokio::test]
async fn a_method_without_a_body_takes_none() {
    let api = Api::library();
    let answer = api.call("GET", "/v1/books", "{}").await;
    assert_eq!((answer.status, answer.reason()), (400, "MALFORMED_REQUEST"));
}

#[tokio::test]
async fn only_json_is_read_and_only_json_is_written() {
    let api = Api::library();
    let uri = "/v1/shelves/1/books";
    for (headers, status) in [
        (&[("content-type", "application/json")][..], 200),
        (&[("content-type", "Application/JSON; charset=UTF-8")], 200),
        (&[("content-type", "application/json; charset=latin1")], 415),
        (&[("content-type", "text/plain")], 415),
        (&[("content-type", "application/jsonp")], 415),
        (&[("content-type", "application/grpc")], 415),
        (&[("content-type", "application/grpc-web+proto")], 415),
        (&[], 415),
        (&[("content-type", "application/json"), ("content-encoding", "gzip")], 415),
        (&[("content-type", "application/json"), ("accept", "application/json")], 200),
        (&[("content-type", "application/json"), ("accept", "text/html, */*;q=0.1")], 200),
        (&[("content-type", "application/json"), ("accept", "application/*")], 200),
        (&[("content-type", "application/json"), ("accept", "text/html")], 406),
        (&[("content-type", "application/json"), ("accept", "*/*, application/json;q=0")], 406),
    ] {
        let answer = api.send("POST", uri, headers, "{}").await;
        assert_eq!(answer.status, status, "{headers:?}");
        let reason = match status {
            415 => "UNSUPPORTED_MEDIA_TYPE",
            406 => "NOT_ACCEPTABLE",
            _ => "",
        };
        assert_eq!(answer.reason(), reason, "{headers:?}");
        assert_eq!(api.received().is_some(), status == 200, "{headers:?}");
    }
    let grpc = api.send("GET", "/v1/books", &[("content-type", "application/grpc")], "").await;
    assert_eq!(grpc.status, 415);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_at_once() {
    let api = Api::library();
    let headers = [("content-type", "application/json"), ("content-length", "1048577")];
    let answer = api.send("POST", "/v1/shelves/1/books", &headers, "{}").await;
    assert_eq!((answer.status, answer.reason()), (413, "BODY_TOO_LARGE"));
    assert!(api.received().is_none());
}
