//! What is decided from the head of a request alone, before the service hears of it: the route, and
//! whether the gateway could read the request and write the answer at all.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, request};

use crate::answer::STREAM_OFFERS;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::path::{Segments, variable_value};
use crate::request::Head;
use crate::route::{BodyTarget, Input, Output, Route};
use crate::router::Match;
use crate::{accept, etag, media_type};

/// What becomes of a request.
pub(crate) enum Admission {
    /// The place of its route, and what its head says.
    Call { route: usize, head: Head },
    /// It asks what it may ask: the methods of its path.
    Options { allow: String },
    /// It is answered with an error, and with the methods of its path when that is what is wrong.
    Refused { error: Error, allow: Option<String> },
}

/// Decides over a request. `has_body` is whether a body follows.
pub(crate) fn admit(compiled: &Compiled, parts: &request::Parts, has_body: bool) -> Admission {
    let refused = |error| Admission::Refused { error, allow: None };
    let uri_bytes = parts.uri.path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri_bytes > compiled.limits.uri_bytes_max {
        return refused(Error::uri_too_long(compiled.limits.uri_bytes_max));
    }
    let segments = match Segments::of(parts.uri.path()) {
        Ok(segments) => segments,
        Err(error) => return refused(error),
    };
    match find(compiled, &parts.method, &segments) {
        Match::NotFound => refused(Error::route_not_found()),
        Match::MethodNotAllowed(methods) if parts.method == Method::OPTIONS => {
            Admission::Options { allow: allow(&methods) }
        }
        Match::MethodNotAllowed(methods) => {
            let allow = Some(allow(&methods));
            Admission::Refused { error: Error::method_not_allowed(), allow }
        }
        Match::Found { target, has_verb } => {
            let route = &compiled.routes[target];
            match head(compiled, route, segments, has_verb, parts, has_body) {
                Ok(head) => Admission::Call { route: target, head },
                Err(error) => refused(error),
            }
        }
    }
}

/// What a path leads to.
pub(crate) fn find<'c>(
    compiled: &'c Compiled,
    method: &Method,
    segments: &Segments<'_>,
) -> Match<'c, usize> {
    match compiled.router.find(method, segments) {
        // A resource that can be read can be asked for its headers (RFC 9110, section 9.3.2).
        Match::MethodNotAllowed(_) if method == Method::HEAD => {
            compiled.router.find(&Method::GET, segments)
        }
        found => found,
    }
}

fn head(
    compiled: &Compiled,
    route: &Route,
    segments: Segments<'_>,
    has_verb: bool,
    parts: &request::Parts,
    has_body: bool,
) -> Result<Head, Error> {
    if route.is_bidirectional() {
        return Err(Error::bidirectional());
    }
    let takes_body = has_body && route.body != BodyTarget::None;
    let content_type = media_type::check_content(&parts.headers, route.input, takes_body)?;
    check_accept(route, &parts.headers)?;
    let bytes_max = compiled.limits.body_bytes_max;
    let is_whole = matches!(route.input, Input::Json | Input::File);
    if is_whole && content_length(&parts.headers).is_some_and(|length| length > bytes_max as u64) {
        return Err(Error::body_too_large(bytes_max));
    }
    let mut raw = segments.raw;
    if let Some(last) = raw.last_mut().filter(|_| has_verb) {
        *last = last.rsplit_once(':').map_or(*last, |(value, _)| value);
    }
    let value = |variable: &crate::route::Variable| {
        let spanned = raw.get(variable.start..variable.end.unwrap_or(raw.len()));
        variable_value(spanned.unwrap_or_default(), variable.is_multi_segment)
    };
    Ok(Head {
        variables: route.variables.iter().map(value).collect::<Result<_, _>>()?,
        query: parts.uri.query().map(str::to_owned),
        if_match: route.etag.map_or(Ok(None), |_| etag::if_match(&parts.headers)),
        last_event_id: route.resume.and_then(|_| last_event_id(&parts.headers)),
        content_type,
    })
}

/// Refuses clients that do not take what the route answers. The media type of a file is not known
/// before.
fn check_accept(route: &Route, headers: &HeaderMap) -> Result<(), Error> {
    let offers: &[_] = match route.output {
        Output::Json => &[accept::JSON],
        Output::Stream => &STREAM_OFFERS,
        Output::File | Output::FileStream => return Ok(()),
    };
    accept::choose(headers, offers).map(|_| ()).ok_or_else(|| Error::not_acceptable(offers))
}

/// Browsers send text beyond ASCII as UTF-8 here.
fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("last-event-id")?;
    str::from_utf8(id.as_bytes()).ok().filter(|id| !id.is_empty()).map(str::to_owned)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The methods of a path, with those that the gateway answers by itself.
fn allow(methods: &[&Method]) -> String {
    let mut names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
