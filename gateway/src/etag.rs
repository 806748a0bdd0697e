//! Entity tags (RFC 9110, section 8.8.3) between headers and the fields that hold them.
//!
//! A field holds the text of a strong tag without its quotes, or a weak tag as a header has it. What
//! a header could not hold of a text is percent-encoded there, and decoded when it comes back: what
//! the service compares is always what the service gave.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::error::Error;
use crate::tables::{MessageId, Tables};

/// What cannot stand in a tag, and the sign that shows it.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A tag as it stands in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tag<'h> {
    is_weak: bool,
    /// What is between the quotes.
    opaque: &'h str,
}

/// The tag of `If-Match` as a field holds it; `*` demands nothing of the tag.
///
/// The comparison is strong, so that a weak tag never matches, and the service can only compare
/// one.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<String>, Error> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(None);
    }
    let list = combined(headers, &IF_MATCH).ok_or_else(malformed)?;
    if list.trim_ascii() == "*" {
        return Ok(None);
    }
    let mut tags = tags(&list).ok_or_else(malformed)?;
    if tags.is_empty() {
        return Err(malformed());
    }
    tags.retain(|tag| !tag.is_weak);
    tags.dedup();
    match tags.as_slice() {
        [] => Err(Error::precondition_failed("If-Match never matches a weak entity tag")),
        [tag] => Ok(Some(percent_decode_str(tag.opaque).decode_utf8_lossy().into_owned())),
        _ => Err(Error::invalid_field(
            "etag",
            "must be one entity tag in If-Match, that of the version which was read last",
        )),
    }
}

/// Whether the client has the answer already, by `If-None-Match`; compared weakly.
pub(crate) fn is_known_to_client(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Some(list) = combined(headers, &IF_NONE_MATCH) else { return false };
    if list.trim_ascii() == "*" {
        return true;
    }
    let etag = etag.to_str().ok().and_then(|etag| Some(tag(etag)?.0.opaque));
    etag.is_some_and(|etag| tags(&list).unwrap_or_default().iter().any(|tag| tag.opaque == etag))
}

/// The tag in a response.
pub(crate) fn of_response(
    tables: &Tables,
    id: MessageId,
    places: &[usize],
    wire: &[u8],
) -> Option<HeaderValue> {
    let text = str::from_utf8(tables.last_payload(id, places, wire)?).ok()?;
    match tag(text) {
        _ if text.is_empty() => None,
        Some((Tag { is_weak: true, .. }, "")) => HeaderValue::from_str(text).ok(),
        _ => HeaderValue::from_str(&format!("\"{}\"", utf8_percent_encode(text, ENCODED))).ok(),
    }
}

fn malformed() -> Error {
    Error::malformed("If-Match must be `*`, or an entity tag in double quotes, as `\"v1\"`")
}

/// All lines of a header as the one list that they are (RFC 9110, section 5.3).
fn combined<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Cow<'h, str>> {
    let lines = headers.get_all(name).iter().map(|line| str::from_utf8(line.as_bytes()).ok());
    match lines.collect::<Option<Vec<_>>>()?.as_slice() {
        [] => None,
        [line] => Some(Cow::Borrowed(*line)),
        lines => Some(Cow::Owned(lines.join(","))),
    }
}

/// The members of a list, of which some may be empty (RFC 9110, section 5.6.1). `None` when one is
/// no tag.
fn tags(list: &str) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = list.trim_ascii();
    while !rest.is_empty() {
        if !rest.starts_with(',') {
            let (tag, after) = tag(rest)?;
            tags.push(tag);
            rest = after.trim_ascii_start();
        }
        // Behind a tag, there is a comma or nothing.
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_ascii_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(tags)
}

/// The tag that a text begins with, and what is behind it.
fn tag(text: &str) -> Option<(Tag<'_>, &str)> {
    let (is_weak, text) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
    let (opaque, after) = text.strip_prefix('"')?.split_once('"')?;
    let is_character = |byte: u8| byte == 0x21 || (byte > 0x22 && byte != 0x7f);
    opaque.bytes().all(is_character).then_some((Tag { is_weak, opaque }, after))
}
