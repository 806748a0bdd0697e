//! Which pages of other origins may call: exactly the ones that are listed.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// What a page may send.
const REQUEST_HEADERS: [&str; 12] = [
    "accept",
    "authorization",
    "content-type",
    "grpc-timeout",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "traceparent",
    "tracestate",
    "x-grpc-web",
    "x-request-id",
    "x-user-agent",
];

/// What a page may read.
const RESPONSE_HEADERS: [&str; 9] = [
    "etag",
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-request-id",
];

/// The most bytes of an origin that a log line repeats.
const ORIGIN_BYTES_MAX: usize = 256;

/// Tells the log of a request whose page is of an origin that is not listed: all that a browser says of it is that it
/// failed.
pub fn hint(origins: &[String], host: Option<&str>, headers: &HeaderMap) {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else {
        return;
    };
    let is_own = origin.split_once("://").is_some_and(|(_, of)| Some(of) == host);
    if !is_own && !origins.iter().any(|listed| listed == origin) {
        let origin = &origin[..origin.floor_char_boundary(ORIGIN_BYTES_MAX)];
        tracing::debug!(origin, event = "origin_refused", "CORS_ORIGINS does not list the origin");
    }
}

/// The rule for these origins; none when there are none. Their pages may send the cookie of a refresh token.
///
/// # Errors
/// A sentence when one of them is not an origin.
pub fn layer(origins: &[String]) -> Result<Option<CorsLayer>, String> {
    if origins.is_empty() {
        return Ok(None);
    }
    let origins = origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>, _>>()?;
    let rule = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(REQUEST_HEADERS.map(HeaderName::from_static))
        .expose_headers(RESPONSE_HEADERS.map(HeaderName::from_static))
        .allow_credentials(true)
        .vary([header::ORIGIN])
        .max_age(Duration::from_hours(1));
    Ok(Some(rule))
}

fn parse(origin: &str) -> Result<HeaderValue, String> {
    let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
        matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', '*', ' '])
    });
    HeaderValue::from_str(origin).ok().filter(|_| is_origin).ok_or_else(|| {
        format!("CORS_ORIGINS: `{origin}` is not an origin; write https://app.example.com")
    })
}
