//! The bodies of requests and answers: JSON, a stream of it, or bytes of any kind.

use http::Method;
use prost_reflect::{FieldDescriptor, MethodDescriptor};
use serde_json::{Value, json};

use super::{
    example,
    schema::{self, Form, Schemas},
};
use crate::binding::{Binding, Body};

/// The message that stands for bytes of any media type.
const HTTP_BODY: &str = "google.api.HttpBody";

/// The body of the request, if it has one, and whether there has to be one.
pub(super) fn request(
    method: &MethodDescriptor,
    binding: &Binding,
    schemas: &mut Schemas,
) -> Option<Value> {
    let input = method.input();
    let paths = binding.template.variables().iter().map(|variable| &*variable.field_path);
    let bound: Vec<&str> = paths.collect();
    let (schema, example, required) = match &binding.body {
        Body::None => return None,
        Body::All if input.full_name() == HTTP_BODY => return Some(bytes_in(true)),
        Body::All => {
            let schema = if bound.is_empty() {
                schemas.message(&input)
            } else {
                schemas.object(&input, &bound, Form::Whole)
            };
            let mut left = input.fields().filter(|field| !bound.contains(&field.name()));
            let required = left.any(|field| schema::is_required(&field));
            (schema, example::of_request(&input, &bound), required)
        }
        Body::Field(name) => {
            let field = input.get_field_by_name(name)?;
            if is_bytes(&field) {
                return Some(bytes_in(schema::is_required(&field)));
            }
            let prefix = format!("{name}.");
            let inner: Vec<&str> =
                bound.iter().filter_map(|path| path.strip_prefix(&prefix)).collect();
            let example = schema::single_message(&field)
                .and_then(|message| example::of_request(&message, &inner));
            let form = if is_patch(method, binding) { Form::Patch } else { Form::Whole };
            (schemas.without(&field, &inner, form), example, schema::is_required(&field))
        }
    };
    if method.is_client_streaming() {
        let lines = described(schema, "One line for each message.");
        let content = json!({"application/x-ndjson": {"schema": lines}});
        return Some(json!({"content": content}));
    }
    let mut media = json!({"schema": schema});
    if let Some(example) = example {
        media["example"] = example;
    }
    Some(json!({"required": required, "content": {"application/json": media}}))
}

/// Whether the mask of an update is derived from its body (AIP-134), which may then leave out any field.
pub(super) fn is_patch(method: &MethodDescriptor, binding: &Binding) -> bool {
    binding.http_method == Method::PATCH && takes_mask(method, binding)
}

/// Whether the method takes the mask of an update of its body.
pub(super) fn takes_mask(method: &MethodDescriptor, binding: &Binding) -> bool {
    let mask = method.input().get_field_by_name("update_mask");
    let mask = mask.as_ref().and_then(schema::single_message);
    mask.is_some_and(|mask| mask.full_name() == "google.protobuf.FieldMask")
        && matches!(binding.body, Body::Field(_))
}

/// The content of the successful response.
pub(super) fn response(
    method: &MethodDescriptor,
    binding: &Binding,
    schemas: &mut Schemas,
    resume_fields: &[String],
) -> Value {
    if is_file(method, binding) {
        return json!({"*/*": {"schema": bytes()}});
    }
    let output = method.output();
    let field = binding.response_body.as_ref().and_then(|name| output.get_field_by_name(name));
    let schema = match &field {
        Some(field) => schemas.field(field),
        None => schemas.message(&output),
    };
    if method.is_server_streaming() {
        return stream(&schema, resumes(method, resume_fields));
    }
    let mut media = json!({"schema": schema});
    let payload = schema::payload(&output, binding.response_body.as_deref());
    if let Some(example) = payload.as_ref().and_then(example::of_response) {
        media["example"] = example;
    }
    json!({"application/json": media})
}

/// Whether a stream says where it goes on, by a field that its request and its messages have.
pub(super) fn resumes(method: &MethodDescriptor, resume_fields: &[String]) -> bool {
    let has = |name: &String| {
        schema::has_text(&method.input(), name) && schema::has_text(&method.output(), name)
    };
    method.is_server_streaming() && resume_fields.iter().any(has)
}

/// Whether the response is bytes of any media type.
pub(super) fn is_file(method: &MethodDescriptor, binding: &Binding) -> bool {
    let payload = schema::payload(&method.output(), binding.response_body.as_deref());
    payload.is_some_and(|message| message.full_name() == HTTP_BODY)
}

/// The media types of a stream, each with the schema of one item. A failure after the first item is an item too.
fn stream(item: &Value, resumes: bool) -> Value {
    const EVENTS: &str = "The data of one event; there is an event for each message. A failure is the last one, of the type `error`.";
    const RESUMES: &str = " The id of an event is what `Last-Event-ID` takes to go on after it.";
    const LINES: &str = "One line; there is a line for each message. A failure is the last one.";
    const ARRAY: &str = "All messages. A failure is the last item.";
    let item = json!({"anyOf": [item, {"$ref": "#/components/schemas/Error"}]});
    let events = format!("{EVENTS}{}", if resumes { RESUMES } else { "" });
    json!({
        "text/event-stream": {"schema": described(item.clone(), &events)},
        "application/x-ndjson": {"schema": described(item.clone(), LINES)},
        "application/json": {"schema": {"type": "array", "items": item, "description": ARRAY}},
    })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

fn is_bytes(field: &FieldDescriptor) -> bool {
    schema::single_message(field).is_some_and(|message| message.full_name() == HTTP_BODY)
}

fn bytes_in(required: bool) -> Value {
    json!({"required": required, "content": {"*/*": {"schema": bytes()}}})
}

fn bytes() -> Value {
    json!({"contentMediaType": "application/octet-stream"})
}
