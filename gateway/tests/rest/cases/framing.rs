//! How the messages of a stream follow each other, by the suites.

use serde_json::Value;

use super::{Tally, check, core_cases, load};
use crate::live::{Live, read};

const SHELVES: &str = r#"syntax = "proto3"; package t; import "google/api/annotations.proto";
    message Shelf { string name = 1; string theme = 2; }
    service S {
        rpc List(Shelf) returns (stream Shelf) { option (google.api.http) = {get: "/shelves"}; }
    }"#;

#[tokio::test]
async fn stream_framing_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let mut tally = Tally::default();
    for case in core_cases(&file, &["stream_framing"]) {
        let accept = match case["expect"]["matched"].as_str().unwrap() {
            "json_array" => "application/json",
            "ndjson" => "application/x-ndjson",
            "sse" => "text/event-stream",
            other => panic!("`{other}` is no form of a stream"),
        };
        let bindings = &case["expect"]["bindings"];
        let text = stream(accept, bindings["messages"].as_array().unwrap()).await;
        tally.note(case, check(bindings["bytes"] == text.as_str(), || text.clone()));
    }
    tally.finish("stream_framing");
}

async fn stream(accept: &str, messages: &[Value]) -> String {
    let mut live = Live::declared(SHELVES);
    let answer = live.get("/shelves", &[("accept", accept)]);
    let handler = async {
        let mut speaker = live.call().await.answer();
        for message in messages {
            speaker.say(message.as_str().unwrap().parse().unwrap()).await;
        }
        speaker.end(0, "").await;
    };
    let (answer, ()) = tokio::join!(async { read(answer.await).await }, handler);
    answer.text
}
