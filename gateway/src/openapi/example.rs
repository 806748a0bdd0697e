//! Examples that keep the rules, as the contract gives them or derived from names and types; a message that defies this
//! has none.

use std::collections::HashSet;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::schema::{self, Behavior};
use crate::rules::{
    form::Form,
    options::{Constraint, FieldRules},
    probe,
};

const UUID: &str = "0190a6e0-1234-7abc-8def-0123456789ab";

/// What a first request does not have: an id would make the next one its retry, a version could not be the current one,
/// and there is no page before.
const LATER_IN_REQUESTS: [&str; 3] = ["request_id", "etag", "page_token"];

/// What a resource in use does not have (AIP-148).
const LATER_IN_RESPONSES: [&str; 2] = ["delete_time", "purge_time"];

/// The body of a request without the fields at these paths, which are set in another way.
pub(super) fn of_request(message: &MessageDescriptor, without: &[&str]) -> Option<Value> {
    Example { is_request: true, parents: Vec::new() }.message(message, without)
}

/// The body of a response.
pub(super) fn of_response(message: &MessageDescriptor) -> Option<Value> {
    Example { is_request: false, parents: Vec::new() }.message(message, &[])
}

/// A single value of a field that is no message.
pub(super) fn of_scalar(field: &FieldDescriptor) -> Option<Value> {
    scalar(field.name(), &field.kind(), &schema::rules(field))
}

struct Example {
    is_request: bool,
    /// The messages that are being written, so that a recursive one ends.
    parents: Vec<MessageDescriptor>,
}

impl Example {
    /// None where a field that has to be there has no example.
    fn message(&mut self, message: &MessageDescriptor, without: &[&str]) -> Option<Value> {
        if schema::well_known(message).is_some() {
            return self.well_known(message);
        }
        if self.parents.contains(message) {
            return None;
        }
        self.parents.push(message.clone());
        let properties = self.properties(message, without);
        self.parents.pop();
        Some(Value::Object(properties?))
    }

    fn properties(
        &mut self,
        message: &MessageDescriptor,
        without: &[&str],
    ) -> Option<Map<String, Value>> {
        let mut properties = Map::new();
        let mut oneofs = HashSet::new();
        for field in message.fields() {
            let behavior = Behavior::of(&field);
            let (wrong_way, later) = if self.is_request {
                (behavior.output_only, &LATER_IN_REQUESTS[..])
            } else {
                (behavior.input_only, &LATER_IN_RESPONSES[..])
            };
            let is_later = later.contains(&field.name()) && !schema::is_required(&field);
            let oneof = field.containing_oneof().map(|oneof| oneof.name().to_owned());
            let taken = oneof.as_ref().is_some_and(|oneof| oneofs.contains(oneof));
            if wrong_way || is_later || taken || without.contains(&field.name()) {
                continue;
            }
            match self.field(&field) {
                Some(value) => {
                    properties.insert(field.json_name().to_owned(), value);
                    oneofs.extend(oneof);
                }
                None if schema::is_required(&field) => return None,
                None => {}
            }
        }
        Some(properties)
    }

    fn field(&mut self, field: &FieldDescriptor) -> Option<Value> {
        if field.is_map() {
            return None;
        }
        let rules = schema::rules(field);
        let constraint = rules.by_type.as_ref().map(|by_type| &by_type.rules);
        match (constraint, field.is_list()) {
            (Some(Constraint::List { size, items, .. }), true) => {
                let item = self.value(field, items)?;
                let fits = size.min.unwrap_or(0) <= 1 && size.max.unwrap_or(1) >= 1;
                fits.then(|| json!([item]))
            }
            (_, true) => Some(json!([self.value(field, &FieldRules::default())?])),
            (_, false) => self.value(field, &rules),
        }
    }

    fn value(&mut self, field: &FieldDescriptor, rules: &FieldRules) -> Option<Value> {
        match field.kind() {
            // The rules of times and wrappers could refuse any example.
            Kind::Message(_) if rules.by_type.is_some() => None,
            Kind::Message(message) => self.message(&message, &[]),
            kind => scalar(field.name(), &kind, rules),
        }
    }

    /// The example of a type with a JSON form of its own; none where no good one is at hand.
    fn well_known(&self, message: &MessageDescriptor) -> Option<Value> {
        match message.full_name() {
            // What a client says of time is when something shall begin or end.
            "google.protobuf.Timestamp" if self.is_request => Some(json!("2099-01-02T03:04:05Z")),
            "google.protobuf.Timestamp" => Some(json!("2026-01-02T03:04:05Z")),
            "google.protobuf.Duration" => Some(json!("1.5s")),
            _ => None,
        }
    }
}

fn scalar(name: &str, kind: &Kind, rules: &FieldRules) -> Option<Value> {
    match kind {
        Kind::String => text(name, rules),
        Kind::Enum(values) => member(values, rules),
        Kind::Bool => rules.by_type.is_none().then_some(Value::Bool(true)),
        Kind::Float | Kind::Double => {
            let mut candidates = [0.5, 1.5, 10.0, 100.0, 0.0, -0.5].into_iter();
            candidates.find(|number| probe::passes_float(rules, kind, *number)).map(Value::from)
        }
        Kind::Bytes => rules.by_type.is_none().then(|| json!("AQID")),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            number(kind, rules).map(|number| json!(number.to_string()))
        }
        _ => number(kind, rules).map(|number| json!(number)),
    }
}

fn number(kind: &Kind, rules: &FieldRules) -> Option<i64> {
    let candidates = [1, 10, 100, 1000, 0, -1];
    candidates.into_iter().find(|number| probe::passes_integer(rules, kind, *number))
}

fn member(values: &EnumDescriptor, rules: &FieldRules) -> Option<Value> {
    let kind = Kind::Enum(values.clone());
    let mut declared = values.enum_descriptor_proto().value.iter();
    let fits = |number: i32| number != 0 && probe::passes_integer(rules, &kind, number.into());
    declared.find(|value| fits(value.number())).map(|value| json!(value.name()))
}

/// The first that keeps the rules of what the name and the rules suggest.
fn text(name: &str, rules: &FieldRules) -> Option<Value> {
    let mut candidates = Vec::new();
    let mut least = 1;
    if let Some(Constraint::Text(text)) = rules.by_type.as_ref().map(|by_type| &by_type.rules) {
        candidates.extend(text.examples.iter().cloned());
        candidates.extend(text.constant.clone());
        candidates.extend(text.allowed.iter().find(|allowed| !allowed.is_empty()).cloned());
        candidates.extend(text.form.map(|form| of_form(form).to_owned()));
        least = text.len.or(text.chars.min).unwrap_or(1);
    }
    candidates.push(of_name(name));
    candidates.extend([name, "example", "en", "a", "A", "1"].map(str::to_owned));
    candidates
        .extend(usize::try_from(least).ok().filter(|least| *least < 100).map(|n| "a".repeat(n)));
    candidates.into_iter().find(|text| probe::passes_text(rules, text)).map(Value::from)
}

fn of_form(form: Form) -> &'static str {
    match form {
        Form::Email => "ann@example.com",
        Form::Hostname => "example.com",
        Form::Ip => "192.0.2.1",
        Form::Uri => "https://example.com/ann",
        Form::Uuid => UUID,
    }
}

fn of_name(name: &str) -> String {
    let known = match name {
        "email" => "ann@example.com",
        "password" | "new_password" => "correct horse battery staple",
        "etag" => "v1",
        "username" => "ann",
        "display_name" => "Ann",
        "locale" | "language" | "language_code" => "en",
        "token_type" => "Bearer",
        "id" => UUID,
        _ if name.ends_with("_id") => UUID,
        _ if name.ends_with("_url") || name.ends_with("_uri") => "https://example.com/ann",
        _ if name.ends_with("_token") => "b3BhcXVl",
        _ => {
            let words = name.replace('_', " ");
            let (first, rest) = words.split_at(1);
            return first.to_uppercase() + rest;
        }
    };
    known.to_owned()
}
