//! What services are told of others' tokens: whether one is good, and when it no longer is.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    api_key::Key,
    support::{
        app::{App, PASSWORD, Person, text},
        client::{Call, Client, Transport},
        database::on_every_database,
        replicas::Replicas,
        rpc::{
            DELETE_API_KEY, GET_ME, LOGIN, LOGOUT, REGISTER, SUSPEND_USER, UPDATE_USER,
            VALIDATE_TOKEN, WATCH_REVOCATIONS,
        },
        server::Environment,
        streams::Messages,
        world::World,
    },
    token::parts,
};

/// How long is waited for what should take less than a second, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a service is told about a token, over every transport that has the method.
async fn told(service: &Person, token: &str) -> Value {
    service.everywhere(Call::to(VALIDATE_TOKEN, json!({ "token": token }))).await.ok().clone()
}

async fn assert_invalid(service: &Person, token: &str, reason: &str) {
    let told = told(service, token).await;
    assert_eq!(told["invalid"]["reason"], reason, "{told}");
    assert!(told["valid"].is_null(), "{told}");
}

fn watch(client: &Client, transport: Transport, token: &str, resume_token: &str) -> Messages {
    let request = json!({ "resumeToken": resume_token });
    client.stream(transport, &Call::to(WATCH_REVOCATIONS, request).token(token))
}

/// A stream that has begun, and whether everything from before must be forgotten.
async fn begin(person: &Person, transport: Transport, resume_token: &str) -> (Messages, bool) {
    let mut messages = watch(&person.app.client, transport, &person.access_token, resume_token);
    let first = messages.next().await;
    assert!(first["began"]["completeSinceTime"].is_string(), "{first}");
    assert_ne!(first["resumeToken"], "");
    (messages, first["began"]["forgetEverything"] == true)
}

/// The ids of sessions and accounts that are told of before nothing is missing any more; and where to go on.
async fn until_alive(messages: &mut Messages) -> (BTreeSet<String>, String) {
    let (alive, before) = messages.until("alive").await;
    let mut ids = BTreeSet::new();
    for message in before {
        let sessions = message["sessionsEnded"]["sessionIds"].as_array();
        ids.extend(sessions.into_iter().flatten().map(text));
        ids.extend(message["accountChanged"]["userId"].as_str().map(str::to_owned));
        ids.extend(message["apiKeyDeleted"]["apiKeyId"].as_str().map(str::to_owned));
    }
    (ids, text(&alive["resumeToken"]))
}

/// Returns when all of these were told of.
async fn until_told(messages: &mut Messages, ids: &[&str]) {
    let mut missing: BTreeSet<_> = ids.iter().map(|id| (*id).to_owned()).collect();
    let all = async {
        while !missing.is_empty() {
            for id in until_alive(messages).await.0 {
                missing.remove(&id);
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, all).await;
    assert!(told.is_ok(), "never told of {missing:?}");
}

#[tokio::test]
async fn a_good_token_is_told_whose_it_is_and_what_they_may_do() {
    for app in on_every_database().await {
        let service = app.person_with_role("service").await;
        let ann = app.person_with_role("moderator").await;
        let (_, claims, _) = parts(&ann.access_token);
        let valid = told(&service, &ann.access_token).await["valid"].clone();
        assert_eq!(valid["userId"], ann.id.as_str());
        assert_eq!(valid["sessionId"], ann.session_id.as_str());
        assert_eq!(valid["roles"], json!(["moderator"]));
        let permissions: Vec<_> = valid["permissions"].as_array().unwrap().iter().collect();
        assert!(permissions.contains(&&json!("rooms.update_any")), "{valid}");
        assert!(!permissions.contains(&&json!("tokens.validate")), "{valid}");
        let format = &::time::format_description::well_known::Rfc3339;
        let expires = ::time::OffsetDateTime::parse(&text(&valid["expireTime"]), format).unwrap();
        assert_eq!(claims["exp"], expires.unix_timestamp());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told() {
    let app = App::start();
    let (service, ann) = (app.person_with_role("service").await, app.user("ann").await);
    for nonsense in ["nonsense", &ann.refresh_token, &"a.".repeat(4000)] {
        assert_invalid(&service, nonsense, "INVALID_TOKEN").await;
    }
    told(&service, &ann.access_token).await;
    ann.call(Transport::Rest, LOGOUT, json!({})).await.ok();
    assert_invalid(&service, &ann.access_token, "SESSION_ENDED").await;
}

#[tokio::test]
async fn an_expired_token_is_told_to_be_one() {
    let world = World::start().await;
    let sign_up = async |name: &str| {
        let email = format!("{name}@example.com");
        let request = json!({ "email": email, "username": name, "password": PASSWORD });
        let reply = world.client.send(Transport::Grpc, &Call::to(REGISTER, request)).await;
        let result = reply.ok()["result"].clone();
        (text(&result["user"]["id"]), text(&result["tokens"]["accessToken"]))
    };
    let (id, _) = sign_up("root").await;
    let (_, old) = sign_up("ann").await;
    world.replace_role(&id, "service").await;
    world.wait(Duration::from_secs(3630));
    let login = json!({ "identifier": "root", "password": PASSWORD });
    let reply = world.client.send(Transport::Grpc, &Call::to(LOGIN, login)).await;
    let token = text(&reply.ok()["result"]["tokens"]["accessToken"]);
    for transport in Transport::BINARY {
        let call = Call::to(VALIDATE_TOKEN, json!({ "token": old })).token(&token);
        let told = world.client.send(transport, &call).await;
        assert_eq!(told.ok()["invalid"]["reason"], "EXPIRED_TOKEN");
    }

    // A day later it is not known any more what happened.
    let began = watch(&world.client, Transport::Grpc, &token, "").next().await;
    let resume = text(&began["resumeToken"]);
    for (hours, forget) in [(12, false), (13, true)] {
        world.wait(Duration::from_hours(hours));
        let login = json!({ "identifier": "root", "password": PASSWORD });
        let reply = world.client.send(Transport::Grpc, &Call::to(LOGIN, login)).await;
        let token = text(&reply.ok()["result"]["tokens"]["accessToken"]);
        let began = watch(&world.client, Transport::Grpc, &token, &resume).next().await;
        assert_eq!(began["began"]["forgetEverything"], forget, "{began}");
    }
}

#[tokio::test]
async fn sess_04_whoever_watches_is_told_of_every_session_that_ends_and_every_account_that_changes()
{
    for app in on_every_database().await {
        for transport in Transport::BINARY {
            let service = app.person_with_role("service").await;
            let (mut messages, forget) = begin(&service, transport, "").await;
            assert!(forget, "what is remembered from before is not known to be right");
            let (ann, bob) = (app.user("ann").await, app.user("bob").await);
            let eve = app.user("eve").await;
            let root = app.admin("root").await;
            ann.call(transport, LOGOUT, json!({})).await.ok();
            let bio = json!({ "user": { "id": bob.id, "bio": "changed" } });
            bob.call(transport, UPDATE_USER, bio).await.ok();
            root.call(transport, SUSPEND_USER, json!({ "id": eve.id })).await.ok();
            let key = Key::of(&bob, &["rooms.read"]).await;
            bob.call(transport, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
            let told = [&*ann.session_id, &bob.id, &eve.session_id, &eve.id, &key.id];
            until_told(&mut messages, &told).await;
            // The command line writes beside the server.
            let granted =
                app.server.environment.run(&["user", "grant", &bob.username, "auditor"], "");
            assert!(granted.status.success(), "{granted:?}");
            until_told(&mut messages, &[&bob.id]).await;
        }
    }
}

#[tokio::test]
async fn whoever_was_away_is_told_what_happened_meanwhile_on_any_replica() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let service = a.person_with_role("service").await;
    for transport in Transport::BINARY {
        let (ann, bob) = (a.user("ann").await, b.user("bob").await);
        let (mut messages, _) = begin(&service, transport, "").await;
        let (_, resume) = until_alive(&mut messages).await;
        drop(messages);
        ann.call(transport, LOGOUT, json!({})).await.ok();
        let bio = json!({ "user": { "id": bob.id, "bio": "changed" } });
        bob.call(transport, UPDATE_USER, bio).await.ok();
        let key = Key::of(&bob, &["rooms.read"]).await;
        bob.call(transport, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
        let (mut messages, forget) = begin(&service.at(b), transport, &resume).await;
        assert!(!forget);
        until_told(&mut messages, &[&ann.session_id, &bob.id, &key.id]).await;
    }
    for bad in ["nonsense", "AAAA", &BASE64_URL_SAFE_NO_PAD.encode([0xff; 8]), &"A".repeat(64)] {
        let call = Call::to(WATCH_REVOCATIONS, json!({ "resumeToken": bad }));
        service.everywhere(call).await.invalid("resume_token");
    }
}

#[tokio::test]
async fn whoever_watches_is_told_even_of_what_replicas_could_not_hear() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let service = a.person_with_role("service").await;
    let (mut messages, _) = begin(&service, Transport::Grpc, "").await;
    for _ in 0..5 {
        let ann = b.user("ann").await;
        replicas.cut_listeners().await;
        ann.call(Transport::Grpc, LOGOUT, json!({})).await.ok();
        until_told(&mut messages, &[&ann.session_id]).await;
    }
}

#[tokio::test]
async fn a_watch_ends_with_the_right_to_it() {
    for app in on_every_database().await {
        for transport in Transport::BINARY {
            let service = app.person_with_role("service").await;
            let (messages, _) = begin(&service, transport, "").await;
            service.call(transport, LOGOUT, json!({})).await.ok();
            messages.end().await.refused("UNAUTHENTICATED", "SESSION_ENDED");

            let service = app.person_with_role("service").await;
            let (messages, _) = begin(&service, transport, "").await;
            let command = ["user", "revoke", &service.username, "service"];
            let revoked = app.server.environment.run(&command, "");
            assert!(revoked.status.success(), "{revoked:?}");
            messages.end().await.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        }
    }
}

#[tokio::test]
async fn a_watch_ends_when_the_server_stops_and_goes_on_at_another() {
    let mut replicas = Replicas::start(2).await;
    let service = replicas.apps[0].person_with_role("service").await;
    let ann = replicas.apps[1].user("ann").await;
    let (mut messages, _) = begin(&service, Transport::Grpc, "").await;
    let (_, resume) = until_alive(&mut messages).await;
    replicas.leave(0);
    let stopped = messages.end().await;
    stopped.refused("UNAVAILABLE", "UNAVAILABLE");
    assert!(stopped.details.iter().any(|detail| detail.get("retryDelay").is_some()), "{stopped:?}");
    let app = &replicas.apps[0];
    let me = ann.at(app);
    me.everywhere(Call::to(GET_ME, json!({}))).await.ok();
    me.call(Transport::Grpc, LOGOUT, json!({})).await.ok();
    let (mut messages, forget) = begin(&service.at(app), Transport::Grpc, &resume).await;
    assert!(!forget);
    until_told(&mut messages, &[&ann.session_id]).await;
}

#[tokio::test]
async fn a_server_alone_tells_what_happened_before_it_was_started_again() {
    let environment = Environment::new();
    let app = App::alone(environment.clone());
    let (service, ann) = (app.person_with_role("service").await, app.user("ann").await);
    let (mut messages, _) = begin(&service, Transport::GrpcWeb, "").await;
    let (_, resume) = until_alive(&mut messages).await;
    drop(messages);
    ann.call(Transport::Rest, LOGOUT, json!({})).await.ok();
    app.server.stop();
    let again = App::alone(environment);
    let (mut messages, forget) = begin(&service.at(&again), Transport::GrpcWeb, &resume).await;
    assert!(!forget);
    until_told(&mut messages, &[&ann.session_id]).await;
}
