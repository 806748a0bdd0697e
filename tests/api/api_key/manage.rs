//! Keys are made after a fresh proof, seen without their secret, and bounded in what they may do and in number.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Key, draft};
use crate::support::{
    app::{App, PASSWORD, Person, text, unique_uuid},
    client::{Call, Transport},
    database::{audit_lines, on_every_database},
    rpc::{CREATE_API_KEY, DELETE_API_KEY, GET_ME, LIST_API_KEYS, LOGIN, REGISTER},
    server::Environment,
    smtp,
    world::World,
};

/// The keys that somebody sees of themselves, the newest first.
async fn keys(of: &Person, transport: Transport) -> Vec<Value> {
    let listed = of.call(transport, LIST_API_KEYS, json!({})).await;
    listed.ok()["apiKeys"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_key_is_shown_with_its_secret_once() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let mut request = draft(&["users.read", "rooms.read"]);
            request["apiKey"]["allowedNetworks"] = json!(["127.0.0.1", "192.0.2.9/24"]);
            request["apiKey"]["expireTime"] = json!("2999-01-01T00:00:00Z");
            let reply = ann.call(transport, CREATE_API_KEY, request).await;
            let key = Key::made(&reply);
            let shown = &reply.ok()["apiKey"];
            assert_eq!(shown["userId"], ann.id.as_str());
            assert_eq!(shown["displayName"], "nightly");
            assert_eq!(shown["permissions"], json!(["users.read", "rooms.read"]));
            assert_eq!(shown["allowedNetworks"], json!(["127.0.0.1/32", "192.0.2.0/24"]));
            assert_eq!(shown["expireTime"], "2999-01-01T00:00:00Z");
            assert!(shown["lastUsedTime"].is_null(), "{shown}");
            assert!(key.secret.starts_with(&text(&shown["prefix"])), "{shown}");
            key.everywhere(&app, GET_ME, json!({})).await.ok();

            let second = Key::of(&ann, &["rooms.read"]).await;
            let listed = keys(&ann, transport).await;
            let ids: Vec<_> = listed.iter().map(|key| text(&key["id"])).collect();
            assert_eq!(ids, [second.id, key.id]);
            let seen = listed[1].to_string();
            assert!(!seen.contains(&key.secret) && !seen.contains("secret"), "{seen}");
        }
    }
}

#[tokio::test]
async fn authn_11_a_key_is_made_after_a_fresh_proof() {
    let world = World::start().await;
    let names = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    let ann = world.client.send(Transport::Grpc, &Call::to(REGISTER, names)).await;
    let token = text(&ann.ok()["result"]["tokens"]["accessToken"]);
    world.wait(Duration::from_secs(299));
    for transport in Transport::ALL {
        let call = Call::to(CREATE_API_KEY, draft(&["rooms.read"])).token(&token);
        world.client.send(transport, &call).await.ok();
    }
    world.wait(Duration::from_secs(1));
    for transport in Transport::ALL {
        let call = Call::to(CREATE_API_KEY, draft(&["rooms.read"])).token(&token);
        let refused = world.client.send(transport, &call).await;
        refused.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
    }
    let login = json!({ "identifier": "ann", "password": PASSWORD });
    let again = world.client.send(Transport::Rest, &Call::to(LOGIN, login)).await;
    let token = text(&again.ok()["result"]["tokens"]["accessToken"]);
    let listed = Call::to(LIST_API_KEYS, json!({})).token(&token);
    let listed = world.client.send(Transport::Rest, &listed).await;
    assert_eq!(listed.ok()["apiKeys"].as_array().map(Vec::len), Some(Transport::ALL.len()));
}

#[tokio::test]
async fn authz_06_nobody_gives_a_key_what_they_lack() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for lacking in ["users.delete", "rooms.update_any", "tokens.validate", "api_keys.any"] {
            let greedy = Call::to(CREATE_API_KEY, draft(&["rooms.read", lacking]));
            let refused = ann.everywhere(greedy).await;
            refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
            assert!(refused.message.contains(lacking), "{refused:#?}");
        }
        assert_eq!(keys(&ann, Transport::Rest).await.len(), 0);
    }
}

#[tokio::test]
async fn what_a_key_cannot_be_is_refused_by_field() {
    let app = App::start();
    let ann = app.user("ann").await;
    let many = |number: usize| (0..number).map(|at| json!(format!("10.0.{at}.0/24"))).collect();
    for (field, value, broken) in [
        ("displayName", json!(""), "api_key.display_name"),
        ("displayName", json!("\u{200b} "), "api_key.display_name"),
        ("displayName", json!("x".repeat(101)), "api_key.display_name"),
        ("permissions", json!([]), "api_key.permissions"),
        ("permissions", json!(["rooms.read", "rooms.read"]), "api_key.permissions"),
        ("permissions", json!(["rooms.read", "rooms.fly"]), "api_key.permissions[1]"),
        ("allowedNetworks", json!(["10.0.0.0/8", "10/8"]), "api_key.allowed_networks[1]"),
        ("allowedNetworks", Value::Array(many(21)), "api_key.allowed_networks"),
        ("expireTime", json!("2020-01-01T00:00:00Z"), "api_key.expire_time"),
    ] {
        let mut request = draft(&["rooms.read"]);
        request["apiKey"][field] = value;
        ann.everywhere(Call::to(CREATE_API_KEY, request)).await.invalid(broken);
    }
    assert_eq!(keys(&ann, Transport::Rest).await.len(), 0);
}

#[tokio::test]
async fn api_10_a_retry_is_shown_the_same_key_and_the_same_secret() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let mut request = draft(&["rooms.read"]);
            request["requestId"] = json!("the first");
            let first = ann.call(transport, CREATE_API_KEY, request.clone()).await;
            let again = ann.everywhere(Call::to(CREATE_API_KEY, request.clone())).await;
            assert_eq!(first.ok(), again.ok());
            request["apiKey"]["displayName"] = json!("another");
            let other = ann.everywhere(Call::to(CREATE_API_KEY, request.clone())).await;
            other.refused("ALREADY_EXISTS", "REQUEST_ID_REUSED");
            assert_eq!(keys(&ann, transport).await.len(), 1);
            // What is gone is not shown again.
            let id = json!({ "id": Key::made(&first).id });
            ann.call(transport, DELETE_API_KEY, id).await.ok();
            request["apiKey"]["displayName"] = json!("nightly");
            let gone = ann.everywhere(Call::to(CREATE_API_KEY, request)).await;
            gone.refused("NOT_FOUND", "NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn authz_03_owners_and_administrators_delete_a_key_and_to_others_it_is_unknown() {
    for app in on_every_database().await {
        let (ann, bob, root) =
            (app.user("ann").await, app.user("bob").await, app.admin("root").await);
        for transport in Transport::ALL {
            for able in [&ann, &root] {
                let key = Key::of(&ann, &["users.read"]).await;
                let one = json!({ "id": key.id });
                let unknown = json!({ "id": unique_uuid() });
                for (by, id) in [(&bob, &one), (&bob, &unknown), (&ann, &unknown)] {
                    let refused = by.call(transport, DELETE_API_KEY, id.clone()).await;
                    refused.refused("NOT_FOUND", "NOT_FOUND");
                }
                key.everywhere(&app, GET_ME, json!({})).await.ok();
                let deleted = able.call(transport, DELETE_API_KEY, one.clone()).await;
                assert_eq!(deleted.ok()["apiKey"]["id"], key.id.as_str());
                let refused = key.everywhere(&app, GET_ME, json!({})).await;
                refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
                let again = able.call(transport, DELETE_API_KEY, one).await;
                again.refused("NOT_FOUND", "NOT_FOUND");
            }
            let key = Key::of(&ann, &["users.read"]).await;
            let of_ann = json!({ "userId": ann.id });
            let refused = bob.call(transport, LIST_API_KEYS, of_ann.clone()).await;
            refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
            let listed = root.call(transport, LIST_API_KEYS, of_ann).await;
            let ids = listed.ok()["apiKeys"].as_array().unwrap();
            assert_eq!(ids.iter().map(|key| text(&key["id"])).collect::<Vec<_>>(), [&*key.id]);
            ann.call(transport, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
        }
    }
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_keys_that_can_be_used() {
    let app = App::start();
    let ann = app.user("ann").await;
    let mut last = None;
    for _ in 0..50 {
        last = Some(Key::of(&ann, &["rooms.read"]).await);
    }
    let refused = ann.everywhere(Call::to(CREATE_API_KEY, draft(&["rooms.read"]))).await;
    refused.refused("FAILED_PRECONDITION", "TOO_MANY_API_KEYS");
    let id = json!({ "id": last.unwrap().id });
    ann.call(Transport::Rest, DELETE_API_KEY, id).await.ok();
    Key::of(&ann, &["rooms.read"]).await;
    let page = ann.everywhere(Call::to(LIST_API_KEYS, json!({ "pageSize": 30 }))).await;
    assert_eq!(page.ok()["apiKeys"].as_array().map(Vec::len), Some(30));
    let rest = json!({ "pageSize": 30, "pageToken": page.ok()["nextPageToken"] });
    let page = ann.everywhere(Call::to(LIST_API_KEYS, rest)).await;
    assert_eq!(page.ok()["apiKeys"].as_array().map(Vec::len), Some(20));
    assert_eq!(page.ok()["nextPageToken"], "");
}

#[tokio::test]
async fn authn_15_a_new_key_is_told_of_by_mail() {
    let server = smtp::Server::start();
    let app = App::with(server.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let made = ann.call(transport, CREATE_API_KEY, draft(&["rooms.read"])).await;
        let key = Key::made(&made);
        let mails = server.received_for(&ann.email, 1).await;
        for said in [&mails[0].text, &mails[0].html] {
            assert!(said.contains("nightly"), "{said}");
            assert!(!said.contains(&key.secret[..20]), "{said}");
        }
    }
}

#[tokio::test]
async fn log_01_making_using_and_deleting_a_key_leaves_lines_about_whose_it_is() {
    let app = App::start();
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let made = ann.call(transport, CREATE_API_KEY, draft(&["rooms.create"])).await;
        let key = Key::made(&made);
        let room = json!({ "room": { "name": "made by a program" } });
        key.call(&app, transport, crate::kind::ROOM.create, room).await.ok();
        let refused = key.call(&app, transport, LIST_API_KEYS, json!({})).await;
        refused.refused("PERMISSION_DENIED", "API_KEY_NOT_ALLOWED");
        ann.call(transport, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
        let lines = audit_lines(&app.server.environment, &ann.id).await;
        let about = |action: &str| {
            let line = lines.iter().find(|line| line.action == action);
            line.unwrap_or_else(|| panic!("{action} is not in {lines:?}"))
        };
        assert_eq!(about("api_key.create").api_key_id, "");
        assert_eq!(about("room.create").api_key_id, key.id);
        let denied = lines.iter().find(|line| line.outcome == "DENIED").unwrap();
        assert_eq!(denied.api_key_id, key.id);
        assert_eq!(about("api_key.delete").api_key_id, "");
    }
}

#[tokio::test]
async fn the_use_of_a_key_is_written_now_and_then_and_not_for_each_call() {
    const WRITES: &str = "veza_db_query_duration_seconds_count{query=\"mark_api_keys_used\"}";
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    let [used, unused] =
        [Key::of(&ann, &["users.read"]).await, Key::of(&ann, &["users.read"]).await];
    for _ in 0..100 {
        used.call(&app, Transport::Grpc, GET_ME, json!({})).await.ok();
    }
    assert!(app.metric(WRITES).await.unwrap_or_default() <= 1.0);
    let environment = app.server.environment.clone();
    // What was not written yet is written when the server stops.
    app.server.stop();
    let app = App::alone(environment);
    let ann = Person { app, ..ann };
    for transport in Transport::ALL {
        for key in keys(&ann, transport).await {
            let is_used = key["id"] == used.id.as_str();
            assert!(is_used || key["id"] == unused.id.as_str(), "{key}");
            assert_eq!(key["lastUsedTime"].is_string(), is_used, "{key}");
        }
    }
}
