//! What prost-reflect makes of the same bytes and the same text, with what it is known to get
//! wrong put right.

use prost_reflect::prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, skip_field,
};
use prost_reflect::prost::{DecodeError, Message};
use prost_reflect::prost_types::Any;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use serde_json::Value;

/// The JSON of a message in wire bytes, as text. `None` when they are no message of the type, or
/// one without a JSON form.
///
/// The descriptor comes from a pool without enum aliases: of the names of a number, prost-reflect
/// prints any, where protobuf has the first.
pub fn print(descriptor: &MessageDescriptor, wire: &[u8]) -> Option<String> {
    let message = DynamicMessage::decode(descriptor.clone(), wire).ok()?;
    let is_misread = has_entry_of_other_type(descriptor, wire).ok()?;
    if is_misread { None } else { serde_json::to_string(&message).ok() }
}

/// The message that JSON stands for, or why there is none.
pub fn read(descriptor: &MessageDescriptor, json: &str) -> Result<DynamicMessage, String> {
    let mut text = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(descriptor.clone(), &mut text);
    let message = message.map_err(|error| error.to_string())?;
    text.end().map_err(|error| error.to_string())?;
    Ok(message)
}

/// JSON to compare: members have no order, and numbers no spelling.
pub fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// Whether a record of a map is not length-delimited, and so no entry of it, as which prost-reflect
/// reads it all the same.
fn has_entry_of_other_type(
    descriptor: &MessageDescriptor,
    mut wire: &[u8],
) -> Result<bool, DecodeError> {
    if let Some((payload, content)) = payload(descriptor, wire)? {
        // It may be one that a later part replaces.
        return Ok(has_entry_of_other_type(&payload, &content).unwrap_or(false));
    }
    while !wire.is_empty() {
        let (number, wire_type) = decode_key(&mut wire)?;
        let field = descriptor.get_field(number);
        let is_delimited = wire_type == WireType::LengthDelimited;
        match field.map(|field| (field.is_map(), field.kind())) {
            Some((true, _)) if !is_delimited => return Ok(true),
            Some((_, Kind::Message(inner))) if is_delimited => {
                let length = usize::try_from(decode_varint(&mut wire)?).unwrap_or(usize::MAX);
                let Some((inner_wire, rest)) = wire.split_at_checked(length) else { break };
                if has_entry_of_other_type(&inner, inner_wire)? {
                    return Ok(true);
                }
                wire = rest;
            }
            _ => skip_field(wire_type, number, &mut wire, DecodeContext::default())?,
        }
    }
    Ok(false)
}

/// What an `Any` holds.
fn payload(
    descriptor: &MessageDescriptor,
    wire: &[u8],
) -> Result<Option<(MessageDescriptor, Vec<u8>)>, DecodeError> {
    if descriptor.full_name() != "google.protobuf.Any" {
        return Ok(None);
    }
    let any = Any::decode(wire)?;
    let name = any.type_url.rsplit_once('/').map(|(_, name)| name);
    let pool = descriptor.parent_pool();
    Ok(name.and_then(|name| pool.get_message_by_name(name)).map(|m| (m, any.value)))
}
