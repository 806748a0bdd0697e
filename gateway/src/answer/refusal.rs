//! The answers to calls that failed, and to requests that never became a call.

use http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};

use super::{Failure, without_body};
use crate::body::Body;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::error_json::Told;
use crate::exchange::Exchange;
use crate::rpc_status::RpcStatus;
use crate::status::Code;

/// The answer to a request for the methods of a path.
pub(crate) fn options(allow: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    put_allow(&mut response, allow);
    response
}

/// The answer to a request that the service never sees; `asked` are its headers.
pub(crate) fn refusal(
    compiled: &Compiled,
    error: &Error,
    allow: Option<&str>,
    asked: &HeaderMap,
    is_head: bool,
) -> Response<Body> {
    let mut response = Told::of_gateway(error, &compiled.error_domain).into_response(asked);
    if let Some(allow) = allow {
        put_allow(&mut response, allow);
    }
    if is_head { without_body(response) } else { response }
}

/// The answer to a call that failed. What the gateway found wrong with the request is what matters,
/// whatever the service made of it.
pub(super) fn of_call(exchange: &Exchange, failure: &Failure) -> Response<Body> {
    match (exchange.fate.error(), failure) {
        (Some(error), _) | (None, Failure::Unfit(error)) => of_error(exchange, error),
        (None, Failure::Status(status)) => of_status(exchange, status),
    }
}

/// The answer to a call that the gateway itself cannot bring to an end.
pub(super) fn of_error(exchange: &Exchange, error: &Error) -> Response<Body> {
    Told::of_gateway(error, &exchange.compiled.error_domain).into_response(&exchange.headers)
}

fn of_status(exchange: &Exchange, status: &RpcStatus) -> Response<Body> {
    let http_status = match status.code {
        Code::ABORTED if exchange.is_conditional => StatusCode::PRECONDITION_FAILED,
        // Who was waited for was the client.
        Code::DEADLINE_EXCEEDED if exchange.fate.is_awaited() => StatusCode::REQUEST_TIMEOUT,
        code => code.http_status(),
    };
    let mut response =
        told(&exchange.compiled, status, http_status).into_response(&exchange.headers);
    if let Some(seconds) = status.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// What a client is told of a status.
pub(super) fn told<'s>(
    compiled: &Compiled,
    status: &'s RpcStatus,
    http_status: StatusCode,
) -> Told<'s> {
    Told::of_service(status, http_status, &compiled.tables, &compiled.error_details)
}

fn put_allow(response: &mut Response<Body>, allow: &str) {
    // Methods are tokens, which are always fit for a header.
    if let Ok(value) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, value);
    }
}
