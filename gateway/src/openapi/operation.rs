//! The operations of the document: one for each binding of a method.

use std::collections::{BTreeMap, HashMap, HashSet};

use http::Method;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use super::{
    example,
    names::Names,
    parameter,
    path::SharedNames,
    response::{self, Facts},
    schema::{self, Schemas},
};
use crate::binding::{Binding, Body};

/// The operations so far, by path and HTTP method.
pub(super) struct Operations<'n> {
    names: &'n Names,
    shared: SharedNames,
    /// Method names that more than one service has.
    ambiguous: HashSet<String>,
    ids: HashSet<String>,
    paths: BTreeMap<String, Map<String, Value>>,
}

impl<'n> Operations<'n> {
    pub(super) fn new(routes: &[(MethodDescriptor, Vec<Binding>)], names: &'n Names) -> Self {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (method, _) in routes {
            *counts.entry(method.name()).or_default() += 1;
        }
        let ambiguous = counts.into_iter().filter(|(_, count)| *count > 1);
        let templates = routes.iter().flat_map(|(_, bindings)| bindings).map(|one| &one.template);
        Self {
            names,
            shared: SharedNames::of(templates),
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
        let (input, output) = (method.input(), method.output());
        let mut operation = self.texts(method);
        operation["operationId"] = json!(self.id(method, index, binding));
        operation["tags"] = json!([self.names.tag(method.parent_service())]);
        let payload = payload(&output, binding.response_body.as_deref());
        let has_etag = payload.as_ref().is_some_and(has_etag);
        let path = self.shared.path(&binding.template);
        let mut parameters = parameter::in_path(&input, &path, schemas);
        let facts = Facts {
            has_path_parameter: !parameters.is_empty(),
            has_body: binding.body != Body::None,
            is_conditional: input.get_field_by_name("etag").is_some(),
            is_write: binding.http_method != Method::GET,
            has_etag,
        };
        parameters.extend(parameter::in_query(&input, binding, schemas));
        let reads_etag = has_etag && !facts.is_write;
        parameters.extend(parameter::in_header(&input, reads_etag));
        if !parameters.is_empty() {
            operation["parameters"] = Value::Array(parameters);
        }
        if let Some(body) = request_body(&input, binding, schemas) {
            operation["requestBody"] = body;
        }
        let description = self.names.comment(&output.parent_file(), output.path());
        let success = response::success(
            description.unwrap_or("The call succeeded."),
            content(&output, binding, schemas),
            has_etag,
        );
        operation["responses"] = response::all(success, &facts);
        operation
    }

    /// Files a finished operation. An HTTP method that OpenAPI has no place for is left out.
    pub(super) fn insert(&mut self, binding: &Binding, operation: Value) {
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
            let path = self.shared.path(&binding.template).text();
            let key = binding.http_method.as_str().to_ascii_lowercase();
            self.paths.entry(path).or_default().entry(key).or_insert(operation);
        }
    }

    pub(super) fn into_paths(self) -> Value {
        json!(self.paths)
    }

    fn texts(&self, method: &MethodDescriptor) -> Value {
        match self.names.comment(&method.parent_file(), method.path()) {
            Some(comment) => {
                let summary = first_sentence(comment);
                json!({"summary": summary.trim_end_matches('.'), "description": comment})
            }
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

/// Up to the first full stop that ends a sentence: one before a space and a capital letter, or at the end.
fn first_sentence(text: &str) -> &str {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let ends = |at: &usize| {
        let mut rest = paragraph[at + 1..].chars();
        rest.next().is_some_and(char::is_whitespace) && rest.next().is_some_and(char::is_uppercase)
    };
    let end = paragraph.match_indices('.').map(|(at, _)| at).find(ends);
    end.map_or(paragraph, |at| &paragraph[..at])
}

/// The schema and example of the request body, and whether there has to be one.
fn request_body(
    input: &MessageDescriptor,
    binding: &Binding,
    schemas: &mut Schemas,
) -> Option<Value> {
    let paths = binding.template.variables().iter().map(|variable| &*variable.field_path);
    let bound: Vec<&str> = paths.collect();
    let (schema, example, required) = match &binding.body {
        Body::None => return None,
        Body::All => {
            let schema = if bound.is_empty() {
                schemas.message(input)
            } else {
                schemas.object(input, &bound)
            };
            let mut left = input.fields().filter(|field| !bound.contains(&field.name()));
            let required = left.any(|field| schema::is_required(&field));
            (schema, example::of_request(input, &bound), required)
        }
        Body::Field(name) => {
            let field = input.get_field_by_name(name)?;
            let prefix = format!("{name}.");
            let inner: Vec<&str> =
                bound.iter().filter_map(|path| path.strip_prefix(&prefix)).collect();
            let example =
                single_message(&field).and_then(|message| example::of_request(&message, &inner));
            (schemas.without(&field, &inner), example, schema::is_required(&field))
        }
    };
    let mut media = json!({"schema": schema});
    if let Some(example) = example {
        media["example"] = example;
    }
    Some(json!({"required": required, "content": {"application/json": media}}))
}

/// The content of the successful response.
fn content(output: &MessageDescriptor, binding: &Binding, schemas: &mut Schemas) -> Value {
    let field = binding.response_body.as_ref().and_then(|name| output.get_field_by_name(name));
    let schema = match &field {
        Some(field) => schemas.field(field),
        None => schemas.message(output),
    };
    let payload = payload(output, binding.response_body.as_deref());
    if payload.as_ref().is_some_and(|message| message.full_name() == "google.api.HttpBody") {
        return json!({"*/*": {"schema": schema}});
    }
    let mut media = json!({"schema": schema});
    if let Some(example) = payload.as_ref().and_then(example::of_response) {
        media["example"] = example;
    }
    json!({"application/json": media})
}

/// The message that is sent as the response.
fn payload(output: &MessageDescriptor, response_body: Option<&str>) -> Option<MessageDescriptor> {
    match response_body {
        None => Some(output.clone()),
        Some(name) => single_message(&output.get_field_by_name(name)?),
    }
}

fn single_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    if field.is_list() || field.is_map() { None } else { field.kind().as_message().cloned() }
}

/// Whether a message has a version: an `etag` of its own, or in a message that it holds.
fn has_etag(message: &MessageDescriptor) -> bool {
    let own = |message: &MessageDescriptor| {
        message.get_field_by_name("etag").is_some_and(|field| field.kind() == Kind::String)
    };
    own(message)
        || message.fields().filter_map(|field| single_message(&field)).any(|held| own(&held))
}
