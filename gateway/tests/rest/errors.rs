//! Errors as clients see them, in the form of AIP-193.

use http::StatusCode;
use serde_json::json;

use crate::support::{Api, Reply};

/// A length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut wire = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    wire.extend_from_slice(content);
    wire
}

/// A `google.rpc.Status` with details, each by its type and wire bytes.
fn status_with(details: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let any = |(name, wire): &(&str, Vec<u8>)| {
        let type_url = format!("type.googleapis.com/{name}");
        field(3, &[field(1, type_url.as_bytes()), field(2, wire)].concat())
    };
    details.iter().flat_map(any).collect()
}

#[tokio::test]
async fn every_code_has_its_http_status_and_its_name() {
    let api = Api::library();
    for (code, status, name) in [
        (1, 499, "CANCELLED"),
        (2, 500, "UNKNOWN"),
        (3, 400, "INVALID_ARGUMENT"),
        (4, 504, "DEADLINE_EXCEEDED"),
        (5, 404, "NOT_FOUND"),
        (6, 409, "ALREADY_EXISTS"),
        (7, 403, "PERMISSION_DENIED"),
        (8, 429, "RESOURCE_EXHAUSTED"),
        (9, 400, "FAILED_PRECONDITION"),
        (10, 409, "ABORTED"),
        (11, 400, "OUT_OF_RANGE"),
        (12, 501, "UNIMPLEMENTED"),
        (13, 500, "INTERNAL"),
        (14, 503, "UNAVAILABLE"),
        (15, 500, "DATA_LOSS"),
        (16, 401, "UNAUTHENTICATED"),
        (99, 500, "UNKNOWN"),
    ] {
        api.reply(Reply::Status(code, "what went wrong", Vec::new()));
        let answer = api.get("/v1/books").await;
        assert_eq!(answer.status, status, "{code}");
        assert_eq!(
            answer.json,
            json!({"error": {"code": status, "status": name, "message": "what went wrong", "details": []}})
        );
        assert_eq!(answer.header("www-authenticate"), (code == 16).then_some("Bearer"));
    }
}

#[tokio::test]
async fn details_are_sent_as_json_but_for_those_nobody_may_or_can_read() {
    let api = Api::library();
    let entry = [field(1, b"limit"), field(2, b"5")].concat();
    let violation = [field(1, b"book.name"), field(2, b"too long")].concat();
    api.reply(Reply::Status(
        3,
        "bad",
        status_with(&[
            ("google.rpc.DebugInfo", field(2, b"stack trace")),
            (
                "google.rpc.ErrorInfo",
                [field(1, b"TOO_LONG"), field(2, b"example.com"), field(3, &entry)].concat(),
            ),
            ("google.rpc.BadRequest", field(1, &violation)),
            ("unknown.Type", vec![8, 1]),
            ("test.library.v1.Author", field(1, b"Ada")),
        ]),
    ));
    assert_eq!(
        api.get("/v1/books").await.json["error"]["details"],
        json!([
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "TOO_LONG", "domain": "example.com", "metadata": {"limit": "5"},
            },
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "book.name", "description": "too long"}],
            },
            {"@type": "type.googleapis.com/test.library.v1.Author", "givenName": "Ada"},
        ])
    );
}

#[tokio::test]
async fn a_delay_before_a_retry_is_a_header_in_whole_seconds() {
    let api = Api::library();
    for (delay, header) in [(vec![8, 2], "2"), (vec![8, 2, 16, 1], "3"), (vec![16, 1], "1")] {
        let details = status_with(&[("google.rpc.RetryInfo", field(1, &delay))]);
        api.reply(Reply::Status(8, "slow down", details));
        let answer = api.get("/v1/books").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some(header)));
    }
}

#[tokio::test]
async fn the_gateways_own_errors_have_the_same_form() {
    let api = Api::library();
    let missing = api.get("/v2").await;
    assert_eq!(
        missing.json,
        json!({"error": {
            "code": 404, "status": "NOT_FOUND", "message": "no method is reached by this path",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ROUTE_NOT_FOUND", "domain": "test.example", "metadata": {},
            }],
        }})
    );
    let invalid = api.get("/v1/books?pageSize=x").await;
    assert_eq!(
        invalid.json["error"]["details"][1],
        json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "page_size", "description": "must be an integer from -2147483648 to 2147483647"}],
        })
    );
}

#[tokio::test]
async fn an_answer_that_is_not_grpc_is_an_error() {
    let api = Api::library();
    for (http_status, headers, status) in [
        (StatusCode::OK, vec![], 500),
        (StatusCode::OK, vec![("grpc-status", "0")], 500),
        (StatusCode::BAD_GATEWAY, vec![], 503),
        (StatusCode::UNAUTHORIZED, vec![], 401),
        (StatusCode::NOT_FOUND, vec![], 501),
        (StatusCode::OK, vec![("grpc-status", "x")], 500),
    ] {
        api.reply(Reply::Raw(http_status, headers));
        assert_eq!(api.get("/v1/books").await.status, status, "{http_status}");
    }
}
