//! PATCH and PUT: the mask that says what changes (AIP-134).

use serde_json::json;

use crate::support::Api;

const BOOK: &str = "/v1/shelves/1/books/2";

#[tokio::test]
async fn the_mask_of_a_patch_is_what_the_body_names() {
    let api = Api::library();
    for (body, mask) in [
        (r#"{"displayName":"a"}"#, Some("displayName")),
        (r#"{"display_name":null}"#, Some("displayName")),
        (
            r#"{"author":{"givenName":"a","familyName":""},"pageCount":0}"#,
            Some("author.givenName,author.familyName,pageCount"),
        ),
        (r#"{"author":{}}"#, Some("author")),
        (r#"{"author":null}"#, Some("author")),
        (r#"{"tags":["a"],"labels":{"x":"y"}}"#, Some("tags,labels")),
        (r#"{"publishTime":"2024-01-01T00:00:00Z"}"#, Some("publishTime")),
        (r#"{"extra":{"a":{"b":1},"c":{}}}"#, Some("extra.a.b,extra.c")),
        // What the path names is no change.
        (r#"{"name":"shelves/1/books/2","tags":[]}"#, Some("tags")),
        ("{}", None),
        ("", None),
    ] {
        let answer = api.call("PATCH", BOOK, body).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        let message = api.message();
        assert_eq!(message.get("updateMask"), mask.map(|mask| json!(mask)).as_ref(), "{body}");
        assert_eq!(message["book"]["name"], "shelves/1/books/2", "{body}");
    }
}

#[tokio::test]
async fn a_mask_in_the_query_is_taken_as_it_is() {
    let api = Api::library();
    for (mask, received) in [
        ("displayName", "displayName"),
        ("display_name,author.given_name", "displayName,author.givenName"),
        ("*", "*"),
        ("extra.anything.at.all", "extra.anything.at.all"),
        ("labels.key", "labels.key"),
    ] {
        for (method, name) in [("PATCH", "updateMask"), ("PUT", "update_mask")] {
            let answer = api.call(method, &format!("{BOOK}?{name}={mask}"), "{}").await;
            assert_eq!(answer.status, 200, "{mask}: {}", answer.text);
            if received != "*" {
                assert_eq!(api.message()["updateMask"], received, "{method} {mask}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_with_an_underscore_is_a_proto_name_already() {
    let api = Api::declared(
        r#"syntax = "proto3"; package t;
        import "google/api/annotations.proto"; import "google/protobuf/field_mask.proto";
        message Item { string UPPER_CASE = 1; }
        message Request { Item item = 1; google.protobuf.FieldMask update_mask = 2; }
        service S {
          rpc Update(Request) returns (Item) {
            option (google.api.http) = {patch: "/v1/item" body: "item"};
          }
        }"#,
    );
    let answer = api.call("PATCH", "/v1/item?update_mask=UPPER_CASE", "{}").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(api.mask_paths(), ["UPPER_CASE"]);
}

#[tokio::test]
async fn a_mask_in_the_body_is_taken_as_it_is() {
    let api = Api::declared(
        r#"syntax = "proto3"; package t;
        import "google/api/annotations.proto"; import "google/protobuf/field_mask.proto";
        message Room { string id = 1; string display_name = 2; }
        message Update { Room room = 1; google.protobuf.FieldMask update_mask = 2; }
        service S { rpc U(Update) returns (Update) {
          option (google.api.http) = {patch: "/rooms/{room.id}" body: "*"}; } }"#,
    );
    for name in ["updateMask", "update_mask"] {
        let body = format!(r#"{{"room":{{"displayName":"a"}},"{name}":"displayName"}}"#);
        assert_eq!(api.call("PATCH", "/rooms/1", &body).await.status, 200);
        assert_eq!(
            api.message(),
            json!({"room": {"id": "1", "displayName": "a"}, "updateMask": "displayName"})
        );
    }
    let bad = api.call("PATCH", "/rooms/1", r#"{"updateMask":"display_name"}"#).await;
    assert_eq!(bad.violation().0, "update_mask");
}

#[tokio::test]
async fn a_mask_that_names_no_field_is_refused() {
    let api = Api::library();
    for (mask, description) in [
        ("unknown", "`unknown` must be a known field"),
        (
            "display_name,display_nam",
            "`display_nam` must be a known field; did you mean `displayName`?",
        ),
        ("author.unknown", "`author.unknown` must be a known field"),
        ("tags.x", "`tags.x` must end at a field without fields of its own"),
        ("display_name.x", "`display_name.x` must end at a field without fields of its own"),
        ("a-b", "`a-b` must be a field path"),
        ("name,,tags", "`` must be a known field"),
    ] {
        let answer = api.call("PATCH", &format!("{BOOK}?updateMask={mask}"), "{}").await;
        assert_eq!((answer.status, answer.reason()), (400, "INVALID_FIELDS"), "{mask}");
        assert_eq!(answer.violation(), ("update_mask", description), "{mask}");
    }
}

#[tokio::test]
async fn a_put_without_a_mask_replaces_everything() {
    let api = Api::library();
    let answer = api.call("PUT", BOOK, r#"{"displayName":"a"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(api.message()["updateMask"], "*");
}

#[tokio::test]
async fn a_mask_is_no_longer_than_a_body() {
    let api = Api::library();
    let keys: Vec<_> = (0..1000).map(|key| format!("\"{key}\":1")).collect();
    let key = "k".repeat(10_000);
    let body = format!("{{\"extra\":{{\"{key}\":{{{}}}}}}}", keys.join(","));
    let answer = api.call("PATCH", BOOK, &body).await;
    assert_eq!((answer.status, answer.reason()), (400, "MALFORMED_REQUEST"));
}
