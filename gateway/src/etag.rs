//! Entity tags (RFC 9110, section 8.8.3) between headers and the fields that hold them.

use http::HeaderMap;
use http::header::{HeaderValue, IF_MATCH, IF_NONE_MATCH};

use crate::error::Error;
use crate::tables::{MessageId, Tables};

/// The tag of `If-Match` as a field holds it, without quotes and weakness; `*` demands nothing of
/// the tag.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(IF_MATCH).filter(|value| *value != "*") else { return Ok(None) };
    let tag = value.to_str().ok().and_then(unquote);
    match tag {
        Some(tag) => Ok(Some(tag.to_owned())),
        None => Err(Error::malformed("If-Match must hold one entity tag")),
    }
}

/// Whether the client has the answer already, by `If-None-Match`; compared weakly.
pub(crate) fn is_known_to_client(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Some(etag) = etag.to_str().ok().and_then(unquote) else { return false };
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.trim() == "*" || value.split(',').any(|tag| unquote(tag) == Some(etag)))
}

/// The tag in a response, quoted unless the service has quoted it (AIP-154).
pub(crate) fn of_response(
    tables: &Tables,
    id: MessageId,
    places: &[usize],
    wire: &[u8],
) -> Option<HeaderValue> {
    let tag = str::from_utf8(tables.last_payload(id, places, wire)?).ok()?;
    match tag {
        "" => None,
        _ if unquote(tag).is_some() => HeaderValue::from_str(tag).ok(),
        _ if tag.contains('"') => None,
        _ => HeaderValue::from_str(&format!("\"{tag}\"")).ok(),
    }
}

/// What is between the quotes of one tag.
fn unquote(tag: &str) -> Option<&str> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"').filter(|tag| !tag.contains('"'))
}
