//! The router finds what a plain reading of the rules finds. The first line of the input is the path
//! of a request, each other a template.

#![no_main]

use std::sync::LazyLock;

use gateway::Limits;
use gateway::template::{Segment, Template, normalize};
use gateway_fuzz::{Api, compile};
use libfuzzer_sys::fuzz_target;

const TEMPLATES_MAX: usize = 8;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let path = lines.next().unwrap_or_default();
    // What variables hold is not the router's matter, and the fields would have to be declared.
    let templates: Vec<_> = lines
        .take(TEMPLATES_MAX)
        .filter_map(|line| Template::parse(line).ok())
        .filter(|template| template.variables().is_empty())
        .collect();
    let Ok(api) = Api::new(&service(&templates), Limits::default()) else { return };
    // `?` and `#` end a path.
    if path.contains(['?', '#']) || !path.starts_with('/') {
        return;
    }
    let Some(answer) = api.send("GET", path, b"", None) else { return };
    answer.assert_no_fault();
    match answer.called {
        Some(method) => {
            let index = expected(path, &templates);
            assert_eq!(Some(method), index.map(|index| format!("/t.S/M{index}")), "{path}");
        }
        // A path that is not sound leads nowhere, whatever the templates say.
        None if answer.reason() == "ROUTE_NOT_FOUND" && !path.contains("//") => {
            assert_eq!(expected(path, &templates), None, "{path}");
        }
        None => {}
    }
});

/// What every service of this target imports, compiled once.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let proto = "syntax = \"proto3\"; package t; import \"google/api/annotations.proto\"; message Nothing {}";
    compile("nothing.proto", Some(proto))
});

/// The descriptor set of a service with a method for each template. It is written by hand, because
/// a compiler takes longer than all that is to be tried.
fn service(templates: &[Template]) -> Vec<u8> {
    let mut service = field(1, b"S");
    for (index, template) in templates.iter().enumerate() {
        let rule = field(2, template.to_string().as_bytes());
        let method = [
            field(1, format!("M{index}").as_bytes()),
            field(2, b".t.Nothing"),
            field(3, b".t.Nothing"),
            field(4, &field(HTTP, &rule)),
        ];
        service.extend(field(2, &method.concat()));
    }
    let file = [
        field(1, b"fuzz.proto"),
        field(2, b"t"),
        field(3, b"nothing.proto"),
        field(6, &service),
        field(12, b"proto3"),
    ];
    [IMPORTS.clone(), field(1, &file.concat())].concat()
}

/// The number of the option `google.api.http`.
const HTTP: u64 = 72_295_728;

/// A length-delimited field on the wire.
fn field(number: u64, payload: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for mut value in [number << 3 | 2, payload.len() as u64] {
        while value >= 0x80 {
            wire.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        wire.push(value as u8);
    }
    wire.extend_from_slice(payload);
    wire
}

/// The template that a path takes: a verb before the reading of its colon as a part of the value,
/// then literals before `*` before `**`, from left to right.
fn expected(path: &str, templates: &[Template]) -> Option<usize> {
    let verb = path.rsplit_once('/').and_then(|(_, last)| last.rsplit_once(':'));
    let verb = verb.filter(|(value, verb)| !value.is_empty() && !verb.is_empty());
    let with_verb = verb.map(|(_, verb)| (&path[..path.len() - verb.len() - 1], Some(verb)));
    with_verb.into_iter().chain([(path, None)]).find_map(|(path, verb)| {
        let verb = verb.map(normal);
        let fits = templates.iter().enumerate().filter(|(_, template)| {
            template.verb() == verb.as_deref() && covers(template.segments(), path)
        });
        fits.min_by_key(|(_, template)| ranks(template.segments())).map(|(index, _)| index)
    })
}

fn covers(segments: &[Segment], path: &str) -> bool {
    let mut parts: Vec<&str> = path[1..].split('/').collect();
    if path == "/" {
        parts.clear();
        return matches!(segments, [] | [Segment::Rest]);
    }
    let (fixed, has_rest) = match segments {
        [fixed @ .., Segment::Rest] => (fixed, true),
        fixed => (fixed, false),
    };
    // Only what takes the rest takes a slash at the end.
    if parts.last() == Some(&"") {
        parts.pop();
        if !has_rest {
            return false;
        }
    }
    let long_enough =
        if has_rest { parts.len() >= fixed.len() } else { parts.len() == fixed.len() };
    long_enough
        && fixed.iter().zip(parts).all(|(segment, part)| match segment {
            Segment::Literal(text) => *text == normal(part),
            Segment::Wildcard | Segment::Rest => true,
        })
}

fn ranks(segments: &[Segment]) -> Vec<u8> {
    let rank = |segment: &Segment| match segment {
        Segment::Literal(_) => 0,
        Segment::Wildcard => 1,
        Segment::Rest => 2,
    };
    segments.iter().map(rank).collect()
}

fn normal(segment: &str) -> String {
    normalize(segment).unwrap_or_else(|| segment.to_owned())
}
