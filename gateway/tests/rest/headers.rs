//! Which headers pass, in both directions.

use crate::support::{Api, Marker, Reply};

#[tokio::test]
async fn only_listed_headers_reach_the_service() {
    let api = Api::library();
    let passed = [
        ("authorization", "Bearer x"),
        ("cookie", "a=b"),
        ("idempotency-key", "k"),
        ("traceparent", "00-1-2-01"),
        ("tracestate", "a=b"),
        ("user-agent", "test"),
        ("x-request-id", "1"),
        ("accept-language", "de"),
        ("grpc-timeout", "1S"),
    ];
    let dropped = [
        ("grpc-metadata-user", "root"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-user-id", "root"),
        ("grpc-encoding", "gzip"),
        ("host", "example.com"),
        ("if-match", "\"a\""),
    ];
    let headers: Vec<_> = passed.iter().chain(&dropped).copied().collect();
    assert_eq!(api.send("GET", "/v1/books", &headers, "").await.status, 200);
    let received = api.received().unwrap().headers;
    for (name, value) in passed {
        assert_eq!(received[name], value);
    }
    assert_eq!(received["content-type"], "application/grpc");
    assert_eq!(received["te"], "trailers");
    assert_eq!(received.len(), passed.len() + 2, "{received:?}");
}

#[tokio::test]
async fn only_listed_headers_reach_the_client() {
    let api = Api::library();
    let headers = [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("location", "/v1/x"),
        ("ratelimit", "\"default\";r=1"),
        ("ratelimit-policy", "\"default\";q=2"),
        ("x-request-id", "1"),
        ("vary", "origin"),
        ("cache-control", "no-store"),
        ("x-internal", "secret"),
        ("grpc-status-details-bin", "AAAA"),
    ];
    for reply in [Reply::Echo, Reply::Status(5, "gone", Vec::new())] {
        api.reply_with_headers(reply, &headers);
        let answer = api.get("/v1/books").await;
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        for (name, value) in &headers[2..8] {
            assert_eq!(answer.header(name), Some(*value));
        }
        for name in ["x-internal", "grpc-status-details-bin", "grpc-status", "grpc-message"] {
            assert_eq!(answer.header(name), None);
        }
        assert_eq!(answer.marker, Some(Marker("from the service")));
    }
}

#[tokio::test]
async fn a_success_that_names_another_place_sends_the_client_there_with_get() {
    let api = Api::library();
    let place = [("location", "https://example.com/next")];
    for method in ["GET", "HEAD"] {
        api.reply_with_headers(Reply::Echo, &place);
        let answer = api.send(method, "/v1/books", &[], "").await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("https://example.com/next"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    // A failure is one, whatever else it says.
    api.reply_with_headers(Reply::Status(5, "gone", Vec::new()), &place);
    assert_eq!(api.get("/v1/books").await.status, 404);
}
