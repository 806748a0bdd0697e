//! A trie from HTTP methods and paths to routes. What a route means is not known here.
//!
//! Literals beat variables, from left to right, and `**` comes last. A verb beats the reading of
//! its colon as part of a value; when no route has the verb, the colon is part of the value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Method;

use crate::path::Segments;
use crate::template::{Segment, Template, normalize};

/// Routes by method and path; `T` is what they lead to.
#[derive(Debug)]
pub(crate) struct Router<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    literals: BTreeMap<String, Node<T>>,
    wildcard: Option<Box<Node<T>>>,
    /// The routes whose template ends here.
    ends: Vec<End<T>>,
    /// The routes whose template ends in `**` here.
    rests: Vec<End<T>>,
}

#[derive(Debug)]
struct End<T> {
    http_method: Method,
    verb: Option<String>,
    /// Whether the `**` at the end fills a variable, which an empty segment could not.
    binds_rest: bool,
    target: T,
}

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Match<'r, T> {
    /// A route, and whether its verb was cut off the last segment.
    Found {
        target: T,
        has_verb: bool,
    },
    /// The path exists, for these methods only.
    MethodNotAllowed(Vec<&'r Method>),
    NotFound,
}

/// A route that matches the same requests as one before; it holds what that one leads to.
#[derive(Debug)]
pub(crate) struct Conflict<T>(pub(crate) T);

impl<T: Copy> Router<T> {
    pub(crate) fn new() -> Self {
        Self { root: Node::new() }
    }

    pub(crate) fn insert(
        &mut self,
        http_method: Method,
        template: &Template,
        target: T,
    ) -> Result<(), Conflict<T>> {
        let mut node = &mut self.root;
        let mut is_rest = false;
        for segment in template.segments() {
            node = match segment {
                Segment::Literal(text) => {
                    node.literals.entry(text.clone()).or_insert_with(Node::new)
                }
                Segment::Wildcard => {
                    node.wildcard.get_or_insert_with(|| Box::new(Node::new())).as_mut()
                }
                Segment::Rest => {
                    is_rest = true;
                    break;
                }
            };
        }
        let ends = if is_rest { &mut node.rests } else { &mut node.ends };
        let verb = template.verb().map(str::to_owned);
        if let Some(other) = ends.iter().find(|e| e.http_method == http_method && e.verb == verb) {
            return Err(Conflict(other.target));
        }
        let segment_count = template.segments().len();
        let binds_rest = is_rest && template.variables().iter().any(|v| v.end == segment_count);
        ends.push(End { http_method, verb, binds_rest, target });
        Ok(())
    }

    pub(crate) fn find(&self, http_method: &Method, path: &Segments<'_>) -> Match<'_, T> {
        let whole = Request::new(path, None);
        // A verb ends the path: before a slash it is part of a value.
        let last = path.raw.last().filter(|_| !path.trailing_slash);
        let cut = last.and_then(|last| last.rsplit_once(':'));
        let cut = cut.filter(|(value, verb)| !value.is_empty() && !verb.is_empty());
        let cut = cut.map(|cut| Request::new(path, Some(cut)));
        // A verb that the path has for other methods is no part of a value.
        for request in cut.iter().chain([&whole]) {
            let mut is_method = |end: &End<T>| end.http_method == *http_method;
            if let Some(end) = self.root.find(request, 0, &mut is_method) {
                let has_verb = request.cut.is_some();
                return Match::Found { target: end.target, has_verb };
            }
            let mut allowed: Vec<&Method> = Vec::new();
            // No end is accepted, so that every one is seen.
            self.root.find(request, 0, &mut |end| {
                if !allowed.contains(&&end.http_method) {
                    allowed.push(&end.http_method);
                }
                false
            });
            if !allowed.is_empty() {
                return Match::MethodNotAllowed(allowed);
            }
        }
        Match::NotFound
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Self { literals: BTreeMap::new(), wildcard: None, ends: Vec::new(), rests: Vec::new() }
    }

    /// The first end in order of precedence that is accepted. A node is visited once at most,
    /// because one path of segments leads to it, so that the size of the trie bounds the work.
    fn find<'r>(
        &'r self,
        request: &Request<'_>,
        at: usize,
        accept: &mut dyn FnMut(&'r End<T>) -> bool,
    ) -> Option<&'r End<T>> {
        let trailing_slash = request.path.trailing_slash;
        let is_verb = |end: &End<T>| end.verb.as_deref() == request.verb();
        let deeper = match request.segment(at) {
            None if trailing_slash => None,
            None => self.ends.iter().find(|end| is_verb(end) && accept(end)),
            Some(segment) => {
                let literal = self.literals.get(segment.as_ref());
                let literal = literal.and_then(|node| node.find(request, at + 1, accept));
                literal.or_else(|| self.wildcard.as_ref()?.find(request, at + 1, accept))
            }
        };
        deeper.or_else(|| {
            self.rests.iter().find(|end| {
                let takes_slash = !trailing_slash || !end.binds_rest;
                is_verb(end) && takes_slash && accept(end)
            })
        })
    }
}

/// A path as the trie reads it.
struct Request<'p> {
    path: &'p Segments<'p>,
    /// The last segment without its verb, and the verb in normal form.
    cut: Option<(&'p str, Cow<'p, str>)>,
}

impl<'p> Request<'p> {
    fn new(path: &'p Segments<'p>, cut: Option<(&'p str, &'p str)>) -> Self {
        Self { path, cut: cut.map(|(value, verb)| (value, normal(verb))) }
    }

    fn verb(&self) -> Option<&str> {
        self.cut.as_ref().map(|(_, verb)| &**verb)
    }

    /// A segment in normal form.
    fn segment(&self, at: usize) -> Option<Cow<'p, str>> {
        let segment = *self.path.raw.get(at)?;
        let is_last = at + 1 == self.path.raw.len();
        Some(normal(self.cut.as_ref().filter(|_| is_last).map_or(segment, |(value, _)| value)))
    }
}

fn normal(segment: &str) -> Cow<'_, str> {
    match segment.contains('%').then(|| normalize(segment)).flatten() {
        Some(normal) => Cow::Owned(normal),
        None => Cow::Borrowed(segment),
    }
}
