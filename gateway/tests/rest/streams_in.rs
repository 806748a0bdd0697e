//! Client streaming: messages as lines of JSON, which are read as the handler takes them.

use bytes::Bytes;
use futures::FutureExt;
use gateway::Limits;
use http::Request;
use http_body_util::channel::Channel;
use serde_json::{Value, json};

use crate::live::{Live, read};

const FILL: &str = "/v1/feeds/news:fill";
const LINES: (&str, &str) = ("content-type", "application/x-ndjson");

/// What the handler gets of a body, and its answer to the client.
async fn fill(uri: &str, body: &str) -> Vec<Value> {
    let mut live = Live::new();
    let answer = live.send("POST", uri, &[LINES], body);
    let handler = async {
        let mut call = live.call().await;
        let messages = call.messages().await;
        call.answer_once(Ok(json!({"count": messages.len()}))).await;
        messages
    };
    let (answer, messages) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.status, 200);
    messages
}

#[tokio::test]
async fn streams_in_every_line_is_a_message_that_knows_the_path() {
    let one = json!({"feed": "news", "text": "one"});
    let two = json!({"feed": "news", "text": "two"});
    for body in [
        "{\"text\": \"one\"}\n{\"text\": \"two\"}\n",
        "{\"text\": \"one\"}\r\n\n  \n{\"text\": \"two\"}",
    ] {
        assert_eq!(fill(FILL, body).await, [one.clone(), two.clone()]);
    }
    assert_eq!(fill(FILL, "").await, Vec::<Value>::new());
    let messages = fill("/v1/feeds/news/parents?text=x", "{\"text\": \"p\"}").await;
    assert_eq!(messages, [json!({"feed": "news", "text": "x", "parent": {"text": "p"}})]);
}

#[tokio::test]
async fn streams_in_a_line_is_handed_on_while_the_next_is_not_there() {
    let mut live = Live::new();
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let request = Request::post(FILL).header(LINES.0, LINES.1).body(body).unwrap();
    let mut answer = live.request(request);
    assert!((&mut answer).now_or_never().is_none());
    let mut call = live.call().await;
    sender.send_data(Bytes::from_static(b"{\"text\": \"o")).await.unwrap();
    assert!(call.message().now_or_never().is_none());
    sender.send_data(Bytes::from_static(b"ne\"}\n{")).await.unwrap();
    assert_eq!(call.message().await.unwrap().unwrap()["text"], "one");
    sender.send_data(Bytes::from_static(b"}")).await.unwrap();
    drop(sender);
    assert_eq!(call.messages().await, [json!({"feed": "news"})]);
    let (answer, ()) = tokio::join!(answer, call.answer_once(Ok(json!({}))));
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn streams_in_nothing_is_read_before_the_handler_asks() {
    let mut live = Live::new();
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let request = Request::post(FILL).header(LINES.0, LINES.1).body(body).unwrap();
    let mut answer = live.request(request);
    assert!((&mut answer).now_or_never().is_none());
    let mut call = live.call().await;
    let mut sent = 0;
    while sender.send_data(Bytes::from_static(b"{}\n")).now_or_never().is_some() {
        sent += 1;
        assert!(sent < 10, "the gateway reads what the handler does not");
    }
    assert!(call.message().now_or_never().is_some());
    assert!(
        sender.send_data(Bytes::from_static(b"{}\n")).now_or_never().is_some(),
        "there is room again"
    );
}

#[tokio::test]
async fn a_bad_line_ends_the_stream_and_is_named() {
    for (line, reason, message) in [
        ("{\"text\": 1}", "INVALID_FIELDS", "message 2: "),
        ("{\"text\"", "MALFORMED_REQUEST", "message 2: "),
        ("{\"feed\": \"other\"}", "INVALID_FIELDS", "message 2: "),
    ] {
        let mut live = Live::new();
        let answer = live.send("POST", FILL, &[LINES], &format!("{{}}\n{line}\n{{}}\n"));
        let handler = async {
            let mut call = live.call().await;
            assert!(call.message().await.unwrap().is_ok());
            assert_eq!(call.message().await.unwrap().unwrap_err().reason(), reason);
            assert!(call.message().await.is_none(), "nothing is read past it");
            call.answer_once(Err((13, "the body failed"))).await;
        };
        let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
        assert_eq!((answer.status, answer.reason()), (400, reason));
        let told = answer.json["error"]["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
    }
}

#[tokio::test]
async fn the_limit_of_a_body_is_that_of_a_line() {
    let limits = Limits { body_bytes_max: 20, ..Limits::default() };
    for (body, fits) in [
        ("{\"text\": \"short\"}\n".repeat(10), true),
        ("{\"text\": \"too long a line\"}\n".to_owned(), false),
        ("x".repeat(100), false),
    ] {
        let mut live = Live::with(|builder| builder.limits(limits));
        let answer = live.send("POST", FILL, &[LINES], &body);
        let handler = async {
            let mut call = live.call().await;
            let outcome = loop {
                match call.message().await {
                    None => break Ok(json!({})),
                    Some(Ok(_)) => {}
                    Some(Err(_)) => break Err((13, "")),
                }
            };
            call.answer_once(outcome).await;
        };
        let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
        let expected = if fits { (200, "") } else { (413, "BODY_TOO_LARGE") };
        assert_eq!((answer.status, answer.reason()), expected, "{body}");
    }
}

#[tokio::test]
async fn streams_in_other_media_types_are_refused() {
    let live = Live::new();
    for content_type in ["application/json", "text/plain", "application/grpc"] {
        let answer = live.send("POST", FILL, &[("content-type", content_type)], "{}").await;
        let answer = read(answer).await;
        assert_eq!((answer.status, answer.reason()), (415, "UNSUPPORTED_MEDIA_TYPE"));
    }
}

#[tokio::test]
async fn streams_in_both_directions_need_grpc() {
    let mut live = Live::new();
    let answer = read(live.send("POST", "/v1/talk", &[LINES], "{}").await).await;
    assert_eq!((answer.status, answer.reason()), (501, "BIDIRECTIONAL_STREAMING"));
    assert!(live.is_idle());
}

#[tokio::test]
async fn a_client_that_lets_the_service_wait_is_told_with_408() {
    let mut live = Live::new();
    let (_sender, body) = Channel::<Bytes>::new(1);
    let put = Request::put("/v1/files/a").body(body).unwrap();
    let mut answer = live.request(put);
    assert!((&mut answer).now_or_never().is_none());
    let mut call = live.call().await;
    assert!(call.message().now_or_never().is_none());
    let (answer, ()) = tokio::join!(answer, call.answer_once(Err((4, "out of time"))));
    let answer = read(answer).await;
    assert_eq!(
        (answer.status, &answer.json["error"]["status"]),
        (408, &json!("DEADLINE_EXCEEDED"))
    );

    let answer = live.send("PUT", "/v1/files/a", &[], "whole");
    let handler = async {
        let mut call = live.call().await;
        call.messages().await;
        call.answer_once(Err((4, "out of time"))).await;
    };
    let (answer, ()) = tokio::join!(answer, handler);
    assert_eq!(answer.status(), 504, "the service was slow, not the client");
}
