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

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names.iter().filter(|name| from.contains_key(*name)) {
        if to.contains_key(name) {
            continue;
        }
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}
