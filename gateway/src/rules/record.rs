//! One record of a message: a field number and what came with it.

use crate::wire::{Corrupt, Cursor, WireType};

/// The payload of a record, by wire type.
#[derive(Clone, Copy)]
pub(super) enum Payload<'w> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'w [u8]),
    /// A group, which no field of the tables is.
    Group,
}

/// The next record, or none at the end.
pub(super) fn next<'w>(cursor: &mut Cursor<'w>) -> Result<Option<(u32, Payload<'w>)>, Corrupt> {
    if cursor.is_empty() {
        return Ok(None);
    }
    let (number, wire_type) = cursor.tag()?;
    let payload = match wire_type {
        WireType::Varint => Payload::Varint(cursor.varint()?),
        WireType::Fixed64 => Payload::Fixed64(u64::from_le_bytes(cursor.fixed64()?)),
        WireType::Fixed32 => Payload::Fixed32(u32::from_le_bytes(cursor.fixed32()?)),
        WireType::LengthDelimited => Payload::Bytes(cursor.payload(number, wire_type)?),
        WireType::StartGroup | WireType::EndGroup => {
            cursor.payload(number, wire_type)?;
            Payload::Group
        }
    };
    Ok(Some((number, payload)))
}
