//! Files of any size pass in constant memory. A process of its own, because what is measured is the
//! memory of the whole process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "frame/mod.rs"]
mod frame;

use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use gateway::{Body, Gateway};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};
use tower::{ServiceExt, service_fn};

use frame::frame;

const GIB: u64 = 1 << 30;
const GROWTH_BYTES_MAX: u64 = 32 << 20;
const PART_BYTES: usize = 1 << 20;

/// The most memory that this process ever held.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn descriptors() -> Vec<u8> {
    let mut resolver = ChainFileResolver::new();
    let gateway = env!("CARGO_MANIFEST_DIR");
    resolver.add(IncludeFileResolver::new(format!("{gateway}/tests/proto").into()));
    resolver.add(IncludeFileResolver::new(format!("{gateway}/../proto").into()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file("feed.proto").unwrap();
    compiler.encode_file_descriptor_set()
}

fn ok() -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static("0"),
    )]))
}

/// Sends a file of a gibibyte one way, and answers how many bytes arrived.
async fn upload() -> u64 {
    let count = service_fn(async |request: Request<Body>| {
        let mut bytes = 0;
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            bytes += frame.unwrap().into_data().unwrap().len() as u64;
        }
        // Summary.count
        let mut wire = vec![0x08];
        prost::encoding::encode_varint(bytes, &mut wire);
        let frames = [Ok::<_, Infallible>(Frame::data(frame(&wire))), Ok(ok())];
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    });
    let gateway = Gateway::builder(&descriptors()).build(count).unwrap();
    let part = Bytes::from(vec![7; PART_BYTES]);
    let parts =
        (0..GIB / PART_BYTES as u64).map(move |_| Ok::<_, Infallible>(Frame::data(part.clone())));
    let body = StreamBody::new(stream::iter(parts));
    let request = Request::put("/v1/files/a:upload").body(body).unwrap();
    let answer = gateway.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&answer.to_bytes()).unwrap();
    json["count"].as_str().unwrap().parse().unwrap()
}

/// The other way.
async fn download() -> u64 {
    let send = service_fn(async |_: Request<Body>| {
        let data = vec![7; PART_BYTES];
        let mut wire = vec![0x12];
        prost::encoding::encode_varint(PART_BYTES as u64, &mut wire);
        wire.extend_from_slice(&data);
        let message = frame(&wire);
        let parts = (0..GIB / PART_BYTES as u64).map(move |_| Ok(Frame::data(message.clone())));
        let frames = parts.chain([Ok::<_, Infallible>(ok())]);
        Ok::<_, Infallible>(Response::new(StreamBody::new(stream::iter(frames))))
    });
    let gateway = Gateway::builder(&descriptors()).build(send).unwrap();
    let request = Request::get("/v1/files/a:download").body(http_body_util::Empty::new()).unwrap();
    let mut body = gateway.oneshot(request).await.unwrap().into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().into_data().unwrap().len() as u64;
    }
    bytes
}

#[tokio::test]
async fn files_of_a_gibibyte_pass_in_constant_memory() {
    let before = peak_bytes();
    let uploaded = upload().await;
    assert!(uploaded >= GIB, "{uploaded} bytes arrived");
    assert_eq!(download().await, GIB);
    let growth = peak_bytes() - before;
    assert!(growth < GROWTH_BYTES_MAX, "the process grew by {growth} bytes");
}
