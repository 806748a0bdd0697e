//! What other services need to verify access tokens by themselves: the public keys, and where they are.

use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::get};
use http::{Method, Uri};
use serde_json::{Value, json};
use tower_http::cors::{Any, CorsLayer};

use super::routes::cached;
use crate::service::keyring::Keyring;

/// What the paths here begin with.
pub const PREFIX: &str = "/.well-known/";

/// How long others may keep an answer: less than half of the time that a new key is published before it signs.
const KEEP: &str = "public, max-age=300";

/// The public keys and, where the issuer is a URL, the metadata that name them. They are no secret, so pages of every origin
/// may read them.
pub fn routes(keyring: Arc<Keyring>, issuer: &str) -> Router {
    let keys = Router::new().route("/.well-known/jwks.json", get(jwks)).with_state(keyring);
    let routes = match metadata(issuer) {
        None => keys,
        Some(metadata) => {
            let metadata = metadata.to_string();
            let show = get(async move || cached(metadata.into(), KEEP));
            keys.route("/.well-known/oauth-authorization-server", show.clone())
                .route("/.well-known/openid-configuration", show)
        }
    };
    let anyone = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any);
    routes.layer(anyone)
}

/// The public keys (RFC 7517).
async fn jwks(State(keyring): State<Arc<Keyring>>) -> Response {
    let keys = json!({ "keys": keyring.public_keys() });
    cached(keys.to_string().into(), KEEP)
}

/// What there is to say of this issuer in the words of RFC 8414, which are those of `OpenID` Connect, too; none when its name
/// is no place where anybody could look for it.
///
/// It has no endpoint of OAuth. The empty lists say so, because without them the defaults would say otherwise.
fn metadata(issuer: &str) -> Option<Value> {
    let base = issuer.trim_end_matches('/');
    is_place(issuer).then(|| {
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{base}/.well-known/jwks.json"),
            "service_documentation": format!("{base}/docs"),
            "response_types_supported": [],
            "grant_types_supported": [],
            "subject_types_supported": ["public"],
            // There is no other word for the algorithms of tokens.
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "claims_supported": ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"],
        })
    })
}

/// Whether the name of an issuer is the address of a server.
#[must_use]
pub fn is_place(issuer: &str) -> bool {
    let Ok(url) = issuer.parse::<Uri>() else { return false };
    matches!(url.scheme_str(), Some("https" | "http"))
        && url.query().is_none()
        && !issuer.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_is_no_place_has_no_metadata() {
        for name in ["veza", "", "api.example.com", "ftp://example.com", "https://example.com?a=b"]
        {
            assert_eq!(metadata(name), None, "{name}");
        }
        for url in ["https://api.example.com", "https://example.com/veza/", "http://127.0.0.1:8080"]
        {
            let metadata = metadata(url).unwrap();
            assert_eq!(metadata["issuer"], url);
            let keys = format!("{}/.well-known/jwks.json", url.trim_end_matches('/'));
            assert_eq!(metadata["jwks_uri"], keys);
        }
    }
}
