//! The operations of the document: one for each binding of a method.

use std::collections::{BTreeMap, HashMap, HashSet};

use http::Method;
use prost_reflect::{MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use super::{
    content,
    names::Names,
    parameter,
    path::Shared,
    response::{self, Facts},
    schema::{self, Schemas},
    text,
};
use crate::binding::Binding;

/// The operations so far, by path and HTTP method.
pub(super) struct Operations<'n> {
    names: &'n Names,
    /// The fields that say where a stream goes on.
    resume_fields: &'n [String],
    shared: Shared,
    /// Method names that more than one service has.
    ambiguous: HashSet<String>,
    ids: HashSet<String>,
    paths: BTreeMap<String, Map<String, Value>>,
}

impl<'n> Operations<'n> {
    pub(super) fn new(
        routes: &[(MethodDescriptor, Vec<Binding>)],
        names: &'n Names,
        resume_fields: &'n [String],
    ) -> Self {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (method, _) in routes {
            *counts.entry(method.name()).or_default() += 1;
        }
        let ambiguous = counts.into_iter().filter(|(_, count)| *count > 1);
        let templates = routes.iter().flat_map(|(method, bindings)| {
            bindings.iter().map(|binding| (&binding.template, method.input()))
        });
        Self {
            names,
            resume_fields,
            shared: Shared::of(templates),
            ambiguous: ambiguous.map(|(name, _)| name.to_owned()).collect(),
            ids: HashSet::new(),
            paths: BTreeMap::new(),
        }
    }

    /// The operation of the binding that is at `index` among those of the method.
    pub(super) fn operation(
        &mut self,
        method: &MethodDescriptor,
        index: usize,
        binding: &Binding,
        schemas: &mut Schemas,
    ) -> Value {
        let mut operation = self.texts(method);
        operation["operationId"] = json!(self.id(method, index, binding));
        operation["tags"] = json!([self.names.tag(method.parent_service())]);
        let path = self.shared.path(&binding.template, &method.input());
        let mut parameters = parameter::in_path(&path, schemas);
        if method.is_client_streaming() && method.is_server_streaming() {
            operation["responses"] = response::of_bidirectional();
        } else {
            let facts = facts(method, binding, !parameters.is_empty());
            parameters.extend(parameter::in_query(method, binding, schemas));
            parameters.extend(parameter::in_header(method, &facts, self.resume_fields));
            if let Some(body) = content::request(method, binding, schemas) {
                operation["requestBody"] = body;
            }
            let output = method.output();
            let description = self.names.comment(&output.parent_file(), output.path());
            let description = description.as_deref().unwrap_or("The call succeeded.");
            let content = content::response(method, binding, schemas, self.resume_fields);
            operation["responses"] = response::all(description, &content, &facts);
        }
        if !parameters.is_empty() {
            operation["parameters"] = Value::Array(parameters);
        }
        operation
    }

    /// Files a finished operation. An HTTP method that OpenAPI has no place for is left out.
    pub(super) fn insert(
        &mut self,
        method: &MethodDescriptor,
        binding: &Binding,
        operation: Value,
    ) {
        const KNOWN: [Method; 8] = [
            Method::GET,
            Method::PUT,
            Method::POST,
            Method::DELETE,
            Method::OPTIONS,
            Method::HEAD,
            Method::PATCH,
            Method::TRACE,
        ];
        if KNOWN.contains(&binding.http_method) {
            let path = self.shared.path(&binding.template, &method.input()).text();
            let key = binding.http_method.as_str().to_ascii_lowercase();
            self.paths.entry(path).or_default().entry(key).or_insert(operation);
        }
    }

    pub(super) fn into_paths(self) -> Value {
        json!(self.paths)
    }

    fn texts(&self, method: &MethodDescriptor) -> Value {
        match self.names.source(&method.parent_file(), method.path()) {
            Some(comment) => json!({
                "summary": text::summary(comment),
                "description": text::description(comment),
            }),
            None => json!({"summary": method.name()}),
        }
    }

    /// A unique id: the name of the method, with that of its service where methods share it, and with that of the
    /// HTTP method for the bindings after the first.
    fn id(&mut self, method: &MethodDescriptor, index: usize, binding: &Binding) -> String {
        let mut id = method.name().to_owned();
        if self.ambiguous.contains(method.name()) {
            id = format!("{}_{id}", self.names.tag(method.parent_service()));
        }
        if index > 0 {
            id = format!("{id}_{}", binding.http_method.as_str().to_ascii_lowercase());
        }
        if !self.ids.insert(id.clone()) {
            id = format!("{id}_{}", index + 1);
            self.ids.insert(id.clone());
        }
        id
    }
}

fn facts(method: &MethodDescriptor, binding: &Binding, has_path_parameter: bool) -> Facts {
    let payload = schema::payload(&method.output(), binding.response_body.as_deref());
    let (is_file, is_stream) = (content::is_file(method, binding), method.is_server_streaming());
    let is_write = binding.http_method != Method::GET;
    Facts {
        has_path_parameter,
        is_conditional: schema::has_text(&method.input(), "etag"),
        is_write,
        // The version of a file can only be a header of the service.
        has_etag: is_file || (!is_stream && payload.as_ref().is_some_and(has_etag)),
        is_file,
        has_ranges: is_file && !is_stream && !is_write,
    }
}

/// Whether a message has a version: an `etag` of its own, or in a message that it holds.
fn has_etag(message: &MessageDescriptor) -> bool {
    let held = message.fields().filter_map(|field| schema::single_message(&field));
    let mut messages = std::iter::once(message.clone()).chain(held);
    messages.any(|message| schema::has_text(&message, "etag"))
}
