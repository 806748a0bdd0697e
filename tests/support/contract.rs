//! The contract as a client reads it: the descriptors of `proto/`, and nothing that the server generated from them.

use std::{path::Path, sync::OnceLock};

use http::Method as Verb;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, MessageDescriptor,
    MethodDescriptor, SerializeOptions,
};
use serde_json::Value;

/// How one method is called over HTTP.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The verb.
    pub verb: Verb,
    /// The path, with its variables in braces.
    pub template: String,
    /// The field that is the body: empty for none, `*` for the whole request.
    pub body: String,
    /// The field of the response that is answered: empty for all of it.
    pub response_body: String,
}

/// Who may call a method.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The kind of access, as `ACCESS_PUBLIC`.
    pub access: String,
    /// The permission that is asked for; may be empty.
    pub permission: String,
    /// The action in the audit log; may be empty.
    pub audit_action: String,
    /// Whether the caller must have proved lately who they are.
    pub fresh: bool,
    /// What an API key must hold; empty where none may call.
    pub api_key_permission: String,
}

/// Every method of Veza's services, in the order of the proto files.
pub fn methods() -> impl Iterator<Item = MethodDescriptor> {
    let services = pool().services().filter(|service| service.full_name().starts_with("veza."));
    services.flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// The method that is called `veza.user.v1.UserService/GetUser`.
pub fn method(name: &str) -> MethodDescriptor {
    let (service, method) = name.split_once('/').expect("a service and a method");
    let service = pool().get_service_by_name(service).unwrap_or_else(|| panic!("{service}"));
    let mut methods = service.methods();
    methods.find(|found| found.name() == method).unwrap_or_else(|| panic!("{name}"))
}

/// The name of a method as its path has it.
pub fn name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// The HTTP rules of a method, the primary one first; none for methods that only gRPC has.
pub fn bindings(method: &MethodDescriptor) -> Vec<Binding> {
    let rule = option(method, "google.api.http");
    let more = rule["additionalBindings"].as_array().cloned().unwrap_or_default();
    std::iter::once(&rule).chain(&more).filter_map(binding).collect()
}

/// The access policy of a method.
pub fn policy(method: &MethodDescriptor) -> Policy {
    let policy = option(method, "veza.policy.v1.policy");
    let text = |field: &str| policy[field].as_str().unwrap_or_default().to_owned();
    Policy {
        access: text("access"),
        permission: text("permission"),
        audit_action: text("auditAction"),
        fresh: policy["fresh"].as_bool().unwrap_or_default(),
        api_key_permission: text("apiKeyPermission"),
    }
}

/// Every proto file that a client needs.
pub fn files() -> Vec<std::path::PathBuf> {
    proto_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("proto"))
}

/// The message type that is called `veza.event.v1.Event`.
pub fn message(name: &str) -> MessageDescriptor {
    pool().get_message_by_name(name).unwrap_or_else(|| panic!("{name}"))
}

/// The names of all fields of a message, and of the messages in it.
pub fn field_names(message: &MessageDescriptor) -> Vec<String> {
    let (mut names, mut seen, mut open) = (Vec::new(), Vec::new(), vec![message.clone()]);
    while let Some(message) = open.pop() {
        if seen.contains(&message) {
            continue;
        }
        for field in message.fields() {
            names.push(field.name().to_owned());
            open.extend(field.kind().as_message().cloned());
        }
        seen.push(message);
    }
    names
}

/// The fields that a message can have at once: of each oneof the first.
pub fn fields_at_once(message: &MessageDescriptor) -> impl Iterator<Item = FieldDescriptor> {
    message.fields().filter(|field| {
        let oneof = field.containing_oneof();
        oneof.is_none_or(|oneof| oneof.fields().next().as_ref() == Some(field))
    })
}

/// The bytes of a message that is given as JSON.
pub fn encode(message: &MessageDescriptor, json: &Value) -> Vec<u8> {
    from_json(message, json).unwrap_or_else(|error| panic!("{json}: {error}")).encode_to_vec()
}

/// A message as canonical JSON, with every field.
pub fn decode(message: &MessageDescriptor, bytes: &[u8]) -> Result<Value, prost::DecodeError> {
    let options = SerializeOptions::new().skip_default_fields(false);
    Ok(to_json(&DynamicMessage::decode(message.clone(), bytes)?, &options))
}

/// JSON in the one form that [`decode`] gives, so that answers of different transports compare equal.
pub fn normalise(message: &MessageDescriptor, json: &Value) -> Result<Value, serde_json::Error> {
    let options = SerializeOptions::new().skip_default_fields(false);
    Ok(to_json(&from_json(message, json)?, &options))
}

/// JSON in canonical spelling, without the fields that have no value.
pub fn compact(message: &MessageDescriptor, json: &Value) -> Value {
    let message = from_json(message, json).unwrap_or_else(|error| panic!("{json}: {error}"));
    to_json(&message, &SerializeOptions::new())
}

/// A `google.rpc.Status` as JSON, its details in the clear.
pub fn decode_status(bytes: &[u8]) -> Result<Value, prost::DecodeError> {
    let status = DynamicMessage::decode(status_message(), bytes)?;
    Ok(to_json(&status, &SerializeOptions::new()))
}

/// A `google.rpc.Status` in the form that [`decode_status`] gives.
pub fn normalise_status(json: &Value) -> Result<Value, serde_json::Error> {
    Ok(to_json(&from_json(&status_message(), json)?, &SerializeOptions::new()))
}

fn status_message() -> MessageDescriptor {
    pool().get_message_by_name("google.rpc.Status").expect("google.rpc.Status")
}

fn from_json(
    message: &MessageDescriptor,
    json: &Value,
) -> Result<DynamicMessage, serde_json::Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(message.clone(), json, &options)
}

fn to_json(message: &DynamicMessage, options: &SerializeOptions) -> Value {
    let json = message.serialize_with_options(serde_json::value::Serializer, options);
    json.expect("a message that is JSON")
}

fn option(method: &MethodDescriptor, name: &str) -> Value {
    let extension = pool().get_extension_by_name(name).unwrap_or_else(|| panic!("{name}"));
    let options = method.options();
    let value = options.get_extension(&extension);
    to_json(value.as_message().expect("a message"), &SerializeOptions::new())
}

fn binding(rule: &Value) -> Option<Binding> {
    let (verb, template) = ["get", "put", "post", "delete", "patch"]
        .iter()
        .find_map(|verb| Some((verb.to_uppercase(), rule[*verb].as_str()?.to_owned())))?;
    let text = |field: &str| rule[field].as_str().unwrap_or_default().to_owned();
    Some(Binding {
        verb: verb.parse().expect("a verb"),
        template,
        body: text("body"),
        response_body: text("responseBody"),
    })
}

fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        let mut compiler = protox::Compiler::new([&root]).expect("the folder of the protos");
        for file in proto_files(&root.join("veza")) {
            compiler.open_file(file).expect("a valid proto file");
        }
        let mut pool = compiler.descriptor_pool();
        pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET).expect("google.rpc");
        pool
    })
}

fn proto_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            files.extend(proto_files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
