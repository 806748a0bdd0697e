//! Problem details (RFC 9457), for clients that ask for them.

use serde_json::json;

use crate::support::{Api, Reply};

const BOOK: &str = "/v1/shelves/1/books/2";
const PROBLEM: &str = "application/json, application/problem+json";

#[tokio::test]
async fn errors_are_problem_details_for_those_who_accept_them() {
    let api = Api::library();
    // google.rpc.Status with an ErrorInfo of reason "GONE" and domain "library.example".
    let info = b"\x0a\x04GONE\x12\x0flibrary.example";
    let type_url = b"type.googleapis.com/google.rpc.ErrorInfo";
    let mut any = vec![0x0a, u8::try_from(type_url.len()).unwrap()];
    any.extend_from_slice(type_url);
    any.extend_from_slice(&[0x12, u8::try_from(info.len()).unwrap()]);
    any.extend_from_slice(info);
    let mut details = vec![0x1a, u8::try_from(any.len()).unwrap()];
    details.extend_from_slice(&any);
    api.reply(Reply::Status(5, "no such book", details));

    let answer = api.send("GET", BOOK, &[("accept", PROBLEM)], "").await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let expected = json!({
        "type": "about:blank",
        "status": 404,
        "title": "Not Found",
        "detail": "no such book",
        "code": "NOT_FOUND",
        "reason": "GONE",
        "domain": "library.example",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "GONE",
            "domain": "library.example",
        }],
    });
    assert_eq!((answer.status, answer.json), (404, expected));

    let answer = api.get(BOOK).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json["error"]["details"][0]["reason"], "GONE");
}

#[tokio::test]
async fn refusals_of_the_gateway_are_problem_details_too() {
    let api = Api::library();
    for (method, uri, status, reason) in [
        ("GET", "/nowhere", 404, "ROUTE_NOT_FOUND"),
        ("DELETE", "/v1/books", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/pages/x", 400, "INVALID_FIELDS"),
    ] {
        let answer = api.send(method, uri, &[("accept", PROBLEM)], "").await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!((answer.status, &answer.json["reason"]), (status, &json!(reason)));
        assert_eq!(answer.json["domain"], "test.example");
        assert_eq!(answer.header("allow").is_some(), status == 405);
    }
}

#[tokio::test]
async fn an_answer_stays_json_when_nothing_failed() {
    let api = Api::library();
    api.reply(Reply::Json(json!({"name": "x"})));
    let answer = api.send("GET", BOOK, &[("accept", PROBLEM)], "").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
}
