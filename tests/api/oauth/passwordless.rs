//! Accounts that came through a provider and have no password: how their owners prove again who they are, and get one.

use std::time::Duration;

use serde_json::{Value, json};
use veza::domain::one_time_token::Kind;

use super::{CORP, address, browser::Browser, start_world};
use crate::{
    policy::{assert_passed, harmless},
    recovery::{forgot, links, reset, token_of},
    support::{
        app::{App, PASSWORD, Person, text, unique},
        client::{Call, Transport},
        contract::{methods, name, policy},
        identity::Provider,
        reply::Reply,
        rpc::{CHANGE_PASSWORD, ENROLL_TOTP, GET_ME, LOGIN, REAUTHENTICATE},
        smtp::Server,
        world::World,
    },
};

/// As long as a proof is fresh.
const FRESH_FOR: Duration = Duration::from_mins(5);

/// Somebody who signs in through a provider.
struct Zoe {
    browser: Browser,
    email: String,
}

impl Zoe {
    async fn new(provider: &Provider, world: &World) -> (Self, String) {
        let email = address("zoe");
        provider.vouch(&unique("subject"), &email);
        let mut zoe = Self { browser: Browser::of(&world.client, provider), email };
        let token = zoe.sign_in().await;
        (zoe, token)
    }

    /// The access token of a new session.
    async fn sign_in(&mut self) -> String {
        let signed_in = self.browser.sign_in(CORP, Transport::Grpc).await;
        text(&signed_in.ok()["result"]["tokens"]["accessToken"])
    }
}

async fn call(world: &World, transport: Transport, token: &str, it: (&str, Value)) -> Reply {
    let (method, request) = it;
    world.client.send(transport, &Call::to(method, request).token(token)).await
}

async fn login(world: &World, transport: Transport, email: &str) -> Reply {
    let request = json!({ "identifier": email, "password": PASSWORD });
    world.client.send(transport, &Call::to(LOGIN, request)).await
}

fn reauthenticate() -> (&'static str, Value) {
    (REAUTHENTICATE, json!({ "password": PASSWORD }))
}

fn change_password() -> (&'static str, Value) {
    (CHANGE_PASSWORD, json!({ "newPassword": PASSWORD }))
}

#[tokio::test]
async fn authn_11_without_a_password_signing_in_again_is_a_fresh_proof_for_every_method() {
    let (provider, world) = start_world().await;
    let (mut zoe, stale) = Zoe::new(&provider, &world).await;
    world.wait(FRESH_FOR);
    let fresh = zoe.sign_in().await;
    let mut asked = 0;
    for method in methods().filter(|method| policy(method).fresh) {
        for transport in Transport::of(&method) {
            let send =
                async |token| world.client.send(transport, &harmless(&method).token(token)).await;
            send(&stale).await.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
            // There is nothing in the request of this one by which it could do no harm.
            if name(&method) != ENROLL_TOTP {
                assert_passed(&name(&method), &send(&fresh).await);
            }
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

#[tokio::test]
async fn authn_11_without_a_password_there_is_none_to_prove_anything_by_and_no_try_is_counted() {
    let (provider, world) = start_world().await;
    let (_, token) = Zoe::new(&provider, &world).await;
    for _ in 0..12 {
        for transport in Transport::ALL {
            let refused = call(&world, transport, &token, reauthenticate()).await;
            refused.refused("FAILED_PRECONDITION", "PASSWORD_NOT_SET");
        }
    }
    let secret = text(&world.enroll(Transport::Grpc, &token).await.ok()["secret"]);
    world.confirm(Transport::Grpc, &token, &world.code(&secret)).await.ok();
    let request = json!({ "password": PASSWORD, "totp_code": world.code(&secret) });
    for transport in Transport::ALL {
        for request in [reauthenticate(), (REAUTHENTICATE, request.clone())] {
            let refused = call(&world, transport, &token, request).await;
            refused.refused("FAILED_PRECONDITION", "PASSWORD_NOT_SET");
        }
    }
}

#[tokio::test]
async fn a_first_password_is_set_freshly_and_is_then_one_more_way_to_sign_in() {
    let (provider, world) = start_world().await;
    for transport in Transport::ALL {
        let (mut zoe, old) = Zoe::new(&provider, &world).await;
        world.wait(FRESH_FOR);
        let stale = call(&world, transport, &old, change_password()).await;
        stale.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
        login(&world, transport, &zoe.email).await.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        let new = zoe.sign_in().await;
        call(&world, transport, &new, change_password()).await.ok();
        let ended = call(&world, transport, &old, (GET_ME, json!({}))).await;
        ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
        // From now on it proves who they are, too.
        world.wait(FRESH_FOR);
        call(&world, transport, &new, reauthenticate()).await.ok();
        call(&world, transport, &new, change_password()).await.ok();
        login(&world, transport, &zoe.email).await.ok();
        zoe.sign_in().await;
    }
}

#[tokio::test]
async fn authn_12_a_link_sets_a_first_password_and_ends_the_sessions_of_before() {
    let (provider, world) = start_world().await;
    for transport in Transport::ALL {
        let (mut zoe, old) = Zoe::new(&provider, &world).await;
        let me = call(&world, transport, &old, (GET_ME, json!({}))).await;
        let id = text(&me.ok()["user"]["id"]);
        let token = world.issue(Kind::PasswordReset, &id, &json!({ "to": zoe.email })).await;
        world.client.send(transport, &reset(&token, PASSWORD)).await.ok();
        let ended = call(&world, transport, &old, (GET_ME, json!({}))).await;
        ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
        login(&world, transport, &zoe.email).await.ok();
        zoe.sign_in().await;
    }
}

#[tokio::test]
async fn authn_12_whoever_has_no_password_is_sent_the_link_like_anybody_else() {
    let (provider, smtp) = (Provider::start(), Server::start());
    let app = App::with(provider.add_to(smtp.environment()));
    provider.vouch(&unique("subject"), &address("zoe"));
    let signed_in = Browser::new(&app, &provider).sign_in(CORP, Transport::Rest).await;
    let zoe = Person::of(&app, &signed_in);
    app.everywhere(&forgot(&zoe.email)).await.ok();
    let last = links(&smtp, &zoe, Transport::ALL.len()).await.pop().unwrap();
    app.send(Transport::Rest, &reset(&token_of(&last), PASSWORD)).await.ok();
    assert_eq!(app.sign_in(&zoe.username).await.id, zoe.id);
}
