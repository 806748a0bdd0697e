//! What is particular to rooms and streams.

use serde_json::json;

use super::super::stage::Stage;
use crate::{
    kind::{Kind, ROOM, STREAM},
    support::{app::text, client::Call},
};

/// Gives Ann a public and a private one of each kind.
pub async fn set_the_scene(stage: &mut Stage) {
    stage.cast.rooms = two(stage, ROOM).await;
    stage.cast.streams = two(stage, STREAM).await;
}

async fn two(stage: &mut Stage, kind: Kind) -> [String; 2] {
    let public = one(stage, kind).await;
    let private = stage.ann("private", kind.create, kind.private_draft("mine"), "OK").await;
    [public, text(&private.ok()[kind.one]["id"])]
}

async fn one(stage: &mut Stage, kind: Kind) -> String {
    let created = stage.ann("public", kind.create, kind.draft("everyone's"), "OK").await;
    text(&created.ok()[kind.one]["id"])
}

/// The public one and the private one.
fn ids(stage: &Stage, kind: Kind) -> [String; 2] {
    if kind.one == "room" { stage.cast.rooms.clone() } else { stage.cast.streams.clone() }
}

pub async fn create(stage: &mut Stage, kind: Kind) {
    let with = |id: &str, name: &str| {
        let mut request = kind.draft(name);
        request["request_id"] = id.into();
        request
    };
    stage.ann("with an id", kind.create, with("once", "a"), "OK").await;
    stage.ann("with an id, again", kind.create, with("once", "a"), "OK").await;
    stage.ann("with an id of another", kind.create, with("once", "b"), "REQUEST_ID_REUSED").await;
    for (key, outcome) in [("twice", "INVALID_FIELDS"), ("once", "OK")] {
        let call = Call::to(kind.create, with("once", "a")).header("idempotency-key", key);
        let call = call.token(&stage.cast.ann.token);
        stage.perform(&format!("{}: the key {key}", kind.create), call, outcome).await;
    }
    let unnamed = json!({ kind.one: { "description": "of nothing" } });
    stage.ann("without a name", kind.create, unnamed, "INVALID_FIELDS").await;
    let mut rich = kind.draft("ünïcode 🔑 \"\\");
    rich[kind.one]["description"] = "on\nmany\u{2028}lines\u{7f}".into();
    if kind.one == "stream" {
        rich["stream"]["tags"] = json!(["games", "a/b"]);
        rich["stream"]["scheduledStartTime"] = "2030-01-02T03:04:05.678901Z".into();
    }
    stage.ann("every field", kind.create, rich, "OK").await;
}

pub async fn list(stage: &mut Stage, kind: Kind) {
    stage.bob("what others find", kind.list, json!({}), "OK").await;
    let filter = format!("owner_id = \"{}\"", stage.cast.ann.id);
    let mut request = json!({ "page_size": 1, "filter": filter, "order_by": "create_time" });
    let page = stage.ann("the first page", kind.list, request.clone(), "OK").await;
    request["page_token"] = page.ok()["nextPageToken"].clone();
    stage.ann("the next page", kind.list, request.clone(), "OK").await;
    stage.bob("the page of another", kind.list, request, "INVALID_PAGE_TOKEN").await;
    stage.ann("no size", kind.list, json!({ "page_size": -1 }), "INVALID_FIELDS").await;
    stage
        .ann(
            "nothing",
            kind.list,
            json!({ "filter": filter.replace(&stage.cast.ann.id, &stage.cast.bob.id) }),
            "OK",
        )
        .await;
}

pub async fn get(stage: &mut Stage, kind: Kind) {
    let [public, private] = ids(stage, kind);
    stage.ann("one's own", kind.get, json!({ "id": private }), "OK").await;
    stage.bob("everyone's", kind.get, json!({ "id": public }), "OK").await;
    stage.bob("private", kind.get, json!({ "id": private }), "NOT_FOUND").await;
}

pub async fn update(stage: &mut Stage, kind: Kind) {
    let [public, private] = ids(stage, kind);
    let with = |id: &str, mask: &str, name: &str| {
        let fields = json!({ "id": id, kind.name: name, "description": "new" });
        json!({ kind.one: fields, "update_mask": mask })
    };
    stage.ann("every field", kind.update, with(&public, "*", "second"), "OK").await;
    stage.ann("one field", kind.update, with(&public, "description", "ignored"), "OK").await;
    stage.ann("no name", kind.update, with(&public, kind.name, ""), "INVALID_FIELDS").await;
    let ignored = with(&public, "ownerId,meta.etag", "ignored");
    stage.ann("what only the server sets", kind.update, ignored, "OK").await;
    stage.bob("private", kind.update, with(&private, "*", "bob's"), "NOT_FOUND").await;
    let patch = kind.rename(&public, "without a mask").verb(http::Method::PATCH);
    let patch = patch.token(&stage.cast.ann.token);
    stage.perform(&format!("{}: without a mask", kind.update), patch, "OK").await;
    let read = stage.ann("read", kind.get, json!({ "id": public }), "OK").await;
    let mut current = with(&public, "*", "newest");
    current["etag"] = read.ok()[kind.one]["meta"]["etag"].clone();
    stage.ann("the current version", kind.update, current.clone(), "OK").await;
    stage.ann("the version before", kind.update, current, "STALE_ETAG").await;
}

pub async fn delete(stage: &mut Stage, kind: Kind) {
    let id = one(stage, kind).await;
    let [_, private] = ids(stage, kind);
    stage.bob("private", kind.delete, json!({ "id": private }), "NOT_FOUND").await;
    let current = json!({ "id": id, "etag": "v1" });
    stage.ann("one's own", kind.delete, current.clone(), "OK").await;
    stage.ann("again", kind.delete, current, "NOT_FOUND").await;
    stage.ann("deleted", kind.get, json!({ "id": id }), "NOT_FOUND").await;
}
