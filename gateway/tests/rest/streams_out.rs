//! Server streaming: messages as server-sent events, lines, or an array, as they come.

use std::time::Duration;

use futures::FutureExt;
use serde_json::json;

use crate::live::{Live, next, read};

const WATCH: &str = "/v1/feeds/news:watch";
const EVENTS: (&str, &str) = ("accept", "text/event-stream");
const LINES: (&str, &str) = ("accept", "application/x-ndjson");

/// The whole text of a stream of two messages and an end.
async fn two_messages(accept: (&str, &str), code: i32) -> (String, String) {
    let mut live = Live::new();
    let answer = live.get(WATCH, &[accept]);
    let handler = async {
        let mut speaker = live.call().await.answer();
        speaker.say(json!({"text": "one"})).await;
        speaker.say(json!({"text": "two"})).await;
        speaker.end(code, "gone wrong").await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    (answer.header("content-type").unwrap().to_owned(), answer.text)
}

#[tokio::test]
async fn streams_out_accept_chooses_the_form() {
    let (one, two) = (r#"{"text":"one"}"#, r#"{"text":"two"}"#);
    for (accept, content_type, text) in [
        ("text/event-stream", "text/event-stream", format!("data: {one}\n\ndata: {two}\n\n")),
        ("application/x-ndjson", "application/x-ndjson", format!("{one}\n{two}\n")),
        ("application/json", "application/json", format!("[{one},{two}]")),
        ("*/*", "application/json", format!("[{one},{two}]")),
        ("text/html, application/json;q=0.2, text/*;q=0.3", "text/event-stream", {
            format!("data: {one}\n\ndata: {two}\n\n")
        }),
    ] {
        let told = two_messages(("accept", accept), 0).await;
        assert_eq!(told, (content_type.to_owned(), text), "{accept}");
    }
    let mut live = Live::new();
    let answer = read(live.get(WATCH, &[("accept", "text/html")]).await).await;
    assert_eq!((answer.status, answer.reason()), (406, "NOT_ACCEPTABLE"));
    assert!(live.is_idle());
}

#[tokio::test]
async fn a_stream_that_fails_says_so_in_its_own_form() {
    let error =
        r#"{"error":{"code":503,"status":"UNAVAILABLE","message":"gone wrong","details":[]}}"#;
    let (_, text) = two_messages(EVENTS, 14).await;
    assert!(text.ends_with(&format!("\n\nevent: error\ndata: {error}\n\n")), "{text}");
    let (_, text) = two_messages(LINES, 14).await;
    assert!(text.ends_with(&format!("\n{error}\n")), "{text}");
    let (_, text) = two_messages(("accept", "application/json"), 14).await;
    assert_eq!(text, format!(r#"[{{"text":"one"}},{{"text":"two"}},{error}]"#));
}

#[tokio::test]
async fn an_array_is_valid_json_without_messages_too() {
    for (code, length) in [(0, 0), (5, 1)] {
        let mut live = Live::new();
        let answer = live.get(WATCH, &[]);
        let handler = async { live.call().await.answer().end(code, "").await };
        let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
        assert_eq!(answer.json.as_array().unwrap().len(), length);
    }
}

#[tokio::test]
async fn a_stream_that_never_began_fails_like_any_call() {
    let mut live = Live::new();
    let answer = live.get(WATCH, &[EVENTS]);
    let handler = async {
        live.call().await.answer_with(&[("grpc-status", "7"), ("grpc-message", "not%20you")]);
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json["error"]["message"], "not you");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_in_the_stream() {
    let mut live = Live::new();
    let answer = live.get(WATCH, &[LINES]);
    let handler = async {
        let mut speaker = live.call().await.answer();
        speaker.say(json!({"text": "one"})).await;
        // It goes without a status.
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    let last: serde_json::Value = answer.text.lines().last().unwrap().parse().unwrap();
    assert_eq!(last["error"]["details"][0]["reason"], "INVALID_RESPONSE");
}

#[tokio::test]
async fn a_corrupt_message_ends_the_stream_after_those_before_it() {
    let mut live = Live::new();
    let answer = live.get(WATCH, &[]);
    let handler = async {
        let mut speaker = live.call().await.answer();
        speaker.say(json!({"text": "one"})).await;
        speaker.say_wire(&[0x12, 0x01, 0xff]).await;
        speaker
    };
    let (answer, _speaker) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.json[0], json!({"text": "one"}));
    assert_eq!(answer.json[1]["error"]["details"][0]["reason"], "INVALID_RESPONSE");
    assert_eq!(answer.json.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn streams_out_the_first_byte_is_there_at_once() {
    for (accept, first) in [
        (EVENTS, "data: {\"text\":\"one\"}\n\n"),
        (LINES, "{\"text\":\"one\"}\n"),
        (("accept", "application/json"), "["),
    ] {
        let mut live = Live::new();
        let (response, mut speaker) =
            tokio::join!(live.get(WATCH, &[accept]), async { live.call().await.answer() });
        // The head is there before any message is.
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        let (text, ()) = tokio::join!(next(&mut body), async {
            speaker.say(json!({"text": "one"})).await;
        });
        assert_eq!(text.unwrap().unwrap(), first);
    }
}

#[tokio::test]
async fn streams_out_a_slow_reader_holds_back_the_handler() {
    let mut live = Live::new();
    let (response, mut speaker) =
        tokio::join!(live.get(WATCH, &[LINES]), async { live.call().await.answer() });
    let mut said = 0;
    while speaker.say(json!({"text": "x"})).now_or_never().is_some() {
        said += 1;
        assert!(said < 10, "the gateway reads what its client does not");
    }
    let mut body = response.into_body();
    assert!(next(&mut body).now_or_never().is_some());
    assert!(speaker.say(json!({"text": "x"})).now_or_never().is_some(), "there is room again");
}

#[tokio::test]
async fn a_chunk_of_many_messages_becomes_chunks_of_a_bounded_size() {
    let mut live = Live::new();
    let (response, mut speaker) =
        tokio::join!(live.get(WATCH, &[LINES]), async { live.call().await.answer() });
    speaker.say_often(json!({"text": "x".repeat(1000)}), 100).await;
    let mut body = response.into_body();
    let mut bytes = 0;
    while bytes < 100 * 1000 {
        let text = next(&mut body).await.unwrap().unwrap();
        assert!(text.len() < 20_000, "a chunk of {} bytes", text.len());
        bytes += text.len();
    }
}

#[tokio::test]
async fn streams_out_a_client_that_goes_ends_the_call() {
    let mut live = Live::new();
    let (response, mut speaker) =
        tokio::join!(live.get(WATCH, &[EVENTS]), async { live.call().await.answer() });
    assert!(speaker.try_say_wire(&[]).await);
    drop(response);
    assert!(!speaker.try_say_wire(&[]).await);
}

#[tokio::test]
async fn events_carry_the_place_to_go_on_from() {
    let mut live = Live::new();
    let uri = format!("{WATCH}?resumeToken=old&limit=5");
    let answer = live.get(&uri, &[EVENTS, ("last-event-id", "t-7")]);
    let handler = async {
        let mut call = live.call().await;
        let messages = call.messages().await;
        assert_eq!(messages, [json!({"feed": "news", "resumeToken": "t-7", "limit": 5})]);
        let mut speaker = call.answer();
        speaker.say(json!({"text": "one", "resumeToken": "t-8"})).await;
        speaker.say(json!({"text": "two", "resumeToken": "broken\nline"})).await;
        speaker.end(0, "").await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    let events: Vec<_> = answer.text.split_terminator("\n\n").collect();
    assert!(events[0].starts_with("id: t-8\ndata: {"), "{}", events[0]);
    assert!(events[1].starts_with("data: {"), "{}", events[1]);
}

#[tokio::test(start_paused = true)]
async fn events_have_a_heartbeat_while_nothing_is_said() {
    let mut live = Live::with(|builder| builder.heartbeat(Duration::from_secs(20)));
    let (response, mut speaker) =
        tokio::join!(live.get(WATCH, &[EVENTS]), async { live.call().await.answer() });
    let mut body = response.into_body();
    let began = tokio::time::Instant::now();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), ":\n\n");
    assert_eq!(began.elapsed().as_secs(), 20);
    tokio::time::advance(Duration::from_secs(15)).await;
    speaker.say(json!({"text": "one"})).await;
    assert!(next(&mut body).await.unwrap().unwrap().starts_with("data: "));
    assert_eq!(next(&mut body).await.unwrap().unwrap(), ":\n\n");
    assert_eq!(began.elapsed().as_secs(), 55, "the silence began anew");
}

#[tokio::test]
async fn a_response_body_is_what_each_item_shows() {
    let mut live = Live::new();
    let answer = live.get("/v1/feeds/news/texts", &[]);
    let handler = async {
        let mut speaker = live.call().await.answer();
        speaker.say(json!({"text": "one", "feed": "news"})).await;
        speaker.end(0, "").await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.text, r#"["one"]"#);
}

#[tokio::test]
async fn head_of_a_stream_has_no_body_and_ends_the_call() {
    let mut live = Live::new();
    let (response, mut speaker) =
        tokio::join!(live.send("HEAD", WATCH, &[EVENTS], ""), async { live.call().await.answer() });
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(read(response).await.text, "");
    assert!(!speaker.try_say_wire(&[]).await);
}
