//! A key that is deleted, has expired, or whose owner is barred is refused at once on every replica, and its streams end.

use std::time::Duration;

use serde_json::json;

use super::{Key, draft};
use crate::support::{
    app::{App, PASSWORD, text},
    client::{Call, Transport},
    database::on_every_database,
    replicas::Replicas,
    rpc::{
        CREATE_API_KEY, DELETE_API_KEY, DELETE_USER, GET_ME, LOGOUT, REGISTER, SUSPEND_USER,
        UNSUSPEND_USER, WATCH_REVOCATIONS,
    },
    streams::Messages,
    world::World,
};

/// A stream that was opened with a key, over each transport that has streams.
async fn streams(app: &App, key: &Key) -> Vec<Messages> {
    let mut streams = Vec::new();
    for transport in Transport::BINARY {
        let call = Call::to(WATCH_REVOCATIONS, json!({})).token(&key.secret);
        let mut stream = app.client.stream(transport, &call);
        stream.next().await;
        streams.push(stream);
    }
    streams
}

#[tokio::test]
async fn sess_04_a_deleted_key_is_refused_on_every_replica_at_once_and_its_streams_end() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for transport in Transport::ALL {
        let ann = a.person_with_role("service").await;
        let key = Key::of(&ann, &["users.read", "tokens.validate"]).await;
        for app in [a, b] {
            key.everywhere(app, GET_ME, json!({})).await.ok();
        }
        let streams = streams(b, &key).await;
        ann.call(transport, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
        for app in [b, a] {
            let refused = key.everywhere(app, GET_ME, json!({})).await;
            refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
        }
        for stream in streams {
            stream.end().await.refused("UNAUTHENTICATED", "API_KEY_ENDED");
        }
    }
}

#[tokio::test]
async fn sess_04_a_key_is_deleted_even_while_replicas_cannot_hear_each_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    for _ in 0..5 {
        let key = Key::of(&ann, &["users.read"]).await;
        key.everywhere(b, GET_ME, json!({})).await.ok();
        replicas.cut_listeners().await;
        ann.call(Transport::Grpc, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
        let refused = key.everywhere(b, GET_ME, json!({})).await;
        refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
    }
}

#[tokio::test]
async fn sess_04_the_keys_of_whoever_is_barred_are_refused_until_they_are_let_in_again() {
    for app in on_every_database().await {
        let root = app.admin("root").await;
        for transport in Transport::ALL {
            let ann = app.person_with_role("service").await;
            let key = Key::of(&ann, &["users.read", "tokens.validate"]).await;
            let streams = streams(&app, &key).await;
            key.everywhere(&app, GET_ME, json!({})).await.ok();
            let of_ann = json!({ "id": ann.id });
            root.call(transport, SUSPEND_USER, of_ann.clone()).await.ok();
            let refused = key.everywhere(&app, GET_ME, json!({})).await;
            refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
            for stream in streams {
                stream.end().await.refused("UNAUTHENTICATED", "API_KEY_ENDED");
            }
            root.call(transport, UNSUSPEND_USER, of_ann.clone()).await.ok();
            key.everywhere(&app, GET_ME, json!({})).await.ok();
            root.call(transport, DELETE_USER, of_ann).await.ok();
            let refused = key.everywhere(&app, GET_ME, json!({})).await;
            refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
        }
    }
}

#[tokio::test]
async fn sess_04_the_keys_of_whoever_is_barred_on_one_replica_are_refused_on_every_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let root = a.admin("root").await;
    for transport in Transport::ALL {
        let ann = b.user("ann").await;
        let key = Key::of(&ann, &["users.read"]).await;
        for (method, code) in [(SUSPEND_USER, "UNAUTHENTICATED"), (UNSUSPEND_USER, "OK")] {
            root.call(transport, method, json!({ "id": ann.id })).await.ok();
            for app in [b, a] {
                let reply = key.everywhere(app, GET_ME, json!({})).await;
                assert_eq!(reply.code, code, "{reply:#?}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_outlives_the_session_that_made_it() {
    let app = App::start();
    let ann = app.user("ann").await;
    let key = Key::of(&ann, &["users.read"]).await;
    ann.call(Transport::Rest, LOGOUT, json!({ "allSessions": true })).await.ok();
    key.everywhere(&app, GET_ME, json!({})).await.ok();
}

#[tokio::test]
async fn a_key_is_good_until_it_expires_and_its_streams_end_then() {
    let world = World::start().await;
    let names = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    let ann = world.client.send(Transport::Grpc, &Call::to(REGISTER, names)).await;
    let result = &ann.ok()["result"];
    world.replace_role(&text(&result["user"]["id"]), "service").await;
    let token = text(&result["tokens"]["accessToken"]);
    let mut request = draft(&["users.read", "tokens.validate"]);
    request["apiKey"]["expireTime"] = json!("2026-01-01T01:00:00Z");
    let made = Call::to(CREATE_API_KEY, request).token(&token);
    let key = Key::made(&world.client.send(Transport::Rest, &made).await);
    let watch = Call::to(WATCH_REVOCATIONS, json!({})).token(&key.secret);
    let mut stream = world.client.stream(Transport::Grpc, &watch);
    stream.next().await;
    let me = Call::to(GET_ME, json!({})).token(&key.secret);
    world.wait(Duration::from_secs(3599));
    for transport in Transport::ALL {
        world.client.send(transport, &me).await.ok();
    }
    world.wait(Duration::from_secs(1));
    for transport in Transport::ALL {
        let refused = world.client.send(transport, &me).await;
        refused.refused("UNAUTHENTICATED", "EXPIRED_API_KEY");
    }
    stream.end().await.refused("UNAUTHENTICATED", "EXPIRED_API_KEY");
}
