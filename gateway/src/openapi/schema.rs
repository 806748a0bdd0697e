//! JSON schemas of messages, enums and fields, as canonical protobuf JSON writes them.

use std::collections::{BTreeMap, HashSet};

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
    Value as Reflected, prost_types::EnumValueDescriptorProto,
};
use serde_json::{Map, Value, json};

use super::{keywords, names::Names};
use crate::rules::{
    options::{self, Constraint, FieldRules, Ignore},
    probe,
};

/// The schemas that the document refers to, written when the first reference asks for them.
pub(super) struct Schemas<'n> {
    names: &'n Names,
    emits_unpopulated: bool,
    components: BTreeMap<String, Value>,
    pending: Vec<(String, Component)>,
    asked: HashSet<String>,
}

enum Component {
    Message(MessageDescriptor, Form),
    Enum(EnumDescriptor),
}

/// Which fields of a message there have to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All that are required.
    Whole,
    /// Only those that the rules ask for whatever is changed: a field that is left out stays as it is.
    Patch,
}

/// What `google.api.field_behavior` says that a schema can say too.
pub(super) struct Behavior {
    pub(super) required: bool,
    pub(super) output_only: bool,
    pub(super) input_only: bool,
}

impl Behavior {
    pub(super) fn of(field: &FieldDescriptor) -> Self {
        let extension = field.parent_pool().get_extension_by_name("google.api.field_behavior");
        let options: DynamicMessage = field.options();
        let value = extension.map(|extension| options.get_extension(&extension).into_owned());
        let list = value.as_ref().and_then(Reflected::as_list).unwrap_or_default();
        let has = |number: i32| list.iter().any(|item| item.as_enum_number() == Some(number));
        Self { required: has(2), output_only: has(3), input_only: has(4) }
    }
}

/// The rules of a field. Rules that cannot be read are no rules here, for they stop the start of the server. A required
/// text or list is not empty (AIP-203).
pub(super) fn rules(field: &FieldDescriptor) -> FieldRules {
    let mut rules = FieldRules::of(field).unwrap_or_default();
    let can_be_empty =
        matches!(field.kind(), Kind::String | Kind::Bytes) || (field.is_list() || field.is_map());
    if can_be_empty && rules.ignore != Ignore::Always && Behavior::of(field).required {
        rules.ignore = Ignore::Never;
        rules.required = true;
    }
    rules
}

/// Whether a request is refused without the field: it is required, or its zero value breaks a rule.
pub(super) fn is_required(field: &FieldDescriptor) -> bool {
    let behavior = Behavior::of(field);
    !behavior.output_only && (behavior.required || is_demanded(field))
}

/// Whether the rules refuse every request without the field.
fn is_demanded(field: &FieldDescriptor) -> bool {
    let rules = FieldRules::of(field).unwrap_or_default();
    let in_oneof = field.containing_oneof().is_some();
    let needs_value =
        !field.supports_presence() && !in_oneof && !probe::accepts_zero(&rules, &field.kind());
    needs_value || (rules.required && rules.ignore != Ignore::Always)
}

/// The message of a field that holds one.
pub(super) fn single_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    if field.is_list() || field.is_map() { None } else { field.kind().as_message().cloned() }
}

/// The message that is sent as the response.
pub(super) fn payload(
    output: &MessageDescriptor,
    response_body: Option<&str>,
) -> Option<MessageDescriptor> {
    match response_body {
        None => Some(output.clone()),
        Some(name) => single_message(&output.get_field_by_name(name)?),
    }
}

/// Whether a message has a single string of the name.
pub(super) fn has_text(message: &MessageDescriptor, name: &str) -> bool {
    let field = message.get_field_by_name(name);
    field.is_some_and(|field| field.kind() == Kind::String && !field.is_list())
}

impl<'n> Schemas<'n> {
    pub(super) fn new(names: &'n Names, emits_unpopulated: bool) -> Self {
        Self {
            names,
            emits_unpopulated,
            components: BTreeMap::new(),
            pending: Vec::new(),
            asked: HashSet::new(),
        }
    }

    /// All schemas that were referred to, directly or by one another.
    pub(super) fn into_components(mut self) -> BTreeMap<String, Value> {
        while let Some((name, component)) = self.pending.pop() {
            let schema = match component {
                Component::Message(message, form) => self.object(&message, &[], form),
                Component::Enum(values) => self.names.values(&values),
            };
            self.components.insert(name, schema);
        }
        self.components
    }

    /// The schema of a message wherever it is used: a reference, or the JSON form of a well-known type.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        self.message_in(message, Form::Whole)
    }

    fn message_in(&mut self, message: &MessageDescriptor, form: Form) -> Value {
        if let Some(schema) = well_known(message) {
            return schema;
        }
        let differs = form == Form::Patch && asks_more_when_whole(message, &mut HashSet::new());
        let form = if differs { Form::Patch } else { Form::Whole };
        self.refer(message.full_name(), form, || Component::Message(message.clone(), form))
    }

    /// The schema of a message without the fields at these paths, which are set in another way.
    pub(super) fn object(
        &mut self,
        message: &MessageDescriptor,
        without: &[&str],
        form: Form,
    ) -> Value {
        let mut schema = Map::new();
        schema.insert("type".into(), json!("object"));
        if let Some(comment) = self.names.comment(&message.parent_file(), message.path()) {
            schema.insert("description".into(), json!(comment));
        }
        let fields: Vec<FieldDescriptor> =
            message.fields().filter(|field| !without.contains(&field.name())).collect();
        let mut properties = Map::new();
        for field in &fields {
            let prefix = format!("{}.", field.name());
            let inner: Vec<&str> =
                without.iter().filter_map(|path| path.strip_prefix(&prefix)).collect();
            properties.insert(field.json_name().to_owned(), self.property(field, &inner, form));
        }
        let required = fields.iter().filter(|field| self.is_always_there(message, field, form));
        let required: Vec<&str> = required.map(FieldDescriptor::json_name).collect();
        if !required.is_empty() {
            schema.insert("required".into(), json!(required));
        }
        if !properties.is_empty() {
            schema.insert("properties".into(), Value::Object(properties));
        }
        // The server refuses unknown fields; a client that reads must allow for new ones.
        if self.names.is_requested(message) {
            schema.insert("additionalProperties".into(), json!(false));
        }
        let oneofs: Vec<Value> = message.oneofs().filter_map(|oneof| exclusive(&oneof)).collect();
        match <[Value; 1]>::try_from(oneofs) {
            Ok([Value::Object(only)]) => schema.extend(only),
            Ok(_) => {}
            Err(many) if many.is_empty() => {}
            Err(many) => drop(schema.insert("allOf".into(), Value::Array(many))),
        }
        Value::Object(schema)
    }

    fn is_always_there(
        &self,
        message: &MessageDescriptor,
        field: &FieldDescriptor,
        form: Form,
    ) -> bool {
        if !self.names.is_requested(message) {
            let is_sent = self.emits_unpopulated && !Behavior::of(field).input_only;
            return is_sent && !field.supports_presence() && field.containing_oneof().is_none();
        }
        match form {
            Form::Whole => is_required(field),
            Form::Patch => is_demanded(field) && !Behavior::of(field).output_only,
        }
    }

    /// A property with its comment.
    fn property(&mut self, field: &FieldDescriptor, without: &[&str], form: Form) -> Value {
        let behavior = Behavior::of(field);
        let mut schema = self.without(field, without, form);
        if let Some(comment) = self.comment(field) {
            schema["description"] = json!(comment);
        }
        if behavior.output_only {
            schema["readOnly"] = json!(true);
        }
        if behavior.input_only {
            schema["writeOnly"] = json!(true);
        }
        schema
    }

    /// The schema of a field without the fields at these paths below it. Output-only ones may stay, for no client
    /// sends them.
    pub(super) fn without(
        &mut self,
        field: &FieldDescriptor,
        without: &[&str],
        form: Form,
    ) -> Value {
        let Some(inner) = single_message(field).filter(|inner| well_known(inner).is_none()) else {
            return self.field(field);
        };
        let is_sent = |path: &&str| {
            inner.get_field_by_name(path).is_none_or(|field| !Behavior::of(&field).output_only)
        };
        let sent: Vec<&str> = without.iter().copied().filter(is_sent).collect();
        if sent.is_empty() {
            return self.message_in(&inner, form);
        }
        self.object(&inner, &sent, form)
    }

    pub(super) fn comment(&self, field: &FieldDescriptor) -> Option<String> {
        self.names.comment(&field.parent_message().parent_file(), field.path())
    }

    /// The schema of a value in a path, which is never empty.
    pub(super) fn value_in_path(&mut self, field: &FieldDescriptor) -> Value {
        let mut rules = rules(field);
        if rules.ignore == Ignore::IfZero && field.kind() == Kind::String {
            rules.ignore = Ignore::Never;
        }
        self.value(&field.kind(), &rules, field.supports_presence())
    }

    /// The schema of a field's value, with its rules as keywords.
    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let rules = rules(field);
        let constraint = rules.by_type.as_ref().map(|by_type| &by_type.rules);
        if let (true, Some(entry)) = (field.is_map(), field.kind().as_message()) {
            let values = match constraint {
                Some(Constraint::Map { values, .. }) => (**values).clone(),
                _ => FieldRules::default(),
            };
            let value = entry.map_entry_value_field().kind();
            let value = self.value(&value, &values, false);
            let mut schema = Map::new();
            schema.insert("type".into(), json!("object"));
            schema.insert("additionalProperties".into(), value);
            keywords::size(&mut schema, &rules, ["minProperties", "maxProperties"]);
            return Value::Object(schema);
        }
        if field.is_list() {
            let items = match constraint {
                Some(Constraint::List { items, .. }) => (**items).clone(),
                _ => FieldRules::default(),
            };
            let items = self.value(&field.kind(), &items, false);
            let mut schema = Map::new();
            schema.insert("type".into(), json!("array"));
            schema.insert("items".into(), items);
            keywords::size(&mut schema, &rules, ["minItems", "maxItems"]);
            return Value::Object(schema);
        }
        self.value(&field.kind(), &rules, field.supports_presence())
    }

    fn value(&mut self, kind: &Kind, rules: &FieldRules, presence: bool) -> Value {
        let mut schema = match kind {
            Kind::Message(message) => {
                let mut schema = self.message(message);
                // The rules of a wrapper are those of the value in it.
                let inner = message.get_field_by_name("value").filter(|_| is_wrapper(message));
                if let (Some(schema), Some(inner)) = (schema.as_object_mut(), inner) {
                    keywords::apply(schema, rules, &inner.kind(), true);
                }
                return schema;
            }
            Kind::Enum(values) => {
                let component = || Component::Enum(values.clone());
                self.refer(values.full_name(), Form::Whole, component)
            }
            scalar => keywords::scalar(scalar),
        };
        if let Some(schema) = schema.as_object_mut() {
            keywords::apply(schema, rules, kind, presence);
        }
        schema
    }

    fn refer(
        &mut self,
        full_name: &str,
        form: Form,
        component: impl FnOnce() -> Component,
    ) -> Value {
        let name = self.names.component(full_name, form);
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        if self.asked.insert(name.clone()) {
            self.pending.push((name, component()));
        }
        reference
    }
}

impl Names {
    /// The schema of an enum, with the comments of its values in its description.
    fn values(&self, values: &EnumDescriptor) -> Value {
        let file = values.parent_file();
        let declared = values.enum_descriptor_proto().value.iter();
        let names: Vec<&str> = declared.map(EnumValueDescriptorProto::name).collect();
        let mut lines: Vec<String> = self.comment(&file, values.path()).into_iter().collect();
        for value in values.values() {
            if let Some(comment) = self.comment(&file, value.path()) {
                lines.push(format!("- `{}`: {comment}", value.name()));
            }
        }
        // A list needs a blank line before it, but none within.
        let description = lines.join("\n").replacen("\n- ", "\n\n- ", 1);
        json!({"type": "string", "enum": names, "description": description})
    }
}

/// Whether a message, or one that it holds, has fields that an update need not name.
fn asks_more_when_whole(message: &MessageDescriptor, seen: &mut HashSet<String>) -> bool {
    seen.insert(message.full_name().to_owned())
        && message.fields().filter(|field| !Behavior::of(field).output_only).any(|field| {
            let own = is_required(&field) && !is_demanded(&field);
            own || single_message(&field).is_some_and(|inner| asks_more_when_whole(&inner, seen))
        })
}

/// At most one member of a oneof is set, or exactly one where it is required.
fn exclusive(oneof: &OneofDescriptor) -> Option<Value> {
    let required = options::is_required(oneof);
    let mut members: Vec<Value> =
        oneof.fields().map(|field| json!({"required": [field.json_name()]})).collect();
    if oneof.is_synthetic() || (members.len() < 2 && !required) {
        return None;
    }
    if !required {
        let unset = oneof.fields().map(|field| (field.json_name().to_owned(), json!(false)));
        members.push(json!({"properties": unset.collect::<Map<String, Value>>()}));
    }
    Some(json!({"oneOf": members}))
}

/// Whether the message is a wrapper of google.protobuf, whose JSON is that of its value.
pub(super) fn is_wrapper(message: &MessageDescriptor) -> bool {
    let name = message.full_name().strip_prefix("google.protobuf.");
    let scalar = name.and_then(|name| name.strip_suffix("Value"));
    scalar.is_some_and(|scalar| !matches!(scalar, "" | "List"))
}

/// The JSON form of the types that have one of their own.
pub(super) fn well_known(message: &MessageDescriptor) -> Option<Value> {
    if is_wrapper(message) {
        let mut schema = keywords::scalar(&message.get_field_by_name("value")?.kind());
        schema["type"] = json!([schema["type"], "null"]);
        return Some(schema);
    }
    Some(match message.full_name() {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => {
            json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"})
        }
        "google.protobuf.FieldMask" => json!({"type": "string"}),
        "google.protobuf.Struct" => json!({"type": "object", "additionalProperties": true}),
        "google.protobuf.Value" => json!({}),
        "google.protobuf.ListValue" => json!({"type": "array", "items": {}}),
        "google.protobuf.Any" => json!({
            "type": "object",
            "required": ["@type"],
            "properties": {"@type": {"type": "string"}},
            "additionalProperties": true,
        }),
        _ => return None,
    })
}
