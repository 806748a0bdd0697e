//! The path of a request cut into segments, and its parts decoded. Which route it takes is the
//! router's work.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// The segments of a path as they were sent, all of them sound: none is empty or a dot segment, and
/// each decodes to UTF-8 without NUL.
#[derive(Debug)]
pub(crate) struct Segments<'p> {
    pub(crate) raw: Vec<&'p str>,
    /// The path ended in a slash, which only an unbound `**` takes.
    pub(crate) trailing_slash: bool,
}

impl<'p> Segments<'p> {
    /// Cuts a path at its slashes. Empty segments lead nowhere; what cannot be decoded is
    /// malformed.
    pub(crate) fn of(path: &'p str) -> Result<Self, Error> {
        let rest = path.strip_prefix('/').ok_or_else(Error::route_not_found)?;
        let trailing_slash = rest.ends_with('/');
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() && !trailing_slash {
            return Ok(Self { raw: Vec::new(), trailing_slash });
        }
        let raw: Vec<_> = rest.split('/').collect();
        for segment in &raw {
            if segment.is_empty() {
                return Err(Error::route_not_found());
            }
            check_segment(segment)?;
        }
        Ok(Self { raw, trailing_slash })
    }
}

/// Refuses a segment that does not decode, or that leads somewhere else.
pub(crate) fn check_segment(segment: &str) -> Result<(), Error> {
    let decoded = decode(segment)?;
    if decoded.contains('.') && decoded.split(['/', '\\']).any(is_dot_segment) {
        return Err(Error::malformed("the path has a dot segment"));
    }
    Ok(())
}

/// Whether a part of a path leads nowhere or upwards. Servers and browsers there are that cut paths
/// at backslashes too, and drop what follows a semicolon, so that such a part is one in disguise.
fn is_dot_segment(part: &str) -> bool {
    let name = part.split(';').next().unwrap_or_default();
    name == "." || name == ".."
}

/// The value of a variable: of one segment decoded wholly, of several with `%2F` kept, so that an
/// encoded slash stays distinct from a separator.
pub(crate) fn variable_value(segments: &[&str], is_multi_segment: bool) -> Result<String, Error> {
    if !is_multi_segment {
        return decode(segments.first().copied().unwrap_or_default()).map(Cow::into_owned);
    }
    let mut value = String::new();
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            value.push('/');
        }
        // An encoded slash is ASCII, so that cutting there never cuts a character.
        for (index, part) in segment.split("%2F").flat_map(|s| s.split("%2f")).enumerate() {
            if index > 0 {
                value.push_str("%2F");
            }
            value.push_str(&decode(part)?);
        }
    }
    Ok(value)
}

/// Percent-decodes a part of a path or a query.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, Error> {
    // Most of them have nothing to decode, and a NUL cannot stand in a URI by itself.
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let is_complete = |(at, _)| {
        let digits = text.as_bytes().get(at + 1..at + 3);
        digits.is_some_and(|digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.match_indices('%').all(is_complete) {
        return Err(Error::malformed("`%` is not followed by two hexadecimal digits in the URI"));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| Error::malformed("the URI does not decode to UTF-8"))?;
    if decoded.contains('\0') {
        return Err(Error::malformed("the URI holds a NUL"));
    }
    Ok(decoded)
}
