//! The messages of `google/rpc/error_details.proto`, built in, because few descriptor sets hold
//! what errors carry. `DebugInfo` is left out on purpose: stack traces are for the service's own
//! logs.

use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions,
};
use prost_reflect::{DescriptorError, DescriptorPool};

use crate::tables::Tables;

const DURATION: &str = ".google.protobuf.Duration";

/// A field with its type, and how it is labelled.
type FieldRow = (&'static str, Type, &'static str, Label);

const fn text(name: &'static str) -> FieldRow {
    (name, Type::String, "", Label::Optional)
}

const fn message(name: &'static str, full_name: &'static str) -> FieldRow {
    (name, Type::Message, full_name, Label::Optional)
}

const fn list(name: &'static str, full_name: &'static str) -> FieldRow {
    (name, Type::Message, full_name, Label::Repeated)
}

/// Every message with its fields, which are numbered from 1 in this order. A message of another one
/// comes right after it.
const MESSAGES: [(&str, &[FieldRow]); 14] = [
    (
        "ErrorInfo",
        &[text("reason"), text("domain"), list("metadata", ".google.rpc.ErrorInfo.MetadataEntry")],
    ),
    ("ErrorInfo.MetadataEntry", &[text("key"), text("value")]),
    ("RetryInfo", &[message("retry_delay", DURATION)]),
    ("QuotaFailure", &[list("violations", ".google.rpc.QuotaFailure.Violation")]),
    ("QuotaFailure.Violation", &[text("subject"), text("description")]),
    ("PreconditionFailure", &[list("violations", ".google.rpc.PreconditionFailure.Violation")]),
    ("PreconditionFailure.Violation", &[text("type"), text("subject"), text("description")]),
    ("BadRequest", &[list("field_violations", ".google.rpc.BadRequest.FieldViolation")]),
    (
        "BadRequest.FieldViolation",
        &[
            text("field"),
            text("description"),
            text("reason"),
            message("localized_message", ".google.rpc.LocalizedMessage"),
        ],
    ),
    ("RequestInfo", &[text("request_id"), text("serving_data")]),
    (
        "ResourceInfo",
        &[text("resource_type"), text("resource_name"), text("owner"), text("description")],
    ),
    ("Help", &[list("links", ".google.rpc.Help.Link")]),
    ("Help.Link", &[text("description"), text("url")]),
    ("LocalizedMessage", &[text("locale"), text("message")]),
];

/// The tables of the details.
pub(crate) fn tables() -> Result<Tables, DescriptorError> {
    let mut file = FileDescriptorProto {
        name: Some("google/rpc/error_details.proto".to_owned()),
        package: Some("google.rpc".to_owned()),
        dependency: vec!["google/protobuf/duration.proto".to_owned()],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    for (name, fields) in MESSAGES {
        match (name.split_once('.'), file.message_type.last_mut()) {
            (Some((_, inner)), Some(outer)) => outer.nested_type.push(descriptor(inner, fields)),
            _ => file.message_type.push(descriptor(name, fields)),
        }
    }
    // The global pool holds the well-known types.
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(file)?;
    Ok(Tables::new(&pool))
}

fn descriptor(name: &str, fields: &[FieldRow]) -> DescriptorProto {
    let field =
        |(number, &(name, kind, type_name, label)): (i32, &FieldRow)| FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(label.into()),
            r#type: Some(kind.into()),
            type_name: Some(type_name.to_owned()).filter(|name| !name.is_empty()),
            ..FieldDescriptorProto::default()
        };
    let map_entry = name.ends_with("Entry").then_some(true);
    DescriptorProto {
        name: Some(name.to_owned()),
        field: (1..).zip(fields).map(field).collect(),
        options: Some(MessageOptions { map_entry, ..MessageOptions::default() }),
        ..DescriptorProto::default()
    }
}
