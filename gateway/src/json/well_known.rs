//! The well-known types whose JSON is a scalar, to wire bytes; those of objects and arrays are the
//! parser's.

use super::scalar::{Scalar, put_field};
use super::time::{self, Seconds};
use super::{field_mask, number};
use crate::tables::{Message, Tables, WellKnown};
use crate::wire::{WireType, put_length_delimited, put_tag, put_varint};

/// The fields of `google.protobuf.Value`.
pub(crate) const VALUE_NULL: u32 = 1;
const VALUE_NUMBER: u32 = 2;
const VALUE_STRING: u32 = 3;
const VALUE_BOOL: u32 = 4;
pub(crate) const VALUE_STRUCT: u32 = 5;
pub(crate) const VALUE_LIST: u32 = 6;

/// Writes the content of a message that a scalar stands for. `None` when it stands for none.
pub(crate) fn put_scalar(
    out: &mut Vec<u8>,
    tables: &Tables,
    message: &Message,
    scalar: Scalar<'_>,
) -> Option<()> {
    match message.well_known? {
        WellKnown::Timestamp => put_seconds(out, time::timestamp(scalar.text()?)?),
        WellKnown::Duration => put_seconds(out, time::duration(scalar.text()?)?),
        WellKnown::FieldMask => put_field_mask(out, scalar)?,
        WellKnown::Wrapper => {
            put_field(out, tables, message.fields.first()?, scalar, false).ok()?;
        }
        WellKnown::Value => put_value(out, scalar)?,
        WellKnown::Any | WellKnown::Empty | WellKnown::ListValue | WellKnown::Struct => {
            return None;
        }
    }
    Some(())
}

fn put_seconds(out: &mut Vec<u8>, value: Seconds) {
    for (number, part) in [(1, value.seconds), (2, i64::from(value.nanos))] {
        if part != 0 {
            put_tag(out, number, WireType::Varint);
            put_varint(out, part.cast_unsigned());
        }
    }
}

fn put_field_mask(out: &mut Vec<u8>, scalar: Scalar<'_>) -> Option<()> {
    let text = scalar.text()?;
    for path in text.split(',').filter(|_| !text.is_empty()) {
        let path = match scalar {
            Scalar::Bare(_) => field_mask::path_from_either(path),
            _ => field_mask::path_from_json(path),
        };
        let path = path.filter(|path| !path.is_empty())?;
        put_tag(out, 1, WireType::LengthDelimited);
        put_length_delimited(out, path.as_bytes());
    }
    Some(())
}

fn put_value(out: &mut Vec<u8>, scalar: Scalar<'_>) -> Option<()> {
    match scalar {
        Scalar::Number(text) => {
            let value = number::double(text)?;
            put_tag(out, VALUE_NUMBER, WireType::Fixed64);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Scalar::Bool(value) => {
            put_tag(out, VALUE_BOOL, WireType::Varint);
            out.push(value.into());
        }
        Scalar::String(text) | Scalar::Bare(text) => {
            put_tag(out, VALUE_STRING, WireType::LengthDelimited);
            put_length_delimited(out, text.as_bytes());
        }
    }
    Some(())
}
