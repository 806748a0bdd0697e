//! Which host a request is meant for: HTTP wants to be told once (RFC 9112, section 3.2). Nothing here depends on the
//! answer, but a proxy in front may have decided by another one than it passed on.

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, Version, header, uri::Authority};

/// Whether a request names its host as the version of HTTP asks for: at most once, and from HTTP/1.1 on exactly once,
/// which HTTP/2 does in `:authority`.
pub fn is_named<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    }
}

/// The answer to a request that is not HTTP: like every answer to one, without a body and the last of its connection.
pub fn refusal(version: Version) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    if version < Version::HTTP_2 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a value is a host with or without a port; it is empty where the URI has none.
fn is_host(value: &HeaderValue) -> bool {
    let host = value.as_bytes();
    host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
}
