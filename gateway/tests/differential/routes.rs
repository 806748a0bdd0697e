//! Random sets of HTTP rules and random paths: the router finds what a search of all rules finds,
//! and the check of a build knows which rules can be served and reached.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gateway::check;
use gateway::template::normalize;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::draw::Draw;
use crate::echo::Echo;
use crate::sources::descriptors;
use crate::world::{config, entropy};

const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];
/// Literals as rules write them.
const LITERALS: [&str; 6] = ["a", "b", "ab", "%2f", "%61b", "~"];
/// Segments as clients send them.
const SEGMENTS: [&str; 13] =
    ["a", "b", "ab", "x", "%61", "%2f", "%2F", "x%2fy", "%c3%a9", "+", "x:y", ":", "go:"];
const VERBS: [&str; 2] = ["go", "stop"];
const FIELDS: [&str; 3] = ["first", "second", "third"];

struct Rule {
    http_method: &'static str,
    parts: Vec<Part>,
    variables: Vec<Variable>,
    verb: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal(&'static str),
    One,
    Rest,
}

struct Variable {
    field: &'static str,
    start: usize,
    end: usize,
}

/// What a request leads to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// A rule by its place, and what the fields are set to.
    Rule(usize, Vec<String>),
    MethodNotAllowed,
    Nothing,
}

impl Rule {
    fn random(draw: &mut Draw<'_>) -> Self {
        let count = draw.within(1..=4_usize);
        let mut parts: Vec<_> = (0..count)
            .map(|_| if draw.one_in(3) { Part::One } else { Part::Literal(draw.pick(&LITERALS)) })
            .collect();
        if draw.one_in(3) {
            parts[count - 1] = Part::Rest;
        }
        let mut variables = Vec::new();
        let mut start = 0;
        for field in FIELDS {
            if start == count || draw.one_in(3) {
                break;
            }
            start = draw.within(start..=count - 1);
            let end = draw.within(start + 1..=count);
            variables.push(Variable { field, start, end });
            start = end;
        }
        let verb = draw.one_in(3).then(|| draw.pick(&VERBS));
        Self { http_method: draw.pick(&METHODS), parts, variables, verb }
    }

    fn template(&self) -> String {
        let mut text = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            text.push('/');
            if let Some(variable) = self.variables.iter().find(|v| v.start == index) {
                let _ = write!(text, "{{{}=", variable.field);
            }
            text.push_str(match part {
                Part::Literal(literal) => literal,
                Part::One => "*",
                Part::Rest => "**",
            });
            if self.variables.iter().any(|v| v.end == index + 1) {
                text.push('}');
            }
        }
        self.verb.into_iter().for_each(|verb| text.extend([":", verb]));
        text
    }

    fn matches(&self, path: &Path, verb: Option<&str>) -> bool {
        let takes_rest = self.parts.last() == Some(&Part::Rest);
        let fixed = self.parts.len() - usize::from(takes_rest);
        let length = path.segments.len();
        let fits = if takes_rest { length >= fixed } else { length == fixed };
        let binds_rest = self.variables.iter().any(|v| v.end == self.parts.len());
        let takes_slash = !path.has_slash || (takes_rest && !binds_rest);
        let is_equal = |(part, segment): (&Part, &String)| match part {
            Part::Literal(literal) => normalize(literal) == normalize(segment),
            Part::One | Part::Rest => true,
        };
        fits && takes_slash
            && self.verb == verb
            && self.parts[..fixed].iter().zip(&path.segments).all(is_equal)
    }

    /// Literals before one segment before the rest, from left to right; an end before the rest.
    fn rank(&self) -> Vec<u8> {
        let rank = |part: &Part| match part {
            Part::Literal(_) => 0,
            Part::One => 1,
            Part::Rest => 2,
        };
        self.parts.iter().map(rank).collect()
    }

    /// The values of all fields, those that no variable names empty.
    fn values(&self, path: &Path) -> Vec<String> {
        let value = |variable: &Variable| {
            let takes_rest = self.parts[variable.end - 1] == Part::Rest;
            let end = if takes_rest { path.segments.len() } else { variable.end };
            let is_single = variable.end - variable.start == 1 && !takes_rest;
            let segments = &path.segments[variable.start..end];
            let decoded = segments.iter().map(|segment| {
                if is_single {
                    return decode(segment);
                }
                let parts = segment.split("%2F").flat_map(|part| part.split("%2f"));
                parts.map(decode).collect::<Vec<_>>().join("%2F")
            });
            decoded.collect::<Vec<_>>().join("/")
        };
        let of = |field| self.variables.iter().find(|v| v.field == field).map(value);
        FIELDS.map(|field| of(field).unwrap_or_default()).to_vec()
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// The path of a request, without a verb.
#[derive(Clone)]
struct Path {
    segments: Vec<String>,
    has_slash: bool,
}

impl Path {
    fn random(draw: &mut Draw<'_>) -> Self {
        let count = draw.within(0..=4_usize);
        let mut segments: Vec<_> = (0..count).map(|_| draw.pick(&SEGMENTS).to_owned()).collect();
        if let (Some(last), true) = (segments.last_mut(), draw.one_in(2)) {
            let _ = write!(last, ":{}", draw.pick(&["go", "stop", "%67o", "else"]));
        }
        Self { has_slash: count > 0 && draw.one_in(8), segments }
    }

    fn text(&self) -> String {
        format!("/{}{}", self.segments.join("/"), if self.has_slash { "/" } else { "" })
    }

    /// The path whose last segment ends in a verb, in both readings: the verb cut off comes first.
    fn readings(&self) -> Vec<(Self, Option<String>)> {
        let mut readings = Vec::new();
        let mut cut = self.clone();
        if let (Some(last), false) = (cut.segments.last_mut(), self.has_slash)
            && let Some((value, verb)) = self.segments.last().and_then(|s| s.rsplit_once(':'))
            && !value.is_empty()
            && !verb.is_empty()
        {
            value.clone_into(last);
            readings.push((cut, normalize(verb)));
        }
        readings.push((self.clone(), None));
        readings
    }
}

/// The search of all rules.
fn search(rules: &[Rule], http_method: &str, path: &Path) -> Target {
    for (path, verb) in &path.readings() {
        let fitting = rules.iter().enumerate().filter(|(_, r)| r.matches(path, verb.as_deref()));
        let (own, others): (Vec<_>, Vec<_>) =
            fitting.partition(|(_, rule)| rule.http_method == http_method);
        if let Some((place, rule)) = own.into_iter().min_by_key(|(_, rule)| rule.rank()) {
            return Target::Rule(place, rule.values(path));
        }
        // A verb that other methods have here is no part of a value.
        if !others.is_empty() {
            return Target::MethodNotAllowed;
        }
    }
    Target::Nothing
}

/// A service with a method for each rule.
fn service(rules: &[Rule]) -> Vec<u8> {
    let mut text = String::from(
        "syntax = \"proto3\"; package test; import \"google/api/annotations.proto\";
        message Item { string first = 1; string second = 2; string third = 3; }
        service Items {\n",
    );
    for (index, rule) in rules.iter().enumerate() {
        let (key, template) = (rule.http_method.to_ascii_lowercase(), rule.template());
        let _ = writeln!(
            text,
            "rpc M{index}(Item) returns (Item) {{
                option (google.api.http) = {{{key}: \"{template}\"}};
            }}"
        );
    }
    descriptors("items.proto", Some(&format!("{text}}}")))
}

fn rules(draw: &mut Draw<'_>) -> Vec<Rule> {
    (0..draw.within(1..=6)).map(|_| Rule::random(draw)).collect()
}

fn shown(rules: &[Rule]) -> Vec<String> {
    rules.iter().map(|rule| format!("{} {}", rule.http_method, rule.template())).collect()
}

/// What the gateway makes of a request.
fn target(echo: &Echo, pool: &DescriptorPool, http_method: &str, path: &Path) -> Target {
    let got = echo.send(http_method, &path.text(), b"");
    match (got.status, got.call) {
        (200, Some(call)) => {
            let item = pool.get_message_by_name("test.Item").unwrap();
            let item = DynamicMessage::decode(item, call.wire).unwrap();
            let value = |field| item.get_field_by_name(field).unwrap().as_str().unwrap().to_owned();
            let place = call.path.strip_prefix("/test.Items/M").unwrap().parse().unwrap();
            Target::Rule(place, FIELDS.map(value).to_vec())
        }
        (405, None) => Target::MethodNotAllowed,
        (404, None) => Target::Nothing,
        other => panic!("{other:?}: {}", got.text),
    }
}

proptest! {
    #![proptest_config(config(128, 7))]

    #[test]
    fn a_path_leads_where_a_search_of_all_rules_leads((schema, requests) in entropy()) {
        let rules = rules(&mut schema.draw());
        let set = service(&rules);
        let pool = DescriptorPool::decode(set.as_slice()).unwrap();
        // Two rules for the same requests are refused.
        let Ok(echo) = Echo::new(&set, |builder| builder) else { return Ok(()) };
        for request in &requests {
            let mut draw = request.draw();
            for _ in 0..8 {
                let (http_method, path) = (draw.pick(&METHODS), Path::random(&mut draw));
                let wanted = search(&rules, http_method, &path);
                let got = target(&echo, &pool, http_method, &path);
                prop_assert_eq!(got, wanted, "{} {} {:?}", http_method, path.text(), shown(&rules));
            }
        }
    }

    #[test]
    fn rules_pass_the_check_if_each_can_be_served_and_reached((schema, _) in entropy()) {
        let rules = rules(&mut schema.draw());
        let set = service(&rules);
        let pool = DescriptorPool::decode(set.as_slice()).unwrap();
        let problems = check(&pool).err().unwrap_or_default();
        let unreachable: BTreeSet<_> = problems.iter().map(|p| p.method.clone()).collect();
        let Ok(echo) = Echo::new(&set, |builder| builder) else {
            prop_assert!(!problems.is_empty(), "{:?}", shown(&rules));
            return Ok(());
        };
        for (place, rule) in rules.iter().enumerate() {
            let is_reached = requests_for(rule).iter().any(|path| {
                let target = target(&echo, &pool, rule.http_method, path);
                matches!(target, Target::Rule(reached, _) if reached == place)
            });
            let is_passed = !unreachable.contains(&format!("test.Items.M{place}"));
            prop_assert_eq!(is_passed, is_reached, "{} {:?} {:?}", place, shown(&rules), problems);
        }
    }
}

/// Requests that as few other rules as possible take: no literal equals what a wildcard stands for.
fn requests_for(rule: &Rule) -> Vec<Path> {
    let of = |more: usize, has_slash: bool| {
        let mut segments: Vec<String> = Vec::new();
        for part in &rule.parts {
            match part {
                Part::Literal(literal) => segments.push((*literal).to_owned()),
                Part::One => segments.push("zz".to_owned()),
                Part::Rest => segments.extend(std::iter::repeat_n("zz".to_owned(), more)),
            }
        }
        if let (Some(verb), Some(last)) = (rule.verb, segments.last_mut()) {
            let _ = write!(last, ":{verb}");
        }
        Path { has_slash: has_slash && !segments.is_empty(), segments }
    };
    (0..8).flat_map(|more| [of(more, false), of(more, true)]).collect()
}
