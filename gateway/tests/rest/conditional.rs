//! Entity tags: what a client has seen, in headers and in fields.

use serde_json::json;

use crate::support::{Api, Reply};

const BOOK: &str = "/v1/shelves/1/books/2";

fn api() -> Api {
    Api::library_with(|builder| builder.etag_fields(["etag", "meta.etag"]))
}

#[tokio::test]
async fn the_etag_of_a_resource_is_a_header_too() {
    let api = api();
    for (etag, header) in [
        (json!("abc"), Some("\"abc\"")),
        (json!("\"abc\""), Some("\"abc\"")),
        (json!("W/\"abc\""), Some("W/\"abc\"")),
        (json!(""), None),
        (json!("a\"b"), None),
        (json!("a\nb"), None),
    ] {
        api.reply(Reply::Json(json!({"meta": {"etag": etag}})));
        assert_eq!(api.get(BOOK).await.header("etag"), header, "{etag}");
    }
    api.reply(Reply::Json(json!({})));
    assert_eq!(api.get(BOOK).await.header("etag"), None);
    assert_eq!(api.get("/v1/books").await.header("etag"), None);
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let api = api();
    api.reply(Reply::Json(json!({"meta": {"etag": "abc"}})));
    for (header, status) in [
        ("\"abc\"", 304),
        ("W/\"abc\"", 304),
        ("\"x\", \"abc\"", 304),
        ("*", 304),
        ("\"x\"", 200),
        ("abc", 200),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = api.send(method, BOOK, &[("if-none-match", header)], "").await;
            assert_eq!(answer.status, status, "{method} {header}");
            assert_eq!(answer.header("etag"), Some("\"abc\""), "{method} {header}");
            assert_eq!(answer.text.is_empty(), status == 304 || method == "HEAD");
        }
    }
}

#[tokio::test]
async fn if_match_is_the_etag_of_the_request() {
    let api = api();
    for (header, etag) in [("\"abc\"", Some("abc")), ("W/\"abc\"", Some("abc")), ("*", None)] {
        let answer = api.send("DELETE", BOOK, &[("if-match", header)], "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(api.message().get("etag"), etag.map(|etag| json!(etag)).as_ref(), "{header}");
    }
    let list = api.send("DELETE", BOOK, &[("if-match", "\"a\", \"b\"")], "").await;
    assert_eq!((list.status, list.reason()), (400, "MALFORMED_REQUEST"));
    let same = format!("{BOOK}?etag=abc");
    assert_eq!(api.send("DELETE", &same, &[("if-match", "\"abc\"")], "").await.status, 200);
    let other = api.send("DELETE", &same, &[("if-match", "\"x\"")], "").await;
    assert_eq!(other.violation(), ("etag", "must be the same as in the path or a header"));
}

#[tokio::test]
async fn a_conflict_is_a_failed_precondition_when_there_was_one() {
    let api = api();
    api.reply(Reply::Status(10, "changed meanwhile", Vec::new()));
    let plain = api.send("DELETE", BOOK, &[], "").await;
    assert_eq!((plain.status, &plain.json["error"]["status"]), (409, &json!("ABORTED")));
    let conditional = api.send("DELETE", BOOK, &[("if-match", "\"abc\"")], "").await;
    assert_eq!(
        (conditional.status, &conditional.json["error"]["status"]),
        (412, &json!("ABORTED"))
    );
    assert_eq!(conditional.json["error"]["code"], 412);
}
