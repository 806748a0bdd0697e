//! Which part of a file a client asks for (RFC 9110, section 14).

use std::ops::Range;

use http::header::{HeaderValue, IF_RANGE, RANGE};
use http::{HeaderMap, Method};

/// What is asked of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    Part(Range<usize>),
    /// A part that the file does not have.
    Nothing,
}

/// Reads `Range`. One that asks for several parts, or that is not understood, is ignored, as the
/// RFC allows; so is one that was meant for another version of the file.
pub(super) fn asked(
    method: &Method,
    headers: &HeaderMap,
    etag: Option<&HeaderValue>,
    length: usize,
) -> Asked {
    let range = headers.get(RANGE).filter(|_| method == Method::GET);
    let Some(range) = range.and_then(|value| value.to_str().ok()).and_then(parse) else {
        return Asked::Whole;
    };
    // Compared strongly; a date is never equal, because files have none here.
    let is_strong = |tag: &HeaderValue| !tag.as_bytes().starts_with(b"W/");
    if let Some(condition) = headers.get(IF_RANGE)
        && !etag.is_some_and(|etag| etag == condition && is_strong(etag))
    {
        return Asked::Whole;
    }
    let part = match range {
        Spec::From(first) => first..length,
        Spec::Between(first, last) => first..last.saturating_add(1).min(length),
        Spec::Last(count) => length.saturating_sub(count)..length,
    };
    if part.start < part.end { Asked::Part(part) } else { Asked::Nothing }
}

enum Spec {
    From(usize),
    Between(usize, usize),
    Last(usize),
}

fn parse(value: &str) -> Option<Spec> {
    let (unit, spec) = value.split_once('=')?;
    let (first, last) = spec.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first.trim(), last.trim()) {
        ("", count) => number(count).map(Spec::Last),
        (first, "") => number(first).map(Spec::From),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::Between(first, last))
        }
    }
}

/// Digits only; more than any file has counts as the most.
fn number(digits: &str) -> Option<usize> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(usize::MAX))
}
