//! What changes as time passes.

use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, text},
    client::{Call, Transport},
    reply::Reply,
    rpc::{CHANGE_PASSWORD, CREATE_ROOM, GET_ME, LOGIN, REAUTHENTICATE, REFRESH_TOKEN, REGISTER},
    world::World,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// A second less than a proof counts as fresh.
const ALMOST_FRESH: Duration = Duration::from_secs(299);
const DAY: Duration = Duration::from_hours(24);

impl World {
    /// The tokens of somebody who has just signed up.
    async fn sign_up(&self) -> Value {
        let email = "ann@example.com";
        let request = json!({ "email": email, "username": "ann", "password": PASSWORD });
        let reply = self.client.send(Transport::Grpc, &Call::to(REGISTER, request)).await;
        reply.ok()["result"]["tokens"].clone()
    }

    async fn get_me(&self, transport: Transport, tokens: &Value) -> Reply {
        let call = Call::to(GET_ME, json!({})).token(&text(&tokens["accessToken"]));
        self.client.send(transport, &call).await
    }

    async fn refresh(&self, transport: Transport, tokens: &Value) -> Reply {
        let request = json!({ "refreshToken": tokens["refreshToken"] });
        self.client.send(transport, &Call::to(REFRESH_TOKEN, request)).await
    }
}

#[tokio::test]
async fn tok_03_an_access_token_is_good_for_an_hour_and_thirty_seconds_of_skew() {
    let world = World::start().await;
    let tokens = world.sign_up().await;
    world.wait(HOUR + Duration::from_secs(29));
    for transport in Transport::ALL {
        world.get_me(transport, &tokens).await.ok();
    }
    world.wait(Duration::from_secs(1));
    for transport in Transport::ALL {
        let refused = world.get_me(transport, &tokens).await;
        refused.refused("UNAUTHENTICATED", "EXPIRED_TOKEN");
    }
    let fresh = world.refresh(Transport::Rest, &tokens).await.ok()["tokens"].clone();
    world.get_me(Transport::Rest, &fresh).await.ok();
}

#[tokio::test]
async fn tok_03_an_open_stream_ends_with_the_access_token_that_opened_it() {
    for transport in Transport::BINARY {
        let world = World::start().await;
        let token = text(&world.sign_up().await["accessToken"]);
        let mut stream = Box::pin(world.client.watch_health(transport, &token).await);
        assert!((&mut stream).now_or_never().is_none());
        world.wait(HOUR + Duration::from_secs(30));
        let end = tokio::time::timeout(MINUTE, stream).await.expect("an end");
        end.refused("UNAUTHENTICATED", "EXPIRED_TOKEN");
    }
}

#[tokio::test]
async fn authn_11_what_asks_for_a_fresh_proof_is_refused_five_minutes_after_the_last() {
    let world = World::start().await;
    let token = text(&world.sign_up().await["accessToken"]);
    let send = async |transport: Transport, method: &str, request: Value| {
        world.client.send(transport, &Call::to(method, request).token(&token)).await
    };
    let change = || json!({ "newPassword": PASSWORD });
    for transport in Transport::ALL {
        world.wait(ALMOST_FRESH);
        send(transport, CHANGE_PASSWORD, change()).await.ok();
        world.wait(Duration::from_secs(1));
        let stale = send(transport, CHANGE_PASSWORD, change()).await;
        stale.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
        let challenge = stale.header("www-authenticate");
        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
        assert!(challenge.contains("max_age=300"), "{challenge}");
        send(transport, GET_ME, json!({})).await.ok();
        let wrong = send(transport, REAUTHENTICATE, json!({ "password": "not the one" })).await;
        wrong.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        let stale = send(transport, CHANGE_PASSWORD, change()).await;
        stale.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
        send(transport, REAUTHENTICATE, json!({ "password": PASSWORD })).await.ok();
        send(transport, CHANGE_PASSWORD, change()).await.ok();
    }
}

#[tokio::test]
async fn sess_02_the_parent_of_the_newest_refresh_token_is_good_for_ten_seconds_more() {
    for transport in Transport::ALL {
        let world = World::start().await;
        let first = world.sign_up().await;
        let second = world.refresh(transport, &first).await.ok()["tokens"].clone();
        world.wait(Duration::from_secs(9));
        let again = world.refresh(transport, &first).await.ok()["tokens"].clone();
        assert_eq!(again["refreshToken"], second["refreshToken"]);

        world.wait(Duration::from_secs(1));
        let theft = world.refresh(transport, &first).await;
        theft.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
        let over = world.refresh(transport, &second).await;
        over.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
        world.get_me(transport, &second).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn sess_03_a_session_lives_seven_days_unused_and_ninety_however_used() {
    let world = World::start().await;
    let mut tokens = world.sign_up().await;
    for _ in 0..15 {
        world.wait(6 * DAY);
        let reply = world.refresh(Transport::Grpc, &tokens).await;
        if reply.code != "OK" {
            break;
        }
        tokens = reply.ok()["tokens"].clone();
    }
    // Ninety days are over.
    let over = world.refresh(Transport::Grpc, &tokens).await;
    over.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    assert_eq!(world.elapsed(), 90 * DAY);

    let idle = World::start().await;
    let tokens = idle.sign_up().await;
    idle.wait(7 * DAY);
    let over = idle.refresh(Transport::Rest, &tokens).await;
    over.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
}

#[tokio::test]
async fn tok_04_keys_replace_themselves_and_no_good_token_is_refused() {
    let world = World::start().await;
    let tokens = world.sign_up().await;
    let keys = async || {
        let answer =
            world.client.http(http::Request::get("/.well-known/jwks.json").body("").unwrap());
        let keys: Value = serde_json::from_slice(&answer.await.body).unwrap();
        keys["keys"].as_array().unwrap().len()
    };
    world.wait(29 * DAY + 23 * HOUR + 40 * MINUTE);
    let before = renewed(&world, &tokens).await;
    world.wait(20 * MINUTE);
    world.refresh_keys().await;
    assert_eq!(keys().await, 2, "the next key is published before it signs");

    // The old key still signs, then the new one does; tokens of both are good.
    let between = renewed(&world, &before).await;
    world.wait(10 * MINUTE);
    let after = renewed(&world, &between).await;
    assert_ne!(key_id(&between), key_id(&after));
    for tokens in [&before, &between, &after] {
        world.get_me(Transport::Grpc, tokens).await.ok();
    }
    world.wait(2 * HOUR);
    world.refresh_keys().await;
    assert_eq!(keys().await, 1, "the old key is gone when its last token is");
}

#[tokio::test]
async fn a_request_id_is_remembered_for_a_day() {
    let world = World::start().await;
    let mut tokens = world.sign_up().await;
    let mut ids = Vec::new();
    for wait in [Duration::ZERO, 23 * HOUR, HOUR] {
        world.wait(wait);
        tokens = renewed(&world, &tokens).await;
        let request = json!({ "room": { "name": "games" }, "requestId": "the same" });
        let call = Call::to(CREATE_ROOM, request).token(&text(&tokens["accessToken"]));
        ids.push(world.client.send(Transport::Rest, &call).await.ok()["room"]["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
}

/// The tokens after these; where the session has ended in the meantime, those of a new one.
async fn renewed(world: &World, tokens: &Value) -> Value {
    let reply = world.refresh(Transport::Grpc, tokens).await;
    if reply.code == "OK" {
        return reply.ok()["tokens"].clone();
    }
    let request = json!({ "identifier": "ann", "password": PASSWORD });
    let call = Call::to(LOGIN, request);
    world.client.send(Transport::Grpc, &call).await.ok()["result"]["tokens"].clone()
}

/// The `kid` of an access token.
fn key_id(tokens: &Value) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let token = text(&tokens["accessToken"]);
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}
