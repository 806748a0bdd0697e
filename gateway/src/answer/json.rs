//! One message as JSON.

use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{Failure, not_modified};
use crate::accept;
use crate::body::Body;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::etag;
use crate::exchange::Exchange;
use crate::json::Printer;
use crate::route::Route;
use crate::wire::Corrupt;

pub(super) fn answer(
    exchange: &Exchange,
    head: &HeaderMap,
    wire: &[u8],
) -> Result<Response<Body>, Failure> {
    let (compiled, route) = (&exchange.compiled, exchange.route());
    let places = route.response_etag.as_deref();
    let own = places.and_then(|p| etag::of_response(&compiled.tables, route.response, p, wire));
    let etag = head.get(ETAG).cloned().or(own);
    if let Some(response) = not_modified(exchange, etag.as_ref()) {
        return Ok(response);
    }
    let mut json = Vec::with_capacity(wire.len() * 2 + 64);
    print(compiled, route, wire, &mut json)
        .map_err(|Corrupt(reason)| Error::invalid_response(reason))?;
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(accept::JSON));
    response.headers_mut().extend(etag.map(|etag| (ETAG, etag)));
    if head.contains_key(LOCATION) {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    Ok(response)
}

/// Adds what a route shows of a message to a text; a part of it, when the message is corrupt.
pub(super) fn print(
    compiled: &Compiled,
    route: &Route,
    wire: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Corrupt> {
    let text = std::mem::take(out);
    let mut printer = Printer::new(&compiled.tables, compiled.print_options, text);
    let result = match route.response_body {
        None => printer.message(route.response, wire),
        Some(place) => {
            let response = compiled.tables.message(route.response);
            printer.field_value(response, &response.fields[place], wire)
        }
    };
    *out = printer.out;
    result
}
