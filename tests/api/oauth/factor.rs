//! A second factor behind a provider: who has one shows it however they have begun to sign in.

use serde_json::{Value, json};

use super::{CORP, address, browser::Browser, exchange, start_world};
use crate::{
    second_factor::{ONE_STEP, complete, recover, texts, ticket_of},
    support::{
        app::{text, unique},
        client::{Call, Transport},
        reply::Reply,
        rpc::{COMPLETE_OAUTH, LINK_IDENTITY, LIST_SESSIONS},
        totp,
        world::World,
    },
};

/// Enables a second factor; the secret of its app, whose next code was not used yet, and the recovery codes.
async fn enable(world: &World, transport: Transport, token: &str) -> (String, Vec<String>) {
    let secret = text(&world.enroll(transport, token).await.ok()["secret"]);
    let confirmed = world.confirm(transport, token, &world.code(&secret)).await;
    (secret, texts(&confirmed.ok()["recoveryCodes"]))
}

/// The access token of whoever an answer has signed in.
#[track_caller]
fn token_of(reply: &Reply) -> String {
    text(&reply.ok()["result"]["tokens"]["accessToken"])
}

/// How somebody's sessions were begun, the newest first.
async fn sessions(world: &World, token: &str) -> Vec<Value> {
    let list = Call::to(LIST_SESSIONS, json!({})).token(token);
    let list = world.client.send(Transport::Grpc, &list).await;
    let sessions = list.ok()["sessions"].as_array().unwrap().clone();
    sessions.into_iter().map(|session| session["amr"].clone()).collect()
}

/// Links the account of a session with an identity.
async fn link(world: &World, token: &str, browser: &mut Browser) {
    let call = Call::to(LINK_IDENTITY, json!({ "provider": CORP })).token(token);
    let begun = world.client.send(Transport::Grpc, &call).await;
    browser.keep(begun.header("set-cookie"));
    let callback = browser.visit(&text(&begun.ok()["authorizationUrl"])).await;
    assert_eq!(browser.follow(&callback).await, "linked=corp");
}

#[tokio::test]
async fn authn_06_a_provider_does_not_stand_for_the_second_factor() {
    let (provider, world) = start_world().await;
    for transport in Transport::ALL {
        provider.vouch(&unique("subject"), &address("zoe"));
        let mut browser = Browser::of(&world.client, &provider);
        let first = browser.sign_in(CORP, transport).await;
        let (id, token) = (text(&first.ok()["result"]["user"]["id"]), token_of(&first));
        let (secret, recovery_codes) = enable(&world, transport, &token).await;
        world.wait(ONE_STEP);

        let asked = browser.sign_in(CORP, transport).await;
        let ticket = ticket_of(&asked);
        let challenge = &asked.ok()["result"]["mfaChallenge"];
        assert_eq!(challenge["methods"], json!(["MFA_METHOD_TOTP", "MFA_METHOD_RECOVERY_CODE"]));
        assert_eq!(sessions(&world, &token).await, [json!(["fed"])], "nobody is signed in yet");
        let code = world.code(&secret);
        let wrong = world.client.send(transport, &complete(&ticket, &totp::wrong(&code))).await;
        wrong.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        let done = world.client.send(transport, &complete(&ticket, &code)).await;
        assert_eq!(text(&done.ok()["result"]["user"]["id"]), id);
        let both = json!(["fed", "otp", "mfa"]);
        assert_eq!(sessions(&world, &token_of(&done)).await, [both, json!(["fed"])]);

        // Of two sessions of the same moment on two servers, neither is the newer one.
        world.wait(ONE_STEP);
        let ticket = ticket_of(&browser.sign_in(CORP, transport).await);
        let done = world.client.send(transport, &recover(&ticket, &recovery_codes[0])).await;
        assert_eq!(sessions(&world, &token_of(&done)).await[0], json!(["fed", "mfa"]));
    }
}

#[tokio::test]
async fn authn_06_an_identity_that_is_linked_later_is_no_way_around_the_second_factor() {
    let (provider, world) = start_world().await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let owner = world.owner(&format!("ann{number}")).await;
        provider.vouch(&unique("subject"), &address("elsewhere"));
        let mut browser = Browser::of(&world.client, &provider);
        link(&world, &owner.access_token, &mut browser).await;
        let code = browser.code(CORP).await;
        // A challenge has no refresh token that could go into a cookie.
        let request = json!({ "provider": CORP, "code": code, "delivery": "DELIVERY_COOKIE" });
        let call = Call::to(COMPLETE_OAUTH, request).verb(http::Method::POST);
        let asked = world.client.send(transport, &call.header("cookie", &browser.cookie)).await;
        assert_eq!(asked.header("set-cookie"), "", "{asked:#?}");
        let ticket = ticket_of(&asked);
        let call = complete(&ticket, &world.code(&owner.secret));
        world.client.send(transport, &call).await.ok();
    }
}

#[tokio::test]
async fn authn_06_a_code_from_before_the_second_factor_does_not_sign_in_without_it() {
    let (provider, world) = start_world().await;
    for transport in Transport::ALL {
        provider.vouch(&unique("subject"), &address("zoe"));
        // The account is made on the way of the one, and gets its second factor by the other.
        let mut slow = Browser::of(&world.client, &provider);
        let code = slow.code(CORP).await;
        let mut fast = Browser::of(&world.client, &provider);
        let token = token_of(&fast.sign_in(CORP, transport).await);
        enable(&world, transport, &token).await;
        let asked = world.client.send(transport, &exchange(CORP, &code, &slow.cookie)).await;
        ticket_of(&asked);
        assert_eq!(sessions(&world, &token).await, [json!(["fed"])]);
    }
}
