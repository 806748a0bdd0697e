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
        ("abc", Some("\"abc\"")),
        ("W/\"abc\"", Some("W/\"abc\"")),
        ("W/abc", Some("\"W/abc\"")),
        ("", None),
        // What a header cannot hold is encoded.
        ("\"abc\"", Some("\"%22abc%22\"")),
        ("a\"b\n%é", Some("\"a%22b%0A%25%C3%A9\"")),
    ] {
        api.reply(Reply::Json(json!({"meta": {"etag": etag}})));
        assert_eq!(api.get(BOOK).await.header("etag"), header, "{etag}");
    }
    api.reply(Reply::Json(json!({})));
    assert_eq!(api.get(BOOK).await.header("etag"), None);
    assert_eq!(api.get("/v1/books").await.header("etag"), None);
}

#[tokio::test]
async fn an_etag_comes_back_in_if_match_as_the_service_gave_it() {
    let api = api();
    for etag in ["v3", "\"v3\"", "a, b", "W/v3", "100%22", "é\u{7f} \t", "a\"b\\c"] {
        api.reply(Reply::Json(json!({"meta": {"etag": etag}})));
        let read = api.get(BOOK).await;
        let header = read.header("etag").unwrap();
        api.reply(Reply::Echo);
        let deleted = api.send("DELETE", BOOK, &[("if-match", header)], "").await;
        assert_eq!(deleted.status, 200, "{etag}: {}", deleted.text);
        assert_eq!(api.message()["etag"], etag, "{header}");
    }
}

#[tokio::test]
async fn an_etag_in_a_message_that_was_sent_in_pieces_is_found() {
    let api = api();
    // `meta` with an etag, and more of `meta` without one.
    api.reply(Reply::Wire(vec![0x42, 3, 0x0a, 1, b'a', 0x42, 0]));
    assert_eq!(api.get(BOOK).await.header("etag"), Some("\"a\""));
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let api = api();
    api.reply(Reply::Json(json!({"meta": {"etag": "abc"}})));
    for (header, status) in [
        ("\"abc\"", 304),
        ("W/\"abc\"", 304),
        ("\"x\", \"abc\"", 304),
        (",W/\"x\" ,, \"abc\",", 304),
        ("*", 304),
        ("\"x, \"abc\"", 200),
        ("\"abcd\"", 200),
        ("", 200),
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
async fn several_lines_of_a_condition_are_one_list() {
    let api = api();
    api.reply(Reply::Json(json!({"meta": {"etag": "a,b"}})));
    let lines = [("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")];
    assert_eq!(api.send("GET", BOOK, &lines, "").await.status, 304);
    api.reply(Reply::Echo);
    let lines = [("if-match", "W/\"x\""), ("if-match", "\"abc\"")];
    assert_eq!(api.send("DELETE", BOOK, &lines, "").await.status, 200);
    assert_eq!(api.message()["etag"], "abc");
}

#[tokio::test]
async fn if_match_is_the_etag_of_the_request() {
    let api = api();
    for (header, etag) in [
        ("\"abc\"", Some("abc")),
        (" \"abc\" ", Some("abc")),
        ("\"a,b\"", Some("a,b")),
        ("\"abc\", \"abc\"", Some("abc")),
        ("*", None),
        // Of a list, a weak tag cannot be the one that matches.
        ("W/\"x\", \"abc\"", Some("abc")),
    ] {
        let answer = api.send("DELETE", BOOK, &[("if-match", header)], "").await;
        assert_eq!(answer.status, 200, "{header}: {}", answer.text);
        assert_eq!(api.message().get("etag"), etag.map(|etag| json!(etag)).as_ref(), "{header}");
    }
    let same = format!("{BOOK}?etag=abc");
    assert_eq!(api.send("DELETE", &same, &[("if-match", "\"abc\"")], "").await.status, 200);
    let other = api.send("DELETE", &same, &[("if-match", "\"x\"")], "").await;
    assert_eq!(other.violation(), ("etag", "must be the same as in the path or a header"));
}

#[tokio::test]
async fn if_match_that_the_service_cannot_compare_is_refused_with_the_request() {
    let api = api();
    for (header, status, reason, message) in [
        ("W/\"abc\"", 412, "PRECONDITION_FAILED", "never matches a weak entity tag"),
        ("W/\"a\", W/\"b\"", 412, "PRECONDITION_FAILED", "never matches a weak entity tag"),
        ("\"a\", \"b\"", 400, "INVALID_FIELDS", "etag: must be one entity tag"),
        ("abc", 400, "MALFORMED_REQUEST", "in double quotes, as `\"v1\"`"),
        ("\"a\" \"b\"", 400, "MALFORMED_REQUEST", "in double quotes"),
        ("\"abc", 400, "MALFORMED_REQUEST", "in double quotes"),
        ("\"a b\"", 400, "MALFORMED_REQUEST", "in double quotes"),
        ("w/\"abc\"", 400, "MALFORMED_REQUEST", "in double quotes"),
        ("*, \"abc\"", 400, "MALFORMED_REQUEST", "in double quotes"),
        (",", 400, "MALFORMED_REQUEST", "in double quotes"),
        ("", 400, "MALFORMED_REQUEST", "in double quotes"),
    ] {
        let answer = api.send("DELETE", BOOK, &[("if-match", header)], "").await;
        assert_eq!((answer.status, answer.reason()), (status, reason), "{header}");
        let told = answer.json["error"]["message"].as_str().unwrap();
        assert!(told.contains(message), "{header}: {told}");
        // A caller whom the service refuses hears of that alone (RFC 9110, section 13.2.1), so it is asked.
        let error = api.received().and_then(|received| received.error);
        assert_eq!(error.unwrap().reason(), reason, "{header}");
    }
}

#[tokio::test]
async fn if_match_on_a_method_without_an_etag_is_not_looked_at() {
    let api = api();
    for header in ["\"abc\"", "\"a\", \"b\"", "W/\"abc\"", "abc"] {
        assert_eq!(api.send("GET", BOOK, &[("if-match", header)], "").await.status, 200);
    }
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
