//! Access tokens: which are taken for good, and that nothing else is.

mod confusion;
mod forged;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{
    app::{App, Person},
    client::{Call, Transport},
    rpc::{CREATE_ROOM, GET_ME},
    server::Environment,
};

/// Demands that a bearer token is refused over every transport, with the challenge that HTTP asks for (RFC 6750).
async fn assert_refused(app: &App, token: &str) {
    let call = Call::to(GET_ME, json!({})).token(token);
    app.everywhere(&call).await.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    for transport in Transport::ALL {
        let reply = app.send(transport, &call).await;
        let challenge = reply.header("www-authenticate");
        let expected = "Bearer realm=\"veza\", error=\"invalid_token\", error_description=\"";
        assert!(challenge.starts_with(expected), "{reply:#?}");
    }
}

/// Header, claims and signature of a token.
pub fn parts(token: &str) -> (Value, Value, String) {
    let mut parts = token.split('.');
    let mut json = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (json(), json(), parts.next().unwrap().to_owned())
}

fn joined(header: &Value, claims: &Value, signature: &str) -> String {
    let encode = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{signature}", encode(header), encode(claims))
}

async fn public_key(app: &App) -> Value {
    app.get("/.well-known/jwks.json").await.json()["keys"][0].clone()
}

#[tokio::test]
async fn tok_02_an_access_token_is_an_eddsa_jwt_with_every_claim() {
    let app = App::start();
    let ann = app.user("ann").await;
    let (header, claims, _) = parts(&ann.access_token);
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["kid"], public_key(&app).await["kid"]);
    assert_eq!(claims["sub"], ann.id.as_str());
    assert_eq!(claims["sid"], ann.session_id.as_str());
    assert!(claims["jti"].is_string() && claims["iss"].is_string() && claims["aud"].is_string());
    let seconds = |claim: &str| claims[claim].as_i64().unwrap();
    assert!(seconds("nbf") <= seconds("iat"));
    assert_eq!(seconds("exp") - seconds("iat"), 3600);
}

#[tokio::test]
async fn tok_01_a_token_without_a_signature_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let (mut header, claims, signature) = parts(&ann.access_token);
    assert_refused(&app, &joined(&header, &claims, "")).await;
    for algorithm in ["none", "None", "nOnE", ""] {
        header["alg"] = algorithm.into();
        assert_refused(&app, &joined(&header, &claims, "")).await;
        assert_refused(&app, &joined(&header, &claims, &signature)).await;
    }
}

#[tokio::test]
async fn tok_01_the_public_key_is_no_secret_to_sign_with() {
    let app = App::start();
    let ann = app.user("ann").await;
    let (header, claims, _) = parts(&ann.access_token);
    let key = public_key(&app).await;
    let raw = BASE64_URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let written = key["x"].as_str().unwrap().as_bytes().to_vec();
    for secret in [raw, written, key.to_string().into_bytes(), Vec::new()] {
        let mut forged = Header::new(Algorithm::HS256);
        forged.typ = Some("at+jwt".into());
        forged.kid = header["kid"].as_str().map(str::to_owned);
        let key = EncodingKey::from_secret(&secret);
        assert_refused(&app, &jsonwebtoken::encode(&forged, &claims, &key).unwrap()).await;
    }
}

#[tokio::test]
async fn tok_01_a_token_of_another_server_is_refused() {
    let (app, other) = (App::start(), App::with(Environment::new()));
    let (ann, foreign) = (app.user("ann").await, other.user("ann").await);
    assert_refused(&app, &foreign.access_token).await;

    let (header, claims, _) = parts(&ann.access_token);
    let (foreign_header, _, signature) = parts(&foreign.access_token);
    assert_refused(&app, &joined(&header, &claims, &signature)).await;
    assert_refused(&app, &joined(&foreign_header, &claims, &signature)).await;
}

#[tokio::test]
async fn tok_01_a_key_is_found_by_its_id_and_nowhere_else() {
    let app = App::start();
    let ann = app.user("ann").await;
    let (header, claims, signature) = parts(&ann.access_token);
    for kid in ["../../etc/passwd", "' OR 1=1 --", "", "0190d8a6-0000-7000-8000-000000000000"] {
        let mut forged = header.clone();
        forged["kid"] = kid.into();
        assert_refused(&app, &joined(&forged, &claims, &signature)).await;
    }
    for name in ["jku", "x5u", "jwk"] {
        let mut forged = header.clone();
        forged[name] = format!("http://{}/.well-known/jwks.json", app.server.address).into();
        assert_refused(&app, &joined(&forged, &claims, &signature)).await;
    }
}

#[tokio::test]
async fn tok_01_a_changed_token_is_refused() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (header, claims, signature) = parts(&ann.access_token);
    for (claim, value) in
        [("sub", json!(bob.id)), ("sid", json!(bob.session_id)), ("exp", json!(9_999_999_999_i64))]
    {
        let mut forged = claims.clone();
        forged[claim] = value;
        assert_refused(&app, &joined(&header, &forged, &signature)).await;
    }
    assert_refused(&app, &format!("{}x", ann.access_token)).await;
    assert_refused(&app, "nonsense").await;
    assert_refused(&app, &ann.refresh_token).await;
}

#[tokio::test]
async fn tok_06_a_token_that_is_too_long_is_refused() {
    let app = App::start();
    assert_refused(&app, &"a.".repeat(5000)).await;
}

#[tokio::test]
async fn a_call_without_a_token_is_refused() {
    let app = App::start();
    for method in [GET_ME, CREATE_ROOM] {
        let call = Call::to(method, json!({}));
        app.everywhere(&call).await.refused("UNAUTHENTICATED", "MISSING_TOKEN");
        for transport in Transport::ALL {
            let reply = app.send(transport, &call).await;
            assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"veza\"");
        }
    }
}

#[tokio::test]
async fn only_the_scheme_bearer_is_known_in_any_case() {
    let app = App::start();
    let ann = app.user("ann").await;
    let me = |value: &str| Call::to(GET_ME, json!({})).header("authorization", value);
    app.everywhere(&me(&format!("bearer {}", ann.access_token))).await.ok();
    for empty in ["Bearer", "Bearer "] {
        app.everywhere(&me(empty)).await.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    }
    for bad in ["Basic YW5uOmFubg==", "Token abc", &ann.access_token] {
        let reply = app.everywhere(&me(bad)).await;
        reply.refused("UNAUTHENTICATED", "UNSUPPORTED_SCHEME");
        assert!(reply.message.contains("Bearer <access token>"), "{reply:#?}");
        assert!(!reply.header("www-authenticate").contains("error"), "{reply:#?}");
    }
}

#[tokio::test]
async fn tok_07_a_token_in_the_query_is_not_taken() {
    let app = App::start();
    let Person { access_token, .. } = app.user("ann").await;
    for name in ["access_token", "token", "authorization"] {
        let answer = app.get(&format!("/api/v1/users/me?{name}={access_token}")).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
    assert!(!app.server.output().contains(&access_token), "the token is in the log");
}
