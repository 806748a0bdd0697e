//! Hostile input: whatever is sent, it is refused for a stable reason, or with the end of the connection where it is no
//! HTTP; the server serves everyone else, and needs no more memory than before.

mod bombs;
mod http1;
mod http2;
mod routes;
mod socket;

use serde_json::{Value, json};

use self::socket::{Http1, Outcome};
use crate::support::{
    app::{App, Person},
    client::{Client, Transport},
    rpc::GET_ME,
    server::Environment,
};

/// By how much the memory of the server may grow while it is attacked, and what it may need in between, in bytes.
const GROWTH_MAX: u64 = 32 << 20;
const PEAK_MAX: u64 = 96 << 20;

/// Demands that the server is as well as before: it answers, and has no failure of its own in its log.
async fn assert_well(ann: &Person) {
    for transport in Transport::ALL {
        ann.call(transport, GET_ME, json!({})).await.ok();
    }
    let output = ann.app.server.output();
    for sign in ["panicked", "\"level\":\"error\"", "\"code\":\"INTERNAL\"", "\"code\":\"UNKNOWN\""]
    {
        assert!(!output.contains(sign), "{sign} is in the log");
    }
}

#[tokio::test]
async fn api_13_what_is_no_http_ends_its_connection_and_is_taken_for_nothing_else() {
    let ann = App::start().user("ann").await;
    http1::attack(&ann);
    assert_well(&ann).await;
}

#[tokio::test]
async fn api_13_what_is_no_http2_ends_its_stream_or_its_connection() {
    let ann = App::start().user("ann").await;
    http2::attack(&ann);
    assert_well(&ann).await;
}

#[tokio::test]
async fn api_13_a_request_is_taken_for_nothing_but_what_it_is() {
    let ann = App::start().user("ann").await;
    routes::attack(&ann).await;
    assert_well(&ann).await;
}

#[tokio::test]
async fn api_13_a_message_that_is_a_bomb_or_none_is_refused() {
    let ann = App::start().user("ann").await;
    bombs::attack(&ann).await;
    assert_well(&ann).await;
}

#[tokio::test]
async fn api_13_whatever_was_sent_the_memory_of_the_server_is_as_it_was() {
    let app = App::with(Environment::new());
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let attack = async || {
        let heads = http1::attack(&ann) + http2::attack(&ann) + routes::attack(&ann).await;
        heads + bombs::attack(&bob).await
    };
    let idle = app.server.memory();
    // What is made once and kept, as buffers and caches are.
    attack().await;
    let before = app.server.memory();
    assert!(attack().await > 200);
    let after = app.server.memory();
    assert!(after.resident < before.resident + GROWTH_MAX, "{before:?} {after:?}");
    assert!(after.peak < idle.resident + PEAK_MAX, "{idle:?} {after:?}");
    assert_well(&ann).await;
}

#[tokio::test]
async fn dos_04_bodies_that_never_come_hold_nobody_else() {
    let app = App::start();
    let ann = app.user("ann").await;
    let head = format!(
        "POST /api/v1/rooms HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{\"name\":",
        ann.access_token
    );
    let mut slow: Vec<_> =
        (0..100).map(|_| Http1::send(app.server.address, head.as_bytes())).collect();
    assert_well(&ann).await;
    // They are answered as soon as they come after all.
    for connection in &mut slow {
        connection.write(&[b' '; 92]);
        assert_eq!(connection.answer(), Outcome::refused(400, "MALFORMED_REQUEST"));
    }
}

#[tokio::test]
async fn dos_05_a_server_that_was_out_of_file_descriptors_serves_again() {
    let app = App::with(Environment::new());
    let ann = app.user("ann").await;
    app.server.limit_open_files(8);
    let crowd: Vec<_> = (0..64).map(|_| Http1::send(app.server.address, b"GET ")).collect();
    let refused = |line: &Value| (line["event"] == "accept_failed").then_some(());
    assert!(app.server.log.find(refused).is_some(), "there were descriptors for everyone");
    drop(crowd);
    for transport in Transport::ALL {
        let elsewhere = App { client: Client::new(app.server.address), ..app.clone() };
        elsewhere.call(transport, GET_ME, json!({}), Some(&ann.access_token)).await.ok();
    }
}
