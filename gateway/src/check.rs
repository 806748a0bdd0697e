//! Judges the HTTP rules of a descriptor pool at build time, so that a rule that cannot be served fails the build
//! and not a request.

use std::{
    collections::HashMap,
    fmt::{self, Display, Formatter},
};

use http::Method;
use prost_reflect::{DescriptorPool, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use crate::{
    binding::{self, Binding, Body},
    source::Source,
    template::{Segment, Template},
};

/// One thing that is wrong with the HTTP rules of a method.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The proto file, as it is imported.
    pub file: String,
    /// The line of the method, counted from 1.
    pub line: u32,
    /// The full name of the method.
    pub method: String,
    /// What is wrong.
    pub reason: String,
}

/// A check of a pool, and what it leaves out.
pub struct Check<'c> {
    pool: &'c DescriptorPool,
    includes: Box<dyn Fn(&FileDescriptor) -> bool + 'c>,
    grpc_only: Box<dyn Fn(&MethodDescriptor) -> bool + 'c>,
}

/// Checks every method of the pool but those of the packages of Google and gRPC; each needs an HTTP rule.
///
/// # Errors
/// All problems, in order of file and line.
pub fn check(pool: &DescriptorPool) -> Result<(), Vec<Problem>> {
    Check::new(pool).run()
}

impl<'c> Check<'c> {
    /// A check of every file but those of the packages `google` and `grpc`.
    #[must_use]
    pub fn new(pool: &'c DescriptorPool) -> Self {
        let includes = |file: &FileDescriptor| {
            let package = file.package_name().split('.').next();
            !matches!(package, Some("google" | "grpc"))
        };
        Self { pool, includes: Box::new(includes), grpc_only: Box::new(|_| false) }
    }

    /// Checks the methods of these files instead.
    #[must_use]
    pub fn files(mut self, includes: impl Fn(&FileDescriptor) -> bool + 'c) -> Self {
        self.includes = Box::new(includes);
        self
    }

    /// Declares the methods that have no HTTP rule on purpose. One that has a rule all the same is a problem.
    #[must_use]
    pub fn grpc_only(mut self, grpc_only: impl Fn(&MethodDescriptor) -> bool + 'c) -> Self {
        self.grpc_only = Box::new(grpc_only);
        self
    }

    /// Runs the check.
    ///
    /// # Errors
    /// All problems, in order of file and line.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut routes = Vec::new();
        for file in self.pool.files().filter(|file| (self.includes)(file)) {
            let source = Source::of(&file);
            for method in file.services().flat_map(|service| service.methods().collect::<Vec<_>>())
            {
                let place = Place::of(&method, &source);
                let reasons = match binding::bindings(&method) {
                    Err(error) => vec![error.to_string()],
                    Ok(bindings) => {
                        let reasons = self.judge(&method, &bindings);
                        routes.extend(bindings.into_iter().map(|rule| Route::new(&place, rule)));
                        reasons
                    }
                };
                problems.extend(reasons.into_iter().map(|reason| place.problem(reason)));
            }
        }
        problems.extend(collisions(&routes));
        problems.sort();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What is wrong with the rules of one method, on their own.
    fn judge(&self, method: &MethodDescriptor, bindings: &[Binding]) -> Vec<String> {
        match ((self.grpc_only)(method), bindings.is_empty()) {
            (true, true) => Vec::new(),
            (true, false) => vec!["is declared gRPC-only and has an HTTP rule".into()],
            (false, true) => vec!["has no HTTP rule and is not declared gRPC-only".into()],
            (false, false) => {
                bindings.iter().flat_map(|rule| judge_binding(method, rule)).collect()
            }
        }
    }
}

fn judge_binding(method: &MethodDescriptor, binding: &Binding) -> Vec<String> {
    let (input, output) = (method.input(), method.output());
    let mut reasons: Vec<String> = binding
        .template
        .variables()
        .iter()
        .filter_map(|variable| judge_variable(&input, &variable.field_path).err())
        .collect();
    let without_body = [Method::GET, Method::HEAD, Method::DELETE];
    if binding.body != Body::None && without_body.contains(&binding.http_method) {
        reasons.push(format!("{} has no body", binding.http_method));
    }
    if binding.body == Body::None && method.is_client_streaming() {
        reasons.push("takes a stream, and its rule has no body to send it in".into());
    }
    if let Body::Field(name) = &binding.body
        && input.get_field_by_name(name).is_none()
    {
        reasons.push(format!("the body `{name}` is no field of {}", input.full_name()));
    }
    if let Some(name) = &binding.response_body
        && output.get_field_by_name(name).is_none()
    {
        reasons.push(format!("the response body `{name}` is no field of {}", output.full_name()));
    }
    reasons
}

/// A variable must lead to a single value, through messages that are single too.
fn judge_variable(input: &MessageDescriptor, path: &str) -> Result<(), String> {
    let mut message = input.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(field) = message.get_field_by_name(name) else {
            return Err(format!(
                "`{{{path}}}` names no field: {} has no `{name}`",
                message.full_name()
            ));
        };
        if field.is_list() || field.is_map() {
            return Err(format!("`{{{path}}}` goes to the repeated field `{name}`"));
        }
        match (field.kind(), names.peek().is_some()) {
            (Kind::Message(inner), true) => message = inner,
            (Kind::Message(_), false) => {
                return Err(format!("`{{{path}}}` names a message, not a value"));
            }
            (_, true) => {
                return Err(format!("`{{{path}}}` goes through `{name}`, which is no message"));
            }
            (_, false) => {}
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Place {
    file: String,
    line: u32,
    method: String,
}

impl Place {
    fn of(method: &MethodDescriptor, source: &Source) -> Self {
        Self {
            file: method.parent_file().name().to_owned(),
            line: source.line(method.path()),
            method: method.full_name().to_owned(),
        }
    }

    fn problem(&self, reason: String) -> Problem {
        let Self { file, line, method } = self.clone();
        Problem { file, line, method, reason }
    }
}

struct Route {
    place: Place,
    http_method: Method,
    template: Template,
}

impl Route {
    fn new(place: &Place, Binding { http_method, template, .. }: Binding) -> Self {
        Self { place: place.clone(), http_method, template }
    }

    /// A key that two routes share exactly when they match the same requests.
    fn shape(&self) -> (&Method, &[Segment], Option<&str>) {
        (&self.http_method, self.template.segments(), self.template.verb())
    }
}

/// The routes that another route leaves nothing to.
fn collisions(routes: &[Route]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first: HashMap<_, &Route> = HashMap::new();
    for route in routes {
        let Route { place, http_method, template } = route;
        let earlier = *first.entry(route.shape()).or_insert(route);
        if !std::ptr::eq(earlier, route) {
            let other = &earlier.place.method;
            let reason = format!("{http_method} {template} matches the same requests as {other}");
            problems.push(place.problem(reason));
        } else if !is_reachable(route, routes) {
            let reason = format!("{http_method} {template} is unreachable behind other routes");
            problems.push(place.problem(reason));
        }
    }
    problems
}

/// Whether some request goes to the route. Segments that no literal of any route equals are the least that others
/// match, so if any request reaches the route, one made of such segments does; only the length of a `**` is open.
fn is_reachable(route: &Route, routes: &[Route]) -> bool {
    let segments = route.template.segments();
    let rest = segments.last() == Some(&Segment::Rest);
    if rest && route.template.variables().iter().all(|variable| variable.end < segments.len()) {
        // Only it takes the path that ends in a slash there.
        return true;
    }
    let fixed = &segments[..segments.len() - usize::from(rest)];
    let longest = routes.iter().map(|route| route.template.segments().len()).max().unwrap_or(0);
    let rivals: Vec<&Route> = routes
        .iter()
        .filter(|rival| {
            rival.http_method == route.http_method
                && rival.template.verb() == route.template.verb()
                && ranks(rival.template.segments()) < ranks(segments)
        })
        .collect();
    let lengths = if rest { 0..=longest + 1 } else { 0..=0 };
    lengths.into_iter().any(|extra| {
        let request: Vec<&Segment> =
            fixed.iter().chain(std::iter::repeat_n(&Segment::Wildcard, extra)).collect();
        !rivals.iter().any(|rival| covers(rival.template.segments(), &request))
    })
}

/// The precedence of a route: literals before wildcards before `**`, segment by segment.
fn ranks(segments: &[Segment]) -> Vec<u8> {
    let rank = |segment: &Segment| match segment {
        Segment::Literal(_) => 0,
        Segment::Wildcard => 1,
        Segment::Rest => 2,
    };
    segments.iter().map(rank).collect()
}

/// Whether the segments match a request, in which a wildcard stands for a segment that equals no literal.
fn covers(segments: &[Segment], request: &[&Segment]) -> bool {
    let rest = segments.last() == Some(&Segment::Rest);
    let fixed = &segments[..segments.len() - usize::from(rest)];
    let fits = |(segment, sent): (&Segment, &&Segment)| match segment {
        Segment::Literal(_) => segment == *sent,
        Segment::Wildcard | Segment::Rest => true,
    };
    (if rest { request.len() >= fixed.len() } else { request.len() == fixed.len() })
        && fixed.iter().zip(request).all(fits)
}

impl Display for Problem {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        let Self { file, line, method, reason } = self;
        write!(formatter, "{file}:{line}: {method}: {reason}")
    }
}

impl std::error::Error for Problem {}
