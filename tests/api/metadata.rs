//! What other services read before they verify access tokens by themselves.

use http::Request;
use serde_json::{Value, json};

use crate::{
    support::{
        app::{App, text},
        client::Answer,
        server::Environment,
    },
    token::parts,
};

const ISSUER: &str = "https://api.example.com";
const KEYS: &str = "/.well-known/jwks.json";
const METADATA: [&str; 2] =
    ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

async fn from_page_of(app: &App, verb: &str, path: &str, origin: &str) -> Answer {
    let request = Request::builder().method(verb).uri(path).header("origin", origin);
    let request = request.header("access-control-request-method", "GET");
    app.client.http(request.body("").unwrap()).await
}

#[tokio::test]
async fn the_metadata_lead_from_the_issuer_of_a_token_to_its_key() {
    let app = App::with(Environment::new().set("TOKEN_ISSUER", ISSUER));
    let ann = app.user("ann").await;
    let (header, claims, _) = parts(&ann.access_token);
    for path in METADATA {
        let answer = app.get(path).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        let metadata = answer.json();
        assert_eq!(metadata["issuer"], claims["iss"]);
        let known: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
        let mut told: Vec<_> = metadata["claims_supported"].as_array().unwrap().clone();
        told.sort_by_key(Value::to_string);
        assert_eq!(json!(told), json!(known));
        assert_eq!(metadata["id_token_signing_alg_values_supported"], json!([header["alg"]]));
        let keys = text(&metadata["jwks_uri"]);
        let keys = app.get(keys.strip_prefix(ISSUER).unwrap()).await.json();
        assert_eq!(keys["keys"][0]["kid"], header["kid"]);
        // There is no flow of OAuth to begin.
        assert!(metadata.get("authorization_endpoint").is_none(), "{metadata}");
        assert_eq!(metadata["grant_types_supported"], json!([]));
    }
    assert!(app.get("/docs").await.status.is_success(), "the documentation that they name");
}

#[tokio::test]
async fn an_issuer_that_is_only_a_name_has_no_metadata() {
    let app = App::start();
    for path in METADATA {
        assert_eq!(app.get(path).await.status, 404);
    }
    assert_eq!(app.get(KEYS).await.status, 200);
}

#[tokio::test]
async fn pages_of_every_origin_may_read_keys_and_metadata_and_nothing_else() {
    const LISTED: &str = "https://app.example.com";
    let environment = Environment::new().set("TOKEN_ISSUER", ISSUER);
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").to_owned();
    for environment in [environment.clone(), environment.set("CORS_ORIGINS", LISTED)] {
        let app = App::with(environment);
        for path in METADATA.into_iter().chain([KEYS]) {
            for origin in ["https://other.example", LISTED, "null"] {
                for verb in ["GET", "OPTIONS"] {
                    let answer = from_page_of(&app, verb, path, origin).await;
                    assert!(answer.status.is_success(), "{answer:?}");
                    assert_eq!(allowed(&answer), "*");
                    assert_eq!(answer.header("access-control-allow-credentials"), "");
                }
            }
        }
        for path in ["/openapi.json", "/health", "/api/v1/users/me", "/.well-known/other"] {
            let answer = from_page_of(&app, "GET", path, "https://other.example").await;
            assert_eq!(allowed(&answer), "", "{path}");
        }
    }
}
