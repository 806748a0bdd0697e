//! What a server tells about itself to whoever asks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{
    app::{App, text},
    client::Call,
    rpc::{GET_SERVER_INFO, LIST_ERROR_REASONS},
    server::Environment,
};

/// The reasons that a server lists, by their names. That every failure which any test meets has one of them, with its code
/// and its status, is looked at where answers are read.
async fn listed(app: &App) -> BTreeMap<String, Value> {
    let reply = app.everywhere(&Call::to(LIST_ERROR_REASONS, json!({}))).await;
    let reasons = reply.ok()["errorReasons"].as_array().unwrap().clone();
    reasons.into_iter().map(|reason| (text(&reason["reason"]), reason)).collect()
}

#[tokio::test]
async fn every_reason_is_listed_with_what_it_means_and_what_to_do() {
    let reasons = listed(&App::start()).await;
    for (name, reason) in &reasons {
        for field in ["code", "meaning", "remedy"] {
            assert!(!text(&reason[field]).is_empty(), "{name} has no {field}");
        }
        let status = reason["httpStatus"].as_u64().unwrap();
        assert!((400..600).contains(&status), "{name}: {status}");
    }
    let is = |name: &str, code: &str, status: u16| {
        let found = (&reasons[name]["code"], &reasons[name]["httpStatus"]);
        assert_eq!(found, (&json!(code), &json!(status)), "{name}");
    };
    is("SESSION_ENDED", "UNAUTHENTICATED", 401);
    is("RATE_LIMITED", "RESOURCE_EXHAUSTED", 429);
    is("BODY_TOO_LARGE", "RESOURCE_EXHAUSTED", 413);
    is("ROUTE_NOT_FOUND", "NOT_FOUND", 404);
    is("METHOD_NOT_ALLOWED", "UNIMPLEMENTED", 405);
}

#[tokio::test]
async fn a_server_tells_its_version_and_what_is_turned_on() {
    let app = App::with(
        Environment::new()
            .set("REFLECTION", "false")
            .set("TOKEN_ISSUER", "https://api.example.com")
            .set("PASSWORD_LENGTH_MIN", "20")
            .set("PASSWORD_LENGTH_MIN_WITH_SECOND_FACTOR", "9"),
    );
    let reply = app.everywhere(&Call::to(GET_SERVER_INFO, json!({}))).await;
    let expected = json!({
        "version": env!("CARGO_PKG_VERSION"), "features": ["token_metadata"],
        "tokenIssuer": "https://api.example.com", "tokenAudience": "veza",
        "passwordLengthMin": 20, "passwordLengthMinWithSecondFactor": 9, "signInProviders": [],
    });
    assert_eq!(reply.ok()["info"], expected);
    let app = App::start();
    let reply = app.everywhere(&Call::to(GET_SERVER_INFO, json!({}))).await;
    assert_eq!(reply.ok()["info"]["features"], json!(["reflection"]));
}
