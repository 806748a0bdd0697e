//! Which headers pass the gateway, by their whole names and never by a prefix.

use http::HeaderMap;
use http::header::{
    self, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, COOKIE, ETAG,
    HeaderName, LOCATION, RETRY_AFTER, SET_COOKIE, USER_AGENT, VARY, WWW_AUTHENTICATE,
};

/// From the client to the service.
static REQUEST: [HeaderName; 9] = [
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    USER_AGENT,
    HeaderName::from_static("x-request-id"),
    ACCEPT_LANGUAGE,
    HeaderName::from_static("grpc-timeout"),
];

/// From the service to the client.
static RESPONSE: [HeaderName; 11] = [
    ETAG,
    LOCATION,
    RETRY_AFTER,
    SET_COOKIE,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-request-id"),
    WWW_AUTHENTICATE,
    VARY,
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
];

/// The headers of a gRPC request, with what the client may tell the service.
pub(crate) fn for_service(client: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, http::HeaderValue::from_static("trailers"));
    copy(client, &mut headers, &REQUEST);
    headers
}

/// Adds what the service may tell the client, unless the answer has it already.
pub(crate) fn for_client(service: &HeaderMap, headers: &mut HeaderMap) {
    copy(service, headers, &RESPONSE);
}

/// Copies the headers of these names that are not there yet. A message has fewer headers than there
/// are names, so the headers are what is gone through.
fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    let mut last: Option<(&HeaderName, bool)> = None;
    for (name, value) in from {
        // The values of one name follow each other, and go together.
        let is_copied = match last {
            Some((last, is_copied)) if last == name => is_copied,
            _ => names.contains(name) && !to.contains_key(name),
        };
        last = Some((name, is_copied));
        if is_copied {
            to.append(name.clone(), value.clone());
        }
    }
}
