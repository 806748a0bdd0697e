//! `google.api.HttpBody`: files up and down, whole, in ranges, and as streams.

use bytes::Bytes;
use futures::FutureExt;
use http::Request;
use http_body_util::channel::Channel;
use serde_json::{Value, json};

use crate::live::{Live, next, read};
use crate::support::Answer;

/// What the client gets of a file of ten digits.
async fn get_file(method: &str, headers: &[(&str, &str)]) -> Answer {
    get_version("\"v1\"", method, headers).await
}

async fn get_version(etag: &'static str, method: &str, headers: &[(&str, &str)]) -> Answer {
    let mut live = Live::new();
    let answer = live.send(method, "/v1/files/a", headers, "");
    let handler = async {
        let mut call = live.call().await;
        assert_eq!(call.messages().await, [json!({"name": "a"})]);
        let mut speaker = call.answer_with(&[
            ("etag", etag),
            ("content-disposition", "attachment; filename=\"a.txt\""),
        ]);
        speaker.say(json!({"contentType": "text/plain", "data": "MDEyMzQ1Njc4OQ=="})).await;
        speaker.end(0, "").await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    answer
}

#[tokio::test]
async fn files_are_answered_as_their_bytes() {
    // Whatever the client says it takes: nobody knows before what the file is.
    let answer = get_file("GET", &[("accept", "image/png")]).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "0123456789"));
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"a.txt\""));
    let answer = get_file("HEAD", &[]).await;
    assert_eq!((answer.text.as_str(), answer.header("content-length")), ("", Some("10")));
    assert_eq!(get_file("GET", &[("if-none-match", "\"v1\"")]).await.status, 304);
}

#[tokio::test]
async fn files_ranges_of_a_download() {
    for (range, status, text, content_range) in [
        ("bytes=0-3", 206, "0123", Some("bytes 0-3/10")),
        ("bytes=7-", 206, "789", Some("bytes 7-9/10")),
        ("bytes=8-100", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-100", 206, "0123456789", Some("bytes 0-9/10")),
        ("Bytes = 0-0", 206, "0", Some("bytes 0-0/10")),
        ("bytes=99999999999999999999-", 416, "", Some("bytes */10")),
        ("bytes=10-", 416, "", Some("bytes */10")),
        ("bytes=-0", 416, "", Some("bytes */10")),
        ("bytes=0-1,3-4", 200, "0123456789", None),
        ("bytes=3-1", 200, "0123456789", None),
        ("bytes=+1-2", 200, "0123456789", None),
        ("lines=0-1", 200, "0123456789", None),
    ] {
        let answer = get_file("GET", &[("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (status, content_range));
        if status == 416 {
            assert_eq!(answer.reason(), "RANGE_NOT_SATISFIABLE", "{range}");
        } else {
            assert_eq!(answer.text, text, "{range}");
        }
    }
    for (condition, status) in [("\"v1\"", 206), ("\"v2\"", 200), ("W/\"v1\"", 200)] {
        let answer = get_file("GET", &[("range", "bytes=0-3"), ("if-range", condition)]).await;
        assert_eq!(answer.status, status, "{condition}");
    }
    let weak = [("range", "bytes=0-3"), ("if-range", "W/\"v1\"")];
    assert_eq!(get_version("W/\"v1\"", "GET", &weak).await.status, 200, "weakly equal is not");
}

#[tokio::test]
async fn a_response_body_can_be_a_file() {
    let mut live = Live::new();
    let answer = live.get("/v1/covers/a", &[]);
    let handler = async {
        let mut call = live.call().await;
        call.answer_once(Ok(json!({"image": {"contentType": "a\nb", "data": "aGk="}}))).await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.text, "hi");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn files_are_taken_as_their_bytes() {
    let mut live = Live::new();
    let headers = [("content-type", "text/plain; charset=utf-8")];
    let answer = live.send("PUT", "/v1/files/a?overwrite=true", &headers, "hi");
    let handler = async {
        let mut call = live.call().await;
        let file = json!({"contentType": "text/plain; charset=utf-8", "data": "aGk="});
        let request = json!({"name": "a", "file": file, "overwrite": true});
        assert_eq!(call.messages().await, [request]);
        call.answer_once(Ok(json!({"count": 2}))).await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!(answer.json, json!({"count": "2"}));

    let answer = live.send("POST", "/v1/raw", &[("content-type", "image/png")], "hi");
    let handler = async {
        let mut call = live.call().await;
        let messages = call.messages().await;
        assert_eq!(messages, [json!({"contentType": "image/png", "data": "aGk="})]);
        call.answer_once(Ok(messages[0].clone())).await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    assert_eq!((answer.text.as_str(), answer.header("content-type")), ("hi", Some("image/png")));

    let answer = live.send("PUT", "/v1/files/a", &[("content-type", "application/grpc")], "hi");
    assert_eq!(read(answer.await).await.status, 415);
}

#[tokio::test]
async fn files_an_upload_is_a_stream_of_parts() {
    let mut live = Live::new();
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let put = Request::put("/v1/files/a:upload").header("content-type", "text/plain");
    let mut answer = live.request(put.body(body).unwrap());
    assert!((&mut answer).now_or_never().is_none());
    let mut call = live.call().await;
    for (part, data) in [("one", "b25l"), ("two", "dHdv")] {
        sender.send_data(Bytes::from_static(part.as_bytes())).await.unwrap();
        let file = json!({"contentType": "text/plain", "data": data});
        assert_eq!(call.message().await.unwrap().unwrap(), json!({"name": "a", "file": file}));
    }
    drop(sender);
    assert!(call.message().await.is_none());
    let (answer, ()) = tokio::join!(answer, call.answer_once(Ok(json!({"count": 6}))));
    assert_eq!(read(answer).await.json, json!({"count": "6"}));
}

#[tokio::test]
async fn an_empty_upload_still_says_what_it_is() {
    let mut live = Live::new();
    let answer = live.send("PUT", "/v1/files/a:upload", &[], "");
    let handler = async {
        let mut call = live.call().await;
        let messages = call.messages().await;
        assert_eq!(messages, [json!({"name": "a", "file": {}})]);
        call.answer_once(Ok(Value::Object(serde_json::Map::new()))).await;
    };
    let (answer, ()) = tokio::join!(answer, handler);
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn files_a_download_passes_each_part_on() {
    let mut live = Live::new();
    let range = [("range", "bytes=0-1")];
    let (response, mut speaker) = tokio::join!(live.get("/v1/files/a:download", &range), async {
        let mut speaker = live.call().await.answer();
        speaker.say(json!({"contentType": "text/csv", "data": "b25l"})).await;
        speaker
    });
    assert_eq!(response.status(), 200, "a stream has no ranges");
    assert_eq!(response.headers()["accept-ranges"], "none");
    assert_eq!(response.headers()["content-type"], "text/csv");
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one");
    let (text, ()) = tokio::join!(next(&mut body), async {
        speaker.say(json!({"data": ""})).await;
        speaker.say(json!({"data": "dHdv"})).await;
    });
    assert_eq!(text.unwrap().unwrap(), "two");
    speaker.end(0, "").await;
    assert!(next(&mut body).await.is_none());
}

#[tokio::test]
async fn a_download_that_fails_is_an_error_before_the_first_byte_and_a_break_after() {
    let mut live = Live::new();
    let answer = live.get("/v1/files/a:download", &[]);
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, async {
        live.call().await.answer().end(5, "no such file").await;
    });
    assert_eq!((answer.status, &answer.json["error"]["message"]), (404, &json!("no such file")));

    let (response, speaker) = tokio::join!(live.get("/v1/files/a:download", &[]), async {
        let mut speaker = live.call().await.answer();
        speaker.say(json!({"data": "b25l"})).await;
        speaker
    });
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one");
    speaker.end(14, "gone").await;
    assert!(next(&mut body).await.unwrap().is_err());
    assert!(next(&mut body).await.is_none());
}
