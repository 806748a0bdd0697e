//! What streams have for themselves.

use serde_json::json;

use crate::{
    kind::STREAM,
    support::{
        app::{App, text},
        client::{Call, Transport},
        database::on_every_database,
        rpc::{CREATE_STREAM, GET_STREAM, LIST_STREAMS, UPDATE_STREAM},
    },
};

#[tokio::test]
async fn a_stream_keeps_its_tags_and_its_schedule() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for transport in Transport::ALL {
            let draft = json!({
                "title": "Launch", "tags": ["games", "Ünïcode 🎮"],
                "scheduledStartTime": "2030-01-02T03:04:05.678901Z",
            });
            let created = ann.call(transport, CREATE_STREAM, json!({ "stream": draft })).await;
            let created = &created.ok()["stream"];
            assert_eq!(created["state"], "STREAM_STATE_IDLE");
            for field in ["tags", "scheduledStartTime"] {
                assert_eq!(created[field], draft[field]);
            }
            let read = ann.call(transport, GET_STREAM, json!({ "id": created["id"] })).await;
            assert_eq!(&read.ok()["stream"], created);

            let cleared = json!({
                "stream": { "id": created["id"] }, "updateMask": "tags,scheduledStartTime"
            });
            let cleared = ann.call(transport, UPDATE_STREAM, cleared).await;
            let cleared = &cleared.ok()["stream"];
            assert_eq!((&cleared["tags"], &cleared["title"]), (&json!([]), &json!("Launch")));
            assert!(cleared["scheduledStartTime"].is_null(), "{cleared}");
        }
    }
}

#[tokio::test]
async fn an_unlisted_stream_is_found_by_its_id_only() {
    for app in on_every_database().await {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let draft = json!({ "title": "by link", "visibility": "STREAM_VISIBILITY_UNLISTED" });
        let created = STREAM.created(&ann, json!({ "stream": draft })).await;
        let id = text(&created["id"]);
        bob.everywhere(STREAM.get(&id)).await.ok();
        assert_eq!(bob.everywhere(STREAM.list_of(&ann)).await.ok()["streams"], json!([]));
        assert_eq!(STREAM.count(&ann).await, 1, "its owner finds it");
    }
}

#[tokio::test]
async fn streams_are_found_by_state_and_visibility() {
    let app = App::start();
    let ann = app.user("ann").await;
    STREAM.public(&ann).await;
    STREAM.private(&ann).await;
    for (term, expected) in [
        ("visibility = \"PUBLIC\"", vec!["everyone's"]),
        ("visibility = \"PRIVATE\"", vec!["mine"]),
        ("state = \"IDLE\"", vec!["mine", "everyone's"]),
        ("state = \"LIVE\"", vec![]),
    ] {
        let filter = format!("{term} AND owner_id = \"{}\"", ann.id);
        let reply = ann.everywhere(Call::to(LIST_STREAMS, json!({ "filter": filter }))).await;
        let streams = reply.ok()["streams"].as_array().unwrap();
        assert_eq!(streams.iter().map(|stream| &stream["title"]).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn authz_09_a_client_does_not_set_the_state_of_a_stream() {
    let app = App::start();
    let ann = app.user("ann").await;
    let id = STREAM.public(&ann).await;
    for transport in Transport::ALL {
        let stream = json!({ "id": id, "state": "STREAM_STATE_LIVE" });
        let plain = json!({ "stream": stream });
        let masked = json!({ "stream": stream, "updateMask": "state" });
        for request in [plain, masked] {
            let reply = ann.call(transport, UPDATE_STREAM, request).await;
            assert!(["OK", "INVALID_ARGUMENT"].contains(&reply.code.as_str()), "{reply:#?}");
        }
    }
    assert_eq!(STREAM.current(&ann, &id).await["state"], "STREAM_STATE_IDLE");
}
