//! Input that is no message at all: bytes, JSON, frames and bodies that break the rules of their format.

use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::{
    kind::ROOM,
    support::{
        app::{App, Person},
        client::{Call, Transport},
        grpc::{content_type, frame},
        rpc::CREATE_ROOM,
    },
};

/// A call that creates a room with a body that is not one.
fn create(wire: &[u8], text: &str) -> Call {
    Call::to(CREATE_ROOM, ROOM.draft("never made")).malformed(wire, text)
}

/// A request over a transport to the address of `CreateRoom`, with this body as it is.
fn request(transport: Transport, person: &Person, body: impl Into<Bytes>) -> Request<Bytes> {
    let path = if transport == Transport::Rest {
        "/api/v1/rooms"
    } else {
        "/veza.chat.v1.ChatService/CreateRoom"
    };
    Request::post(path)
        .header("content-type", content_type(transport))
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", person.access_token))
        .body(body.into())
        .expect("a request")
}

#[tokio::test]
async fn what_is_not_a_message_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (wire, text) in [
        (&b"\xff\xff\xff\xff"[..], "{\"name\":"),
        (b"\x0a\x7f", "nonsense"),
        (b"\x0a", "{\"name\":\"a\"} trailing"),
        (b"\x07", "{'name': 'a'}"),
        (b"\x0a\x02\x12\x7f", "{\"name\":\"a\",}"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\u{feff}{\"name\":\"a\"}"),
    ] {
        let reply = ann.everywhere(create(wire, text)).await;
        reply.refused("INVALID_ARGUMENT", "MALFORMED_REQUEST");
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn text_that_is_not_unicode_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let surrogate = b"\x0a\x05\x12\x03\xed\xa0\x80";
    for text in [r#"{"name":"\ud800"}"#, r#"{"name":"\udc00\ud800"}"#, r#"{"name":"\ud800x"}"#] {
        let reply = ann.everywhere(create(surrogate, text)).await;
        reply.refused("INVALID_ARGUMENT", "MALFORMED_REQUEST");
    }
    let body = &b"{\"name\":\"\xff\xfe\"}"[..];
    let reply = app.client.raw(Transport::Rest, request(Transport::Rest, &ann, body)).await;
    reply.refused("INVALID_ARGUMENT", "MALFORMED_REQUEST");
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn a_value_of_another_type_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let number_for_text = create(b"\x0a\x02\x10\x05", "");
    for transport in Transport::BINARY {
        let reply = ann.send(transport, number_for_text.clone()).await;
        reply.refused("INVALID_ARGUMENT", "MALFORMED_REQUEST");
    }
    for (text, field) in [
        (r#"{"name":5}"#, "room.name"),
        (r#"{"name":["a"]}"#, "room.name"),
        (r#"{"name":{"a":1}}"#, "room.name"),
        (r#"{"name":true}"#, "room.name"),
        (r#"{"name":"a","type":"NO_SUCH_TYPE"}"#, "room.type"),
        (r#"{"name":"a","type":1.5}"#, "room.type"),
        (r#"{"name":"a","memberCount":1e400}"#, "room.member_count"),
        (r#"{"name":"a","memberCount":"many"}"#, "room.member_count"),
        (r#"{"name":"a","meta":5}"#, "room.meta"),
        (r#"{"name":"a","meta":{"createTime":"yesterday"}}"#, "room.meta.create_time"),
    ] {
        ann.send(Transport::Rest, create(&[], text)).await.invalid(field);
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn api_05_json_with_a_field_that_nobody_knows_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (text, field) in [
        (r#"{"name":"a","nickname":"b"}"#, "nickname"),
        (r#"{"name":"a","meta":{"nickname":"b"}}"#, "nickname"),
        (r#"{"name":"a","name":"b"}"#, "name"),
        (r#"{"name":"a","ownerId":"b","owner_id":"c"}"#, "owner"),
    ] {
        let reply = ann.send(Transport::Rest, create(&[], text)).await;
        assert_eq!(reply.code, "INVALID_ARGUMENT", "{reply:#?}");
        assert!(reply.message.contains(field), "{reply:#?}");
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn api_05_protobuf_with_a_field_that_nobody_knows_is_read_without_it() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in Transport::BINARY {
        let unknown = create(b"\x0a\x07\x12\x01a\xfa\x3f\x01b", "");
        assert_eq!(ann.send(transport, unknown).await.ok()["room"]["name"], "a");
    }
}

#[tokio::test]
async fn api_01_json_nests_64_deep_at_most() {
    let app = App::start();
    let ann = app.user("ann").await;
    for depth in [65, 100_000] {
        let text = format!(r#"{{"name":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let reply = ann.send(Transport::Rest, create(&[], &text)).await;
        assert_eq!(reply.code, "INVALID_ARGUMENT", "{reply:#?}");
    }
}

#[tokio::test]
async fn api_01_a_list_has_1000_elements_at_most() {
    let app = App::start();
    let ann = app.user("ann").await;
    let text = json!({ "name": "a", "nickname": vec![1; 1001] }).to_string();
    let reply = ann.send(Transport::Rest, create(&[], &text)).await;
    assert_eq!(reply.code, "INVALID_ARGUMENT", "{reply:#?}");
}

#[tokio::test]
async fn a_frame_that_breaks_off_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let whole = frame(&[0x0a, 0x03, 0x12, 0x01, b'a']);
    for transport in [Transport::Grpc, Transport::GrpcWeb] {
        for length in [0, 1, 4, 5, whole.len() - 1] {
            let broken = request(transport, &ann, whole[..length].to_vec());
            let reply = app.client.raw(transport, broken).await;
            reply.refused("INVALID_ARGUMENT", "MALFORMED_REQUEST");
        }
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn text_that_is_not_base64_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let transport = Transport::GrpcWebText;
    for text in ["!", "AAAA!", "AAAAA", "AAAA\n", "{}"] {
        let reply = app.client.raw(transport, request(transport, &ann, text)).await;
        reply.refused("INVALID_ARGUMENT", "MALFORMED_REQUEST");
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn an_encoding_that_the_server_does_not_know_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in [Transport::Grpc, Transport::GrpcWeb] {
        let mut request = request(transport, &ann, frame(&[]));
        request.headers_mut().insert("grpc-encoding", "br".parse().unwrap());
        let reply = app.client.raw(transport, request).await;
        assert_eq!(reply.code, "UNIMPLEMENTED", "{reply:#?}");
    }
    let mut request = request(Transport::Rest, &ann, "{}");
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let reply = app.client.raw(Transport::Rest, request).await;
    assert_eq!(reply.http_status, 415, "{reply:#?}");
}
