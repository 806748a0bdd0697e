//! What a client takes (RFC 9110, section 12.5.1): the choice among the media types that an answer
//! could have.

use http::HeaderMap;
use http::header::ACCEPT;

pub(crate) const JSON: &str = "application/json";
pub(crate) const LINES: &str = "application/x-ndjson";
pub(crate) const EVENTS: &str = "text/event-stream";
pub(crate) const PROBLEM: &str = "application/problem+json";

/// How much a client wants a media type: in thousandths, and how precisely it said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    quality: u16,
    precision: u8,
}

/// The offer that the client likes best, and of equals the first; `None` when it takes none of
/// them.
pub(crate) fn choose(headers: &HeaderMap, offers: &[&'static str]) -> Option<&'static str> {
    let first = offers.first().copied();
    // Most clients take anything, or name the one type that there is.
    match (headers.get(ACCEPT), first) {
        (None, _) => return first,
        (Some(only), Some(name)) if only == "*/*" || (only == name && offers.len() == 1) => {
            return first;
        }
        _ => {}
    }
    let mut best: Option<(Wish, &'static str)> = None;
    for &offer in offers {
        let Some(wish) = wish(headers, offer).filter(|wish| wish.quality > 0) else { continue };
        if best.is_none_or(|(most, _)| wish > most) {
            best = Some((wish, offer));
        }
    }
    best.map(|(_, offer)| offer)
}

/// Whether errors are to be problem details (RFC 9457): the client names them, and likes them no
/// less than plain JSON.
pub(crate) fn wants_problems(headers: &HeaderMap) -> bool {
    let named = |name| wish(headers, name).filter(|wish| wish.precision == 3 && wish.quality > 0);
    let json = named(JSON).map_or(0, |wish| wish.quality);
    named(PROBLEM).is_some_and(|problem| problem.quality >= json)
}

/// What the most precise of the ranges that fit a media type says.
fn wish(headers: &HeaderMap, media_type: &str) -> Option<Wish> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    ranges
        .filter_map(|range| {
            let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
            let precision = precision(range.trim(), media_type)?;
            Some(Wish { quality: quality(parameters), precision })
        })
        .max_by_key(|wish| wish.precision)
}

fn precision(range: &str, media_type: &str) -> Option<u8> {
    if range.eq_ignore_ascii_case(media_type) {
        return Some(3);
    }
    let (kind, _) = media_type.split_once('/')?;
    match range.split_once('/')? {
        ("*", "*") => Some(1),
        (range, "*") if range.eq_ignore_ascii_case(kind) => Some(2),
        _ => None,
    }
}

fn quality(parameters: &str) -> u16 {
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().ok())?
    });
    // Between 0 and 1000, so that nothing is cut off; what is no number counts as 1.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    weight.map_or(1000, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [&str; 3] = [JSON, LINES, EVENTS];

    fn accept(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, value.parse().unwrap())])
    }

    #[test]
    fn the_best_liked_offer_is_chosen_and_of_equals_the_first() {
        for (value, chosen) in [
            ("*/*", Some(JSON)),
            ("text/event-stream", Some(EVENTS)),
            ("text/*", Some(EVENTS)),
            ("Text/Event-Stream; Q=0.4, application/x-ndjson;q=0.5", Some(LINES)),
            ("text/event-stream, */*", Some(EVENTS)),
            ("application/*, text/event-stream;q=0.1", Some(JSON)),
            ("application/json;q=0, */*", Some(LINES)),
            ("image/png", None),
            ("*/*;q=0", None),
            ("", None),
        ] {
            assert_eq!(choose(&accept(value), &OFFERS), chosen, "{value}");
        }
        assert_eq!(choose(&HeaderMap::new(), &OFFERS), Some(JSON));
    }

    #[test]
    fn problems_are_for_those_who_name_them() {
        for (value, wanted) in [
            ("*/*", false),
            ("application/*", false),
            ("application/problem+json", true),
            ("application/json, application/problem+json", true),
            ("application/json, application/problem+json;q=0.9", false),
            ("application/problem+json;q=0", false),
        ] {
            assert_eq!(wants_problems(&accept(value)), wanted, "{value}");
        }
    }
}
