//! The parameters of an operation: path, query and headers.

use http::Method;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};

use super::{
    content, example,
    path::{Parameter, Path},
    response::Facts,
    schema::{self, Behavior, Schemas},
};
use crate::binding::{Binding, Body};

/// The parameters in the path, in order.
pub(super) fn in_path(path: &Path, schemas: &mut Schemas) -> Vec<Value> {
    path.parameters().map(|parameter| path_parameter(parameter, schemas)).collect()
}

fn path_parameter(parameter: &Parameter, schemas: &mut Schemas) -> Value {
    let field = parameter.field.as_ref();
    let mut value = json!({"name": parameter.name, "in": "path", "required": true});
    value["schema"] = field.map_or(json!({"type": "string"}), |field| schemas.value_in_path(field));
    // An empty segment is refused, whatever the rules of the field say.
    if value["schema"]["type"] == "string" && value["schema"].get("minLength").is_none() {
        value["schema"]["minLength"] = json!(1);
    }
    let mut description = field.and_then(|field| schemas.comment(field));
    if parameter.is_rest {
        let text = description.unwrap_or_default();
        description = Some(format!("{text} May contain slashes.").trim_start().to_owned());
    }
    if let Some(description) = description {
        value["description"] = json!(description);
    }
    if let Some(example) = field.and_then(example::of_scalar) {
        value["example"] = example;
    }
    value
}

/// The parameters in the query: every leaf field that neither path nor body sets.
pub(super) fn in_query(
    method: &MethodDescriptor,
    binding: &Binding,
    schemas: &mut Schemas,
) -> Vec<Value> {
    let mut bound: Vec<&str> =
        binding.template.variables().iter().map(|variable| &*variable.field_path).collect();
    match &binding.body {
        Body::All => return Vec::new(),
        Body::Field(name) => bound.push(name),
        Body::None => {}
    }
    let mut query = Query { bound, schemas, parents: Vec::new(), parameters: Vec::new() };
    query.add(&method.input(), "", "");
    let mut parameters = query.parameters;
    let mask = parameters.iter_mut().find(|parameter| parameter["name"] == "updateMask");
    if let (Some(parameter), Some(description)) = (mask, mask_text(method, binding)) {
        parameter["description"] = json!(description);
    }
    parameters
}

/// What the mask of an update is over HTTP, where its absence means something else than it does over gRPC.
fn mask_text(method: &MethodDescriptor, binding: &Binding) -> Option<String> {
    let (true, Body::Field(name)) = (content::takes_mask(method, binding), &binding.body) else {
        return None;
    };
    let absent = match binding.http_method {
        Method::PATCH => "those that the body names",
        Method::PUT => "every field, and one that the body does not name is cleared",
        _ => return None,
    };
    let message = schema::single_message(&method.input().get_field_by_name(name)?)?;
    let fields = message.fields().filter(|field| !Behavior::of(field).output_only);
    let names: Vec<String> = fields.map(|field| format!("`{}`", field.json_name())).collect();
    let list = names.join(", ");
    Some(format!(
        "The fields to change, separated by commas, of {list}; `*` for all of them. Without it, {absent}."
    ))
}

struct Query<'q, 'n> {
    bound: Vec<&'q str>,
    schemas: &'q mut Schemas<'n>,
    /// The messages that are being added, so that a recursive one ends.
    parents: Vec<MessageDescriptor>,
    parameters: Vec<Value>,
}

impl Query<'_, '_> {
    fn add(&mut self, message: &MessageDescriptor, path: &str, name: &str) {
        if self.parents.contains(message) {
            return;
        }
        self.parents.push(message.clone());
        for field in message.fields() {
            let path = format!("{path}{}", field.name());
            let name = format!("{name}{}", field.json_name());
            if self.bound.contains(&&*path) || Behavior::of(&field).output_only {
                continue;
            }
            match field.kind() {
                Kind::Message(entry) if field.is_map() => {
                    // `name[key]=value` is what OpenAPI calls a deep object.
                    if entry.map_entry_value_field().kind().as_message().is_none() {
                        let style = json!({"style": "deepObject", "explode": true});
                        self.leaf(&field, &name, style);
                    }
                }
                Kind::Message(inner) if schema::well_known(&inner).is_none() => {
                    // A list of messages has no form in a query.
                    if !field.is_list() {
                        self.add(&inner, &format!("{path}."), &format!("{name}."));
                    }
                }
                Kind::Message(inner) if !is_leaf(&inner) => {}
                _ => self.leaf(&field, &name, json!({})),
            }
        }
        self.parents.pop();
    }

    /// Adds a parameter to the members that say how it is written.
    fn leaf(&mut self, field: &FieldDescriptor, name: &str, mut parameter: Value) {
        // A field of a message that need not be set is not required itself.
        let required = self.parents.len() == 1 && schema::is_required(field);
        parameter["name"] = json!(name);
        parameter["in"] = json!("query");
        parameter["schema"] = self.schemas.field(field);
        if required {
            parameter["required"] = json!(true);
        }
        if let Some(comment) = self.schemas.comment(field) {
            parameter["description"] = json!(comment);
        }
        self.parameters.push(parameter);
    }
}

/// The headers that fill a field of the request, make it conditional, or ask for a part of the response.
pub(super) fn in_header(
    method: &MethodDescriptor,
    facts: &Facts,
    resume_fields: &[String],
) -> Vec<Value> {
    let input = method.input();
    let resumes = content::resumes(method, resume_fields) && !facts.is_file;
    let headers = [
        ("IfMatch", facts.is_conditional),
        ("IfNoneMatch", facts.has_etag && !facts.is_write),
        ("IdempotencyKey", schema::has_text(&input, "request_id")),
        ("LastEventId", resumes),
        ("Range", facts.has_ranges),
    ];
    let names = headers.into_iter().filter_map(|(name, applies)| applies.then_some(name));
    names.map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect()
}

/// Whether a well-known type has a form in a query.
fn is_leaf(message: &MessageDescriptor) -> bool {
    schema::is_wrapper(message)
        || matches!(
            message.full_name(),
            "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
        )
}
