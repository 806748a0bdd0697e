//! From the answer of a gRPC service, or an error, to an HTTP response.

use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Response, StatusCode, response};
use http_body_util::BodyExt;

use crate::body::Body;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::json::Printer;
use crate::request::FRAME_HEAD_BYTES;
use crate::route::Route;
use crate::rpc_status::RpcStatus;
use crate::status::Code;
use crate::{error_json, etag, headers};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is left of a request when its answer comes.
pub(crate) struct Asked<'r> {
    pub(crate) route: &'r Route,
    pub(crate) headers: &'r HeaderMap,
    /// Nothing but the headers are wanted.
    pub(crate) is_head: bool,
    /// `If-Match` was given, so that a conflict is a failed precondition.
    pub(crate) is_conditional: bool,
    /// What was wrong with the request when the service read it.
    pub(crate) request_error: Option<Error>,
}

/// The answer to a request for the methods of a path.
pub(crate) fn options(allow: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    put_allow(&mut response, allow);
    response
}

/// The answer to a request that the service never sees.
pub(crate) fn refusal(
    error: &Error,
    allow: Option<&str>,
    domain: &str,
    is_head: bool,
) -> Response<Body> {
    let mut response = json(error.http_status(), error_json::of_gateway(error, domain));
    if let Some(allow) = allow {
        put_allow(&mut response, allow);
    }
    if is_head { without_body(response) } else { response }
}

/// What the service answered to one request with one message.
pub(crate) struct Answer {
    head: response::Parts,
    trailers: HeaderMap,
    outcome: Result<Bytes, RpcStatus>,
}

impl Answer {
    /// Reads an answer to its end. An error is one of gRPC itself.
    pub(crate) async fn read<R>(response: Response<R>) -> Result<Self, Error>
    where
        R: http_body::Body<Data = Bytes>,
    {
        let (head, body) = response.into_parts();
        // A failure without a message has its status in the headers.
        if let Some(status) = RpcStatus::of(&head.headers).filter(|s| s.code != Code::OK) {
            return Ok(Self { head, trailers: HeaderMap::new(), outcome: Err(status) });
        }
        if head.status != StatusCode::OK {
            let status = RpcStatus::of_http(head.status);
            return Ok(Self { head, trailers: HeaderMap::new(), outcome: Err(status) });
        }
        let broken = |_| Error::invalid_response("the answer of the service broke off");
        let collected = body.collect().await.map_err(broken)?;
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let status = RpcStatus::of(&trailers).or_else(|| RpcStatus::of(&head.headers));
        let status = status.ok_or_else(|| Error::invalid_response("the service sent no status"))?;
        let outcome = match status.code {
            Code::OK => Ok(message(&collected.to_bytes())?),
            _ => Err(status),
        };
        Ok(Self { head, trailers, outcome })
    }

    pub(crate) fn into_response(self, compiled: &Compiled, asked: &Asked<'_>) -> Response<Body> {
        let mut response = match (self.outcome, &asked.request_error) {
            (Ok(wire), _) => success(compiled, asked, &self.head.headers, &wire),
            (Err(_), Some(error)) => {
                json(error.http_status(), error_json::of_gateway(error, &compiled.error_domain))
            }
            (Err(status), None) => failure(compiled, asked, &status),
        };
        headers::for_client(&self.head.headers, response.headers_mut());
        headers::for_client(&self.trailers, response.headers_mut());
        if response.status() == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(bearer);
        }
        *response.extensions_mut() = self.head.extensions;
        if asked.is_head { without_body(response) } else { response }
    }
}

/// The one message of a unary answer.
fn message(frames: &Bytes) -> Result<Bytes, Error> {
    let Some((&[compressed, a, b, c, d], rest)) = frames.split_first_chunk::<FRAME_HEAD_BYTES>()
    else {
        return Err(Error::invalid_response("the service sent no message"));
    };
    if compressed != 0 {
        return Err(Error::invalid_response("the service compressed its answer unasked"));
    }
    let length = u32::from_be_bytes([a, b, c, d]);
    if usize::try_from(length).ok() != Some(rest.len()) {
        return Err(Error::invalid_response("the service did not send exactly one message"));
    }
    Ok(frames.slice(FRAME_HEAD_BYTES..))
}

fn success(
    compiled: &Compiled,
    asked: &Asked<'_>,
    service_headers: &HeaderMap,
    wire: &[u8],
) -> Response<Body> {
    let route = asked.route;
    let places = route.response_etag.as_deref();
    let own = places.and_then(|p| etag::of_response(&compiled.tables, route.response, p, wire));
    let etag = service_headers.get(ETAG).cloned().or(own);
    let is_read = [http::Method::GET, http::Method::HEAD].contains(&route.http_method);
    if is_read && etag.as_ref().is_some_and(|etag| etag::is_known_to_client(asked.headers, etag)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().extend(etag.map(|etag| (ETAG, etag)));
        return response;
    }
    let out = Vec::with_capacity(wire.len() * 2 + 64);
    let mut printer = Printer::new(&compiled.tables, compiled.print_options, out);
    let response_message = compiled.tables.message(route.response);
    let result = match route.response_body {
        None => printer.message(route.response, wire),
        Some(place) => printer.field_value(response_message, &response_message.fields[place], wire),
    };
    match result {
        Ok(()) => {
            let mut response = json(StatusCode::OK, printer.out);
            response.headers_mut().extend(etag.map(|etag| (ETAG, etag)));
            response
        }
        Err(corrupt) => {
            let error = Error::invalid_response(corrupt.0);
            json(error.http_status(), error_json::of_gateway(&error, &compiled.error_domain))
        }
    }
}

fn failure(compiled: &Compiled, asked: &Asked<'_>, status: &RpcStatus) -> Response<Body> {
    let http_status = match status.code {
        Code::ABORTED if asked.is_conditional => StatusCode::PRECONDITION_FAILED,
        code => code.http_status(),
    };
    let body =
        error_json::of_service(status, http_status, &compiled.tables, &compiled.error_details);
    let mut response = json(http_status, body);
    if let Some(seconds) = status.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// The headers as they would be with the body, which is what HEAD is for.
fn without_body(response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact();
    let mut response = response.map(|_| Body::empty());
    if let Some(length) = length.filter(|_| response.status() != StatusCode::NOT_MODIFIED) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}

fn put_allow(response: &mut Response<Body>, allow: &str) {
    // Methods are tokens, which are always fit for a header.
    if let Ok(value) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, value);
    }
}
