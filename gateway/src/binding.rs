//! The HTTP bindings of a gRPC method, read from its `google.api.http` option; whether they can be
//! served is judged elsewhere.

use std::fmt;

use http::Method;
use prost_reflect::{DynamicMessage, MethodDescriptor};

use crate::template::{Template, TemplateError};

const HTTP_EXTENSION: &str = "google.api.http";

/// One way to reach a method over HTTP: a rule, or one of its `additional_bindings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The HTTP method, also a custom one.
    pub http_method: Method,
    /// The path.
    pub template: Template,
    /// What the HTTP body is.
    pub body: Body,
    /// The response field, in proto names, that is sent instead of the whole response.
    pub response_body: Option<String>,
}

/// What the HTTP body of a request is in the gRPC request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none: everything comes from path and query.
    None,
    /// `*`: the whole request message, so that there are no query parameters.
    All,
    /// One field of the request, by its proto name.
    Field(String),
}

/// Why the HTTP rule of a method cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingError {
    /// The rule names no HTTP method and path.
    NoPattern,
    /// A `custom` kind that is no HTTP method. `*` is one of these: a path that takes every method
    /// could never answer 405.
    Method(String),
    /// The path is no template.
    Template(String, TemplateError),
    /// An additional binding that has additional bindings itself.
    Nested,
}

/// Reads the bindings of a method: the rule itself first, then its `additional_bindings`. Empty
/// when the method has no HTTP rule, or its descriptor pool has never heard of `google.api.http`.
pub fn bindings(method: &MethodDescriptor) -> Result<Vec<Binding>, BindingError> {
    let Some(extension) = method.parent_pool().get_extension_by_name(HTTP_EXTENSION) else {
        return Ok(Vec::new());
    };
    let options = method.options();
    if !options.has_extension(&extension) {
        return Ok(Vec::new());
    }
    let value = options.get_extension(&extension);
    let Some(rule) = value.as_message() else { return Ok(Vec::new()) };
    let mut bindings = vec![binding(rule)?];
    for additional in additional_bindings(rule) {
        if additional_bindings(&additional).next().is_some() {
            return Err(BindingError::Nested);
        }
        bindings.push(binding(&additional)?);
    }
    Ok(bindings)
}

fn additional_bindings(rule: &DynamicMessage) -> impl Iterator<Item = DynamicMessage> {
    let list = rule.get_field_by_name("additional_bindings");
    let rules = list.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    rules.iter().filter_map(|value| value.as_message().cloned()).collect::<Vec<_>>().into_iter()
}

fn binding(rule: &DynamicMessage) -> Result<Binding, BindingError> {
    let (http_method, path) = pattern(rule)?;
    let template = match Template::parse(&path) {
        Ok(template) => template,
        Err(error) => return Err(BindingError::Template(path, error)),
    };
    let body = match text(rule, "body") {
        None => Body::None,
        Some(body) if body == "*" => Body::All,
        Some(field) => Body::Field(field),
    };
    Ok(Binding { http_method, template, body, response_body: text(rule, "response_body") })
}

fn pattern(rule: &DynamicMessage) -> Result<(Method, String), BindingError> {
    let standard = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    for (field, method) in standard {
        if let Some(path) = text(rule, field) {
            return Ok((method, path));
        }
    }
    let custom = rule.get_field_by_name("custom");
    let custom = custom.as_ref().and_then(|v| v.as_message()).ok_or(BindingError::NoPattern)?;
    let kind = text(custom, "kind").unwrap_or_default();
    let method = Method::from_bytes(kind.as_bytes()).ok().filter(|_| kind != "*");
    let path = text(custom, "path").ok_or(BindingError::NoPattern)?;
    Ok((method.ok_or(BindingError::Method(kind))?, path))
}

/// A string field, unless it is empty.
fn text(message: &DynamicMessage, field: &str) -> Option<String> {
    let value = message.get_field_by_name(field)?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

impl fmt::Display for BindingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPattern => f.write_str("the HTTP rule names no method and path"),
            Self::Method(kind) => write!(f, "`{kind}` is not an HTTP method"),
            Self::Template(path, error) => write!(f, "the path `{path}` is no template: {error}"),
            Self::Nested => f.write_str("additional bindings do not nest"),
        }
    }
}

impl std::error::Error for BindingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Template(_, error) => Some(error),
            _ => None,
        }
    }
}
