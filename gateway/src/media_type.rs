//! The media types of request bodies that the gateway reads.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::accept;
use crate::error::Error;
use crate::route::Input;

/// What the media type of gRPC begins with; a codec may follow.
const GRPC: &str = "application/grpc";

/// Refuses bodies that the route does not take, and answers the media type of a file. A body
/// without a type is refused where it must be JSON, because browsers send one across origins
/// unasked, and gRPC in any case.
pub(crate) fn check_content(
    headers: &HeaderMap,
    input: Input,
    has_body: bool,
) -> Result<String, Error> {
    let expected = match input {
        Input::Json => Some(accept::JSON),
        Input::Lines => Some(accept::LINES),
        Input::File | Input::FileStream => None,
    };
    let expected_name = expected.unwrap_or("a media type");
    let unsupported =
        || Error::unsupported_media_type(&format!("the body must be {expected_name}"));
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Error::unsupported_media_type("the body must not be compressed"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return if has_body && expected.is_some() { Err(unsupported()) } else { Ok(String::new()) };
    };
    let value = value.to_str().map_err(|_| unsupported())?;
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let essence = essence.trim();
    if essence.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC)) {
        return Err(Error::unsupported_media_type("gRPC is not spoken on a path of the REST API"));
    }
    match expected {
        None => Ok(value.to_owned()),
        Some(expected)
            if has_body && !(essence.eq_ignore_ascii_case(expected) && is_utf8(parameters)) =>
        {
            Err(unsupported())
        }
        Some(_) => Ok(String::new()),
    }
}

fn is_utf8(parameters: &str) -> bool {
    let parameters = parameters.to_ascii_lowercase();
    let charset = parameters.split(';').find_map(|p| p.trim().strip_prefix("charset="));
    charset.is_none_or(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8"))
}
