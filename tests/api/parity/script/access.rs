//! What is particular to API keys: made, seen, used and deleted.

use serde_json::{Value, json};

use super::super::stage::{Key, Stage};
use crate::{
    kind::STREAM,
    support::{
        app::text,
        client::Call,
        rpc::{CREATE_API_KEY, DELETE_API_KEY, LIST_API_KEYS},
    },
};

/// What the key on the stage may be used for.
pub const PERMISSION: &str = "streams.read";

fn draft() -> Value {
    json!({ "display_name": "nightly", "permissions": [PERMISSION] })
}

/// Makes a key of Ann's.
pub async fn make(stage: &mut Stage) -> Key {
    let made = stage.ann("a key", CREATE_API_KEY, json!({ "api_key": draft() }), "OK").await;
    Key { id: text(&made.ok()["apiKey"]["id"]), secret: text(&made.ok()["secret"]) }
}

pub async fn create(stage: &mut Stage) {
    let mut key = draft();
    key["allowed_networks"] = json!(["192.0.2.7/24", "2001:db8::/32"]);
    key["expire_time"] = json!("2030-01-01T00:00:00Z");
    let request = json!({ "api_key": key, "request_id": "one and the same" });
    for case in ["once", "again"] {
        stage.ann(case, CREATE_API_KEY, request.clone(), "OK").await;
    }
    let other = json!({ "api_key": draft(), "request_id": "one and the same" });
    stage.ann("another under its id", CREATE_API_KEY, other, "REQUEST_ID_REUSED").await;
    for (case, field, value, outcome) in [
        ("no name", "display_name", json!(" "), "INVALID_FIELDS"),
        ("no permission", "permissions", json!([]), "INVALID_FIELDS"),
        ("a permission that is none", "permissions", json!(["rooms.fly"]), "INVALID_FIELDS"),
        ("one that Ann lacks", "permissions", json!(["users.delete"]), "PERMISSION_DENIED"),
        ("no network", "allowed_networks", json!(["example.com"]), "INVALID_FIELDS"),
        ("in the past", "expire_time", json!("2020-01-01T00:00:00Z"), "INVALID_FIELDS"),
    ] {
        let mut key = draft();
        key[field] = value;
        stage.ann(case, CREATE_API_KEY, json!({ "api_key": key }), outcome).await;
    }
    let by_key = stage.cast.key.secret.clone();
    let list = Call::to(STREAM.list, json!({})).token(&by_key);
    stage.perform("the streams, by a key", list, "OK").await;
}

pub async fn list(stage: &mut Stage) {
    make(stage).await;
    let mut request = json!({ "page_size": 1 });
    let page = stage.ann("the first page", LIST_API_KEYS, request.clone(), "OK").await;
    request["page_token"] = page.ok()["nextPageToken"].clone();
    stage.ann("the next page", LIST_API_KEYS, request, "OK").await;
    stage.ann("nobody's", LIST_API_KEYS, json!({ "user_id": "ann" }), "INVALID_FIELDS").await;
    let of_ann = Call::to(LIST_API_KEYS, json!({ "user_id": stage.cast.ann.id }));
    let of_ann = of_ann.token(&stage.cast.root.token);
    stage.perform("the keys of somebody else", of_ann, "OK").await;
}

pub async fn delete(stage: &mut Stage) {
    let key = make(stage).await;
    let one = json!({ "id": key.id });
    stage.ann("one's own", DELETE_API_KEY, one.clone(), "OK").await;
    stage.ann("one's own, again", DELETE_API_KEY, one, "NOT_FOUND").await;
    let ended = Call::to(STREAM.list, json!({})).token(&key.secret);
    stage.perform("the streams, by a deleted key", ended, "API_KEY_ENDED").await;
    let one = json!({ "id": make(stage).await.id });
    let by_root = Call::to(DELETE_API_KEY, one).token(&stage.cast.root.token);
    stage.perform("the key of somebody else", by_root, "OK").await;
}
