//! Where a key may be used from, and what is left of a use that was refused.

use serde_json::json;

use super::{Key, draft};
use crate::support::{
    app::{App, Person},
    client::{Call, Transport},
    database::audit_lines,
    reply::Reply,
    rpc::{CREATE_API_KEY, DELETE_API_KEY, GET_ME, VALIDATE_TOKEN, WATCH_REVOCATIONS},
    server::Environment,
};

/// A key of somebody that may be used from these networks only.
async fn bound(owner: &Person, networks: &[&str]) -> Key {
    let mut request = draft(&["users.read", "tokens.validate"]);
    request["apiKey"]["allowedNetworks"] = json!(networks);
    Key::made(&owner.call(Transport::Grpc, CREATE_API_KEY, request).await)
}

/// A call with a key by way of proxies.
async fn through(app: &App, key: &Key, forwarded_for: &str) -> Reply {
    let call = Call::to(GET_ME, json!({})).token(&key.secret);
    app.everywhere(&call.header("x-forwarded-for", forwarded_for)).await
}

#[tokio::test]
async fn a_key_is_good_in_its_networks_and_nowhere_else() {
    let app = App::with(Environment::new().set("TRUSTED_PROXIES", "127.0.0.1"));
    let ann = app.person_with_role("service").await;
    let key = bound(&ann, &["203.0.113.0/24", "2001:db8::/32"]).await;
    for inside in ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::7", "198.51.100.1, 203.0.113.9"]
    {
        through(&app, &key, inside).await.ok();
    }
    for outside in ["198.51.100.1", "2001:db9::1", "203.0.113.9, 198.51.100.1"] {
        let refused = through(&app, &key, outside).await;
        refused.refused("UNAUTHENTICATED", "API_KEY_NETWORK");
    }
    // From here it is the address of the proxy itself.
    let refused = key.everywhere(&app, GET_ME, json!({})).await;
    refused.refused("UNAUTHENTICATED", "API_KEY_NETWORK");
    for transport in Transport::BINARY {
        let call = Call::to(WATCH_REVOCATIONS, json!({})).token(&key.secret);
        let inside = call.clone().header("x-forwarded-for", "203.0.113.9");
        app.client.stream(transport, &inside).next().await;
        let refused = app.client.stream(transport, &call).end().await;
        refused.refused("UNAUTHENTICATED", "API_KEY_NETWORK");
    }
}

#[tokio::test]
async fn api_08_nobody_chooses_the_address_that_their_key_is_used_from() {
    let app = App::start();
    let ann = app.person_with_role("service").await;
    let elsewhere = bound(&ann, &["203.0.113.0/24"]).await;
    let refused = through(&app, &elsewhere, "203.0.113.9").await;
    refused.refused("UNAUTHENTICATED", "API_KEY_NETWORK");
    let here = bound(&ann, &["127.0.0.0/8"]).await;
    through(&app, &here, "203.0.113.9").await.ok();
}

#[tokio::test]
async fn log_01_a_refused_key_leaves_one_line_for_each_reason_however_often_it_is_shown() {
    // Each replica says it for itself.
    let app = App::alone(Environment::new());
    let ann = app.person_with_role("service").await;
    let key = bound(&ann, &["203.0.113.0/24"]).await;
    let reasons = async || {
        let lines = audit_lines(&app.server.environment, &key.id).await;
        let refused = lines.into_iter().filter(|line| line.action == "api_key.use");
        refused.map(|line| (line.outcome, line.reason)).collect::<Vec<_>>()
    };
    let failure = |reason: &str| ("FAILURE".to_owned(), reason.to_owned());
    for _ in 0..5 {
        let refused = key.everywhere(&app, GET_ME, json!({})).await;
        refused.refused("UNAUTHENTICATED", "API_KEY_NETWORK");
    }
    assert_eq!(reasons().await, [failure("API_KEY_NETWORK")]);
    ann.call(Transport::Rest, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
    for _ in 0..5 {
        let refused = key.everywhere(&app, GET_ME, json!({})).await;
        refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
    }
    assert_eq!(reasons().await, [failure("API_KEY_NETWORK"), failure("API_KEY_ENDED")]);
}

#[tokio::test]
async fn a_service_that_is_sent_a_key_is_told_what_it_is_good_for() {
    let app = App::start();
    let (service, ann) = (app.person_with_role("service").await, app.user("ann").await);
    let key = Key::of(&ann, &["rooms.read"]).await;
    let told = async |token: &str, ip: &str| {
        let request = json!({ "token": token, "ipAddress": ip });
        service.everywhere(Call::to(VALIDATE_TOKEN, request)).await.ok().clone()
    };
    let valid = told(&key.secret, "").await["valid"].clone();
    assert_eq!(valid["userId"], ann.id.as_str());
    assert_eq!(valid["apiKeyId"], key.id.as_str());
    assert_eq!(valid["sessionId"], "");
    assert_eq!(valid["permissions"], json!(["rooms.read"]));
    // Its owner has more.
    assert_eq!(valid["roles"], json!([]));
    assert!(valid["expireTime"].is_null(), "{valid}");
    assert_eq!(told(&ann.access_token, "").await["valid"]["apiKeyId"], "");

    let bound = bound(&service, &["203.0.113.0/24"]).await;
    assert_eq!(told(&bound.secret, "203.0.113.9").await["valid"]["apiKeyId"], bound.id.as_str());
    for elsewhere in ["", "198.51.100.1"] {
        let told = told(&bound.secret, elsewhere).await;
        assert_eq!(told["invalid"]["reason"], "API_KEY_NETWORK", "{told}");
    }
    let nowhere = json!({ "token": key.secret, "ipAddress": "somewhere" });
    service.everywhere(Call::to(VALIDATE_TOKEN, nowhere)).await.invalid("ip_address");
    ann.call(Transport::Rest, DELETE_API_KEY, json!({ "id": key.id })).await.ok();
    assert_eq!(told(&key.secret, "").await["invalid"]["reason"], "API_KEY_ENDED");
    let mistyped = told(&key.secret[1..], "").await;
    assert_eq!(mistyped["invalid"]["reason"], "INVALID_TOKEN");
    assert_eq!(told("vz_", "").await["invalid"]["reason"], "INVALID_API_KEY");
}
