//! Tokens that bear the right signature and are wrong all the same: as if somebody else signed with the same key, or an
//! older or newer server, or this one for another purpose.

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{assert_refused, joined, parts};
use crate::support::{
    app::{App, Person},
    client::Call,
    forge::Forge,
    reply::Reply,
    rpc::GET_ME,
    server::Environment,
};

/// Whoever has the key of a server, and a token of it to begin with.
struct Forger {
    app: App,
    forge: Forge,
    header: Value,
    claims: Value,
}

impl Forger {
    async fn new() -> Self {
        let app = App::with(Environment::new());
        let Person { access_token, .. } = app.user("ann").await;
        let forge = Forge::of(&app.server.environment).await;
        let (header, claims, _) = parts(&access_token);
        let forger = Self { app, forge, header, claims };
        forger.send(&forger.header, &forger.claims).await.ok();
        forger
    }

    /// The answer to a token of this header and these claims, which is the same over every transport.
    async fn send(&self, header: &Value, claims: &Value) -> Reply {
        let token = self.forge.sign(header, claims);
        self.app.everywhere(&Call::to(GET_ME, json!({})).token(&token)).await
    }

    /// Demands that a token is refused that differs in this from a good one; nothing stands for its absence.
    async fn assert_header_refused(&self, name: &str, value: Option<Value>) {
        let token = self.forge.sign(&with(&self.header, name, value), &self.claims);
        assert_refused(&self.app, &token).await;
    }

    async fn assert_claim_refused(&self, name: &str, value: Option<Value>) {
        let token = self.forge.sign(&self.header, &with(&self.claims, name, value));
        assert_refused(&self.app, &token).await;
    }

    /// The claims with other times, in seconds from the moment at which the good token was made.
    fn timed(&self, from: i64, until: i64) -> Value {
        let now = self.claims["iat"].as_i64().unwrap();
        let claims = with(&self.claims, "iat", Some((now + from).into()));
        let claims = with(&claims, "nbf", Some((now + from).into()));
        with(&claims, "exp", Some((now + until).into()))
    }
}

fn with(object: &Value, name: &str, value: Option<Value>) -> Value {
    let mut object = object.clone();
    match value {
        Some(value) => object[name] = value,
        None => drop(object.as_object_mut().unwrap().remove(name)),
    }
    object
}

#[tokio::test]
async fn tok_01_no_other_algorithm_is_taken_even_with_the_right_signature() {
    let forger = Forger::new().await;
    let names = ["none", "None", "HS256", "ES256", "RS256", "PS256", "Ed25519", "eddsa", ""];
    for name in names {
        forger.assert_header_refused("alg", Some(name.into())).await;
    }
    for value in [None, Some(Value::Null), Some(json!(["EdDSA"])), Some(json!(8))] {
        forger.assert_header_refused("alg", value).await;
    }
}

#[tokio::test]
async fn tok_01_a_token_that_names_no_key_or_one_that_there_is_not_is_refused() {
    let forger = Forger::new().await;
    let quoted = format!("'{}'", forger.forge.kid);
    for value in [None, Some(Value::Null), Some(json!(1)), Some(json!("")), Some(json!(quoted))] {
        forger.assert_header_refused("kid", value).await;
    }
}

#[tokio::test]
async fn tok_01_a_field_of_the_header_that_must_be_understood_is_not_passed_over() {
    let forger = Forger::new().await;
    for names in [json!(["exp"]), json!(["b64"]), json!([])] {
        forger.assert_header_refused("crit", Some(names)).await;
    }
}

#[tokio::test]
async fn tok_01_no_key_is_fetched_from_where_a_token_says() {
    let (app, other) = (App::start(), App::with(Environment::new()));
    let sink = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/.well-known/jwks.json", sink.local_addr().unwrap());
    let Person { access_token, .. } = other.user("ann").await;
    let (header, claims, _) = parts(&access_token);
    let foreign = Forge::of(&other.server.environment).await;
    for (name, value) in [
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!([url])),
        ("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": "", "x5u": url })),
        ("iss", json!(url)),
    ] {
        let header = with(&header, name, Some(value));
        let claims = with(&claims, "iss", Some(json!(url)));
        assert_refused(&app, &foreign.sign(&header, &claims)).await;
    }
    assert!(sink.accept().now_or_never().is_none(), "somebody has come for a key");
}

#[tokio::test]
async fn tok_02_every_claim_is_needed() {
    let forger = Forger::new().await;
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
        forger.assert_claim_refused(name, None).await;
    }
}

#[tokio::test]
async fn tok_02_every_claim_is_of_its_type() {
    let forger = Forger::new().await;
    for name in ["sub", "sid", "jti"] {
        let id = forger.claims[name].clone();
        for value in [json!(null), json!(1), json!(""), json!("ann"), json!([id]), json!({})] {
            forger.assert_claim_refused(name, Some(value)).await;
        }
    }
    for name in ["iss", "aud"] {
        let right = forger.claims[name].clone();
        for value in [json!(null), json!(1), json!(""), json!("another"), json!([right])] {
            forger.assert_claim_refused(name, Some(value)).await;
        }
    }
    for name in ["iat", "nbf", "exp"] {
        let right = forger.claims[name].clone();
        let text = json!(right.to_string());
        let fraction = json!(right.as_f64().unwrap() + 0.5);
        for value in [json!(null), json!(true), text, fraction, json!([right]), json!(1e300)] {
            forger.assert_claim_refused(name, Some(value)).await;
        }
    }
    let (header, claims) = (forger.header.to_string(), forger.claims.to_string());
    let twice = claims.replacen('{', &format!("{{\"sub\":{},", forger.claims["sub"]), 1);
    for claims in [&*twice, "", "null", "[]", "{}", "{"] {
        assert_refused(&forger.app, &forger.forge.sign_text(&header, claims)).await;
    }
}

#[tokio::test]
async fn tok_02_a_token_of_another_type_is_refused() {
    let forger = Forger::new().await;
    assert_eq!(forger.header["typ"], "at+jwt");
    for value in ["JWT", "jwt", "AT+JWT", "at+jwt ", "mfa+jwt", "secevent+jwt", ""] {
        forger.assert_header_refused("typ", Some(value.into())).await;
    }
    forger.assert_header_refused("typ", None).await;
    forger.assert_header_refused("typ", Some(json!(["at+jwt"]))).await;
}

#[tokio::test]
async fn tok_02_clocks_may_differ_by_half_a_minute_and_no_more() {
    let forger = Forger::new().await;
    forger.send(&forger.header, &forger.timed(15, 600)).await.ok();
    forger.send(&forger.header, &forger.timed(-600, -15)).await.ok();
    for claim in ["iat", "nbf"] {
        let soon = forger.timed(60, 600)[claim].clone();
        let token = with(&forger.timed(0, 600), claim, Some(soon));
        let refused = forger.send(&forger.header, &token).await;
        refused.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    }
    let expired = forger.send(&forger.header, &forger.timed(-600, -60)).await;
    expired.refused("UNAUTHENTICATED", "EXPIRED_TOKEN");
}

#[tokio::test]
async fn tok_02_a_token_of_a_session_that_is_somebody_elses_is_refused() {
    let forger = Forger::new().await;
    let bob = forger.app.user("bob").await;
    for (name, value) in [("sub", json!(bob.id)), ("sid", json!(bob.session_id))] {
        let refused = forger.send(&forger.header, &with(&forger.claims, name, Some(value))).await;
        refused.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn tok_03_a_token_that_lives_longer_than_an_hour_is_refused() {
    let forger = Forger::new().await;
    forger.send(&forger.header, &forger.timed(0, 3600)).await.ok();
    for (from, until) in [(0, 3601), (0, 36_000), (-36_000, 600), (0, -20), (0, i64::MAX / 2)] {
        let refused = forger.send(&forger.header, &forger.timed(from, until)).await;
        refused.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    }
    for (name, value) in [("exp", i64::MAX), ("iat", i64::MIN), ("nbf", i64::MAX)] {
        forger.assert_claim_refused(name, Some(value.into())).await;
    }
}

#[tokio::test]
async fn tok_06_no_more_than_eight_kibibytes_are_looked_at() {
    let forger = Forger::new().await;
    let filled = |bytes: usize| with(&forger.claims, "filler", Some("x".repeat(bytes).into()));
    forger.send(&forger.header, &filled(4 << 10)).await.ok();
    assert_refused(&forger.app, &forger.forge.sign(&forger.header, &filled(8 << 10))).await;
    let jwe = json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_147_483_648_u32 });
    let jwe = joined(&jwe, &forger.claims, "a.a");
    for bomb in [".".repeat(8 << 10), ".".repeat(14 << 10), "a.".repeat(7 << 10), jwe] {
        assert_refused(&forger.app, &bomb).await;
    }
}

#[tokio::test]
async fn tok_07_no_operation_takes_a_token_from_the_address() {
    let app = App::start();
    let document = app.get("/openapi.json").await.json();
    let operations = document["paths"].as_object().unwrap().values();
    let operations = operations.flat_map(|path| path.as_object().unwrap().values());
    let parameters = operations.filter_map(|operation| operation["parameters"].as_array());
    for parameter in parameters.flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_lowercase();
        let is_secret = ["token", "secret", "password", "key", "authorization"]
            .into_iter()
            .any(|word| name.contains(word) && !name.contains("pagetoken"));
        let is_in_address = parameter["in"] == "query" || parameter["in"] == "path";
        assert!(!(is_secret && is_in_address), "{parameter}");
    }
}
