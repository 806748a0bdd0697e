//! Media types of requests and answers: what the gateway reads, and whether a client takes what it
//! writes.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};

use crate::error::Error;

/// Refuses bodies that are not JSON. A body without a type is refused too, because browsers send
/// one across origins unasked, and gRPC on a REST route in any case.
pub(crate) fn check_content(headers: &HeaderMap, has_body: bool) -> Result<(), Error> {
    let unsupported = || Error::unsupported_media_type("the body must be application/json");
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Error::unsupported_media_type("the body must not be compressed"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return if has_body { Err(unsupported()) } else { Ok(()) };
    };
    let value = value.to_str().map_err(|_| unsupported())?.to_ascii_lowercase();
    let (essence, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let essence = essence.trim();
    if essence.starts_with("application/grpc") {
        return Err(Error::unsupported_media_type("gRPC is not spoken on a path of the REST API"));
    }
    if has_body && (essence != "application/json" || !is_utf8(parameters)) {
        return Err(unsupported());
    }
    Ok(())
}

/// Refuses clients that do not take JSON (RFC 9110, section 12.5.1). Of the ranges that fit, the
/// most precise one decides.
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), Error> {
    let mut decision = None;
    for value in headers.get_all(ACCEPT) {
        let value = value.to_str().map_err(|_| Error::not_acceptable())?.to_ascii_lowercase();
        for range in value.split(',') {
            let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
            let precision = match range.trim() {
                "application/json" => 3,
                "application/*" => 2,
                "*/*" => 1,
                _ => 0,
            };
            let accepted = precision > 0 && !has_quality_zero(parameters);
            decision = decision.max(Some((precision, accepted)));
        }
    }
    match decision {
        Some((_, false)) => Err(Error::not_acceptable()),
        _ => Ok(()),
    }
}

fn is_utf8(parameters: &str) -> bool {
    let charset = parameters.split(';').find_map(|p| p.trim().strip_prefix("charset="));
    charset.is_none_or(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8"))
}

fn has_quality_zero(parameters: &str) -> bool {
    let quality = parameters.split(';').find_map(|p| p.trim().strip_prefix("q="));
    quality.and_then(|quality| quality.trim().parse::<f32>().ok()) == Some(0.0)
}
