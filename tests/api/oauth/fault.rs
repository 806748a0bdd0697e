//! Providers that are away, slow, wrong or evil: each is a reason that the front end gets, and nobody else's matter.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    CORP, address, audited,
    browser::{Browser, parameters},
    start,
};
use crate::support::{
    app::{App, text, unique},
    client::Transport,
    identity::Provider,
};

/// What becomes of a sign-in when the provider goes by these rules, which it need not before.
async fn outcome(app: &App, provider: &Provider, rules: &Value) -> String {
    provider.rule(rules);
    Browser::new(app, provider).travel(CORP).await
}

/// Why a provider let nobody in, as the log has it.
fn failure(app: &App) -> String {
    let found = app.server.log.find(|line| {
        let is_it = line["event"] == "provider_failed" && line["provider"] == CORP;
        is_it.then(|| text(&line["error"]))
    });
    found.expect("a warning")
}

/// What a provider says of somebody new.
fn somebody() -> Value {
    json!({ "sub": unique("subject"), "email": address("zoe"), "email_verified": true })
}

/// The same with another value.
fn but(name: &str, value: &Value) -> Value {
    let mut claims = somebody();
    claims[name] = value.clone();
    claims
}

#[tokio::test]
async fn oauth_06_a_token_that_is_not_about_this_sign_in_lets_nobody_in() {
    let (provider, app) = start();
    let past = json!(1_700_000_000);
    for claims in [
        but("iss", &json!("https://evil.example")),
        but("iss", &Value::Null),
        but("aud", &json!("somebody else")),
        but("aud", &json!(["veza", "somebody else"])),
        but("aud", &json!([])),
        but("azp", &json!("somebody else")),
        but("exp", &past),
        but("exp", &Value::Null),
        but("exp", &json!("tomorrow")),
        but("nbf", &json!(4_000_000_000_u64)),
        but("nonce", &json!("of another sign-in")),
        but("nonce", &Value::Null),
        // AC-047
        but("sub", &Value::Null),
        but("sub", &json!("")),
        but("sub", &json!(" ")),
        but("sub", &json!(0)),
        but("sub", &json!("x".repeat(256))),
    ] {
        let found = outcome(&app, &provider, &json!({ "claims": claims })).await;
        assert_eq!(found, "error=PROVIDER_UNTRUSTED", "{claims}");
    }
    let good = but("aud", &json!(["veza"]));
    let found = outcome(&app, &provider, &json!({ "claims": good })).await;
    assert!(found.starts_with("code="), "{found}");
}

#[tokio::test]
async fn oauth_06_a_token_that_is_not_signed_by_the_provider_lets_nobody_in() {
    let (provider, app) = start();
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256", "typ": "JWT" }),
        // Of the one key that there is, by which it was not signed.
        json!({ "alg": "RS256" }),
        json!({ "alg": "RS256", "kid": "unknown" }),
        json!({ "alg": "RS512" }),
        json!({ "alg": "RS256", "crit": ["exp"] }),
    ] {
        let mut browser = Browser::new(&app, &provider);
        for signature in ["", "AAAA"] {
            let there = browser.begin(CORP).await;
            let mut claims = somebody();
            claims["iss"] = provider.url().into();
            claims["aud"] = "veza".into();
            claims["exp"] = 4_000_000_000_u64.into();
            claims["nonce"] = parameters(&there)["nonce"].clone();
            let token = format!("{}.{}.{signature}", encode(&header), encode(&claims));
            provider.rule(&json!({ "token": token, "claims": claims }));
            let callback = browser.visit(&there).await;
            assert_eq!(browser.follow(&callback).await, "error=PROVIDER_UNTRUSTED", "{header}");
        }
    }
    for token in ["", "a.b.c", "nonsense"] {
        let found = outcome(&app, &provider, &json!({ "token": token })).await;
        assert_eq!(found, "error=PROVIDER_UNTRUSTED", "{token}");
    }
}

#[tokio::test]
async fn oauth_06_new_keys_are_found_and_those_that_are_not_shown_are_not_trusted() {
    let (provider, app) = start();
    for generation in 0..3 {
        let rules = json!({ "claims": somebody(), "keys": generation });
        let found = outcome(&app, &provider, &rules).await;
        assert!(found.starts_with("code="), "{generation}: {found}");
    }
    let hidden = json!({ "/jwks": { "body": "{\"keys\":[]}" } });
    let rules = json!({ "claims": somebody(), "keys": 9, "at": hidden });
    assert_eq!(outcome(&app, &provider, &rules).await, "error=PROVIDER_UNTRUSTED");
    // Whoever makes up names of keys does not have us ask for them without end.
    for _ in 0..30 {
        outcome(&app, &provider, &rules).await;
    }
    let asked = provider.requests("/jwks").len();
    assert!(asked <= 25, "{asked}");
}

#[tokio::test]
async fn oauth_04_an_answer_of_another_issuer_is_not_believed() {
    let (provider, app) = start();
    let answer = |issuer: &str| json!({ "claims": somebody(), "authorize": { "iss": issuer } });
    let found = outcome(&app, &provider, &answer("https://evil.example")).await;
    assert_eq!(found, "error=PROVIDER_UNTRUSTED");
    let found = outcome(&app, &provider, &answer(&provider.url())).await;
    assert!(found.starts_with("code="), "{found}");
    // AC-048: nobody is asked but the issuer that is set.
    assert!(!provider.requests("/.well-known/openid-configuration").is_empty());
}

#[tokio::test]
async fn oauth_04_an_issuer_that_calls_itself_something_else_is_not_believed() {
    let provider = Provider::start();
    provider.rule(&json!({ "metadata": { "issuer": "https://evil.example" } }));
    let app = App::with(provider.environment());
    let mut browser = Browser::new(&app, &provider);
    let answer = browser.open("/api/v1/auth/oauth/corp").await;
    assert_eq!(answer.json()["error"]["status"], "UNAVAILABLE");
    assert!(answer.text().contains("PROVIDER_UNTRUSTED"), "{answer:?}");
    // It is asked again the next time.
    provider.rule(&json!({}));
    browser.begin(CORP).await;
}

#[tokio::test]
async fn oauth_08_answers_are_read_within_bounds_and_lead_nowhere_else() {
    let (provider, app) = start();
    let token = |rule: Value| json!({ "claims": somebody(), "at": { "/token": rule } });
    for (rule, reason) in [
        (json!({ "status": 500, "body": "{}" }), "PROVIDER_UNAVAILABLE"),
        (json!({ "status": 503, "body": "" }), "PROVIDER_UNAVAILABLE"),
        (json!({ "status": 429, "body": "" }), "PROVIDER_UNAVAILABLE"),
        (
            json!({ "status": 302, "location": format!("{}/elsewhere", provider.url()) }),
            "PROVIDER_UNTRUSTED",
        ),
        (
            json!({ "status": 307, "location": format!("{}/elsewhere", provider.url()) }),
            "PROVIDER_UNTRUSTED",
        ),
        (json!({ "bytes": (1 << 20) + 1 }), "PROVIDER_UNTRUSTED"),
        (json!({ "body": "<html>" }), "PROVIDER_UNTRUSTED"),
        (json!({ "body": "{}" }), "PROVIDER_UNTRUSTED"),
        (json!({ "body": "" }), "PROVIDER_UNTRUSTED"),
        (
            json!({ "body": "{\"access_token\":\"a\",\"token_type\":\"bearer\"}" }),
            "PROVIDER_UNTRUSTED",
        ),
        (json!({ "status": 400, "body": "{\"error\":\"invalid_client\"}" }), "PROVIDER_UNTRUSTED"),
        (json!({ "status": 400, "body": "{\"error\":\"invalid_grant\"}" }), "SIGN_IN_EXPIRED"),
    ] {
        let found = outcome(&app, &provider, &token(rule.clone())).await;
        assert_eq!(found, format!("error={reason}"), "{rule}");
    }
    assert!(provider.requests("/elsewhere").is_empty());
    let lines = audited(&app).await;
    assert_eq!(lines.len(), 12, "{lines:?}");
}

#[tokio::test]
async fn oauth_08_a_provider_at_a_private_address_is_not_called_unless_it_is_listed() {
    let provider = Provider::start();
    let app = App::with(provider.environment().unset("OAUTH_PRIVATE_NETWORKS"));
    let mut browser = Browser::new(&app, &provider);
    let answer = browser.open("/api/v1/auth/oauth/corp").await;
    assert!(answer.text().contains("PROVIDER_UNAVAILABLE"), "{answer:?}");
    assert!(!answer.text().contains("private"), "{answer:?}");
    assert!(provider.requests("/.well-known/openid-configuration").is_empty());
    let why = failure(&app);
    assert!(why.contains("OAUTH_PRIVATE_NETWORKS"), "{why}");
}

#[tokio::test]
async fn what_a_provider_refuses_is_told_as_what_it_is() {
    let (provider, app) = start();
    for (said, reason) in [
        ("access_denied", "SIGN_IN_DENIED"),
        ("login_required", "SIGN_IN_DENIED"),
        ("server_error", "PROVIDER_UNAVAILABLE"),
        ("temporarily_unavailable", "PROVIDER_UNAVAILABLE"),
    ] {
        let rules =
            json!({ "authorize": { "code": null, "error": said, "error_description": "<b>no" } });
        assert_eq!(outcome(&app, &provider, &rules).await, format!("error={reason}"), "{said}");
    }
}

/// F-31: a provider that is away or silent.
#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up_and_nobody_else_waits() {
    let provider = Provider::start();
    let app = App::with(provider.environment().set("CALL_TIMEOUT", "2s"));
    let ann = app.user("ann").await;
    let mut browsers = Vec::new();
    for _ in 0..8 {
        let mut browser = Browser::new(&app, &provider);
        let there = browser.begin(CORP).await;
        let callback = browser.visit(&there).await;
        browsers.push((browser, callback));
    }
    provider.rule(&json!({ "at": { "/token": { "silence": true } } }));
    let waiting = browsers.iter_mut().map(|(browser, callback)| browser.follow(callback));
    let others = async {
        for _ in 0..5 {
            app.sign_in(&ann.username).await;
        }
    };
    let work = futures::future::join(futures::future::join_all(waiting), others);
    let (found, ()) = tokio::time::timeout(Duration::from_secs(30), work).await.unwrap();
    assert!(found.iter().all(|one| one == "error=PROVIDER_UNAVAILABLE"), "{found:?}");
    // Gone for good, and back.
    let mut browser = Browser::new(&app, &provider);
    let there = browser.begin(CORP).await;
    let callback = browser.visit(&there).await;
    provider.tell("crash");
    assert_eq!(browser.follow(&callback).await, "error=PROVIDER_UNAVAILABLE");
    provider.tell("start");
    provider.vouch(&unique("subject"), &address("zoe"));
    browser.sign_in(CORP, Transport::Rest).await.ok();
    assert!(!failure(&app).is_empty());
}
