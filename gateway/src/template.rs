//! Path templates of `google.api.http`: parsing and their parts. Matching a request is the router's
//! work.
//!
//! The grammar is the one of `google/api/http.proto`:
//!
//! ```text
//! Template  = "/" Segments [ Verb ] ;
//! Segments  = Segment { "/" Segment } ;
//! Segment   = "*" | "**" | LITERAL | Variable ;
//! Variable  = "{" FieldPath [ "=" Segments ] "}" ;
//! FieldPath = IDENT { "." IDENT } ;
//! Verb      = ":" LITERAL ;
//! ```
//!
//! with its prose rules: `**` is the last segment, variables do not nest, and a variable is named
//! once. The root `/` is accepted too, because a service may well answer there.

use std::fmt;
use std::str::FromStr;

/// A parsed path template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    segments: Vec<Segment>,
    variables: Vec<Variable>,
    verb: Option<String>,
}

/// One segment of a template, between two slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// Fixed text, with its percent-encoding in normal form ([`normalize`]).
    Literal(String),
    /// `*`: exactly one segment, not empty.
    Wildcard,
    /// `**`: all the segments that are left, also none.
    Rest,
}

/// A variable of a template: the segments it spans and the request field it fills.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    /// The path of the field in proto names, separated by dots.
    pub field_path: String,
    /// The first segment, counted from 0.
    pub start: usize,
    /// One past the last segment.
    pub end: usize,
}

/// Why a text is no path template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The byte of the text at which it stopped making sense.
    pub offset: usize,
    /// What is wrong, as a phrase.
    pub reason: &'static str,
}

impl Template {
    /// Parses the text of a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Parser { text, at: 0, segments: Vec::new(), variables: Vec::new() }.template()
    }

    /// The segments in order, those of variables included.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The variables in order.
    #[must_use]
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The verb after the last colon, without the colon.
    #[must_use]
    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// Whether a variable can hold more than one segment. Such a value keeps `%2F` as it is, so
    /// that an encoded slash stays distinct from a separator.
    #[must_use]
    pub fn is_multi_segment(&self, variable: &Variable) -> bool {
        let spanned = self.segments.get(variable.start..variable.end).unwrap_or_default();
        spanned.len() != 1 || spanned[0] == Segment::Rest
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        Self::parse(text)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            f.write_str("/")?;
        }
        for (index, segment) in self.segments.iter().enumerate() {
            f.write_str("/")?;
            if let Some(variable) = self.variables.iter().find(|v| v.start == index) {
                write!(f, "{{{}=", variable.field_path)?;
            }
            match segment {
                Segment::Literal(text) => f.write_str(text)?,
                Segment::Wildcard => f.write_str("*")?,
                Segment::Rest => f.write_str("**")?,
            }
            if self.variables.iter().any(|v| v.end == index + 1) {
                f.write_str("}")?;
            }
        }
        self.verb.iter().try_for_each(|verb| write!(f, ":{verb}"))
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.offset)
    }
}

impl std::error::Error for TemplateError {}

/// Brings the percent-encoding of a path segment into the normal form of RFC 3986, section 6.2.2:
/// upper-case hexadecimal digits, and unreserved characters not encoded at all. `None` when a `%`
/// is not followed by two hexadecimal digits.
#[must_use]
pub fn normalize(segment: &str) -> Option<String> {
    let mut parts = segment.split('%');
    let mut normal = String::with_capacity(segment.len());
    normal.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let octet = u8::from_str_radix(digits, 16).ok()?;
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            normal.push(char::from(octet));
        } else {
            normal.push('%');
            normal.push_str(&digits.to_ascii_uppercase());
        }
        normal.push_str(rest);
    }
    Some(normal)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser<'_> {
    fn template(mut self) -> Result<Template, TemplateError> {
        if !self.take(b'/') {
            return Err(self.error("a template starts with a slash"));
        }
        if self.at == self.text.len() {
            return Ok(Template { segments: Vec::new(), variables: Vec::new(), verb: None });
        }
        self.segments()?;
        let verb = if self.take(b':') { Some(self.literal("the verb is empty")?) } else { None };
        if self.at < self.text.len() {
            return Err(self.error("unexpected character"));
        }
        Ok(Template { segments: self.segments, variables: self.variables, verb })
    }

    fn segments(&mut self) -> Result<(), TemplateError> {
        loop {
            if self.segments.last() == Some(&Segment::Rest) {
                return Err(self.error("`**` must be the last segment"));
            }
            if self.peek() == Some(b'{') {
                self.variable()?;
            } else {
                self.segment()?;
            }
            if !self.take(b'/') {
                return Ok(());
            }
        }
    }

    fn segment(&mut self) -> Result<(), TemplateError> {
        let segment = if self.text[self.at..].starts_with("**") {
            self.at += 2;
            Segment::Rest
        } else if self.take(b'*') {
            Segment::Wildcard
        } else {
            Segment::Literal(self.literal("a segment is empty")?)
        };
        self.segments.push(segment);
        Ok(())
    }

    fn variable(&mut self) -> Result<(), TemplateError> {
        self.at += 1;
        let field_path = self.field_path()?;
        if self.variables.iter().any(|v| v.field_path == field_path) {
            return Err(self.error("a variable is named twice"));
        }
        let start = self.segments.len();
        if self.take(b'=') {
            self.pattern()?;
        } else {
            self.segments.push(Segment::Wildcard);
        }
        if !self.take(b'}') {
            return Err(self.error("a variable is not closed"));
        }
        self.variables.push(Variable { field_path, start, end: self.segments.len() });
        Ok(())
    }

    /// The segments inside a variable: as outside, but without variables, so that nothing recurses.
    fn pattern(&mut self) -> Result<(), TemplateError> {
        loop {
            if self.segments.last() == Some(&Segment::Rest) {
                return Err(self.error("`**` must be the last segment"));
            }
            self.segment()?;
            if !self.take(b'/') {
                return Ok(());
            }
        }
    }

    fn field_path(&mut self) -> Result<String, TemplateError> {
        let start = self.at;
        loop {
            if !self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
                return Err(self.error("a field name starts with a letter or an underscore"));
            }
            self.take_while(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !self.take(b'.') {
                return Ok(self.text[start..self.at].to_owned());
            }
        }
    }

    /// The characters of a path segment (`pchar` of RFC 3986) but for those that mean something
    /// here.
    fn literal(&mut self, when_empty: &'static str) -> Result<String, TemplateError> {
        let start = self.at;
        self.take_while(|b| b.is_ascii_alphanumeric() || b"-._~%!$&'()+,;=@".contains(&b));
        let text = normalize(&self.text[start..self.at]).ok_or(TemplateError {
            offset: start,
            reason: "`%` is not followed by two hexadecimal digits",
        })?;
        match text.as_str() {
            "" => Err(self.error(when_empty)),
            // A dot may be encoded, which changes nothing.
            "." | ".." => Err(self.error("a dot segment is never sent by a client")),
            _ => Ok(text),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|&b| !accept(b)).unwrap_or(rest.len());
    }

    fn error(&self, reason: &'static str) -> TemplateError {
        TemplateError { offset: self.at, reason }
    }
}
