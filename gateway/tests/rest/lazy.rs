//! What the service decides before it reads the body comes first, as for a native call.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use serde_json::json;

use crate::support::{Api, Marker, Reply};

/// A body that notes whether anyone has read from it.
struct Watched {
    chunks: Vec<&'static [u8]>,
    was_read: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.was_read.store(true, Ordering::SeqCst);
        Poll::Ready(match self.chunks.pop() {
            Some(b"broken") => Some(Err(std::io::Error::other("reset"))),
            chunk => chunk.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk)))),
        })
    }
}

fn post(chunks: &[&'static [u8]]) -> (Request<Watched>, Arc<AtomicBool>) {
    let was_read = Arc::new(AtomicBool::new(false));
    let chunks = chunks.iter().rev().copied().collect();
    let request = Request::post("/v1/shelves/1/books")
        .header("content-type", "application/json")
        .extension(Marker("from outside"))
        .body(Watched { chunks, was_read: was_read.clone() });
    (request.unwrap(), was_read)
}

#[tokio::test]
async fn a_service_that_refuses_the_caller_reads_nothing_of_the_body() {
    let api = Api::library();
    api.reply(Reply::Early(16, "no token"));
    let (request, was_read) = post(&[b"this is not JSON"]);
    let answer = api.request(request).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json["error"]["message"], "no token");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert!(!was_read.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_service_that_refuses_the_caller_says_nothing_of_the_version_either() {
    let api = Api::library();
    api.reply(Reply::Early(16, "no token"));
    let bad_tag = [("if-match", "no tag")];
    let answer = api.send("DELETE", "/v1/shelves/1/books/2", &bad_tag, "").await;
    assert_eq!((answer.status, answer.json["error"]["message"].as_str()), (401, Some("no token")));
}

#[tokio::test]
async fn a_bad_body_is_answered_as_what_it_is_and_not_as_what_the_service_made_of_it() {
    let api = Api::library();
    let (request, was_read) = post(&[b"{\"displayName\":", b"7}"]);
    let answer = api.request(request).await;
    assert!(was_read.load(Ordering::SeqCst));
    assert_eq!((answer.status, answer.reason()), (400, "INVALID_FIELDS"));
    assert_eq!(answer.violation(), ("book.display_name", "must be a string"));
    let error = api.received().unwrap().error.unwrap();
    assert_eq!((error.code(), error.reason()), (3, "INVALID_FIELDS"));
    assert_eq!(error.http_status(), 400);
    assert_eq!(error.violations()[0].field, "book.display_name");
}

#[tokio::test]
async fn a_body_in_chunks_is_one_body() {
    let api = Api::library();
    let (request, _) = post(&[b"{\"display", b"Name\":", b"\"a\"}"]);
    assert_eq!(api.request(request).await.status, 200);
    let received = api.received().unwrap();
    assert_eq!(
        received.message,
        Some(json!({"parent": "shelves/1", "book": {"displayName": "a"}}))
    );
    assert_eq!(received.marker, Some(Marker("from outside")));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed() {
    let api = Api::library();
    let (request, _) = post(&[b"{", b"broken"]);
    let answer = api.request(request).await;
    assert_eq!((answer.status, answer.reason()), (400, "MALFORMED_REQUEST"));
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_off_at_the_limit() {
    let limits = gateway::Limits { body_bytes_max: 16, ..gateway::Limits::default() };
    let api = Api::library_with(|builder| builder.limits(limits));
    let (request, _) = post(&[b"{\"displayName\":", b"\"a", b"broken"]);
    let answer = api.request(request).await;
    assert_eq!((answer.status, answer.reason()), (413, "BODY_TOO_LARGE"));
}
