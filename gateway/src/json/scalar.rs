//! Values without structure, from JSON, a path or a query, to their wire bytes.

use super::{number, text, well_known};
use crate::tables::{Field, Kind, Tables};
use crate::wire::{begin_length, end_length, put_length_delimited, put_tag, put_varint};

/// A value as it was written, with as much of its type as the place it stood in tells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'v> {
    /// A JSON string.
    String(&'v str),
    /// A JSON number.
    Number(&'v str),
    Bool(bool),
    /// Text that could be anything: from a path, a query, or the key of a map.
    Bare(&'v str),
}

impl<'v> Scalar<'v> {
    pub(crate) fn text(self) -> Option<&'v str> {
        match self {
            Self::String(text) | Self::Bare(text) => Some(text),
            Self::Number(_) | Self::Bool(_) => None,
        }
    }

    /// proto3 JSON takes numbers in quotes, too.
    fn number(self) -> Option<&'v str> {
        match self {
            Self::Number(text) => Some(text),
            _ => self.text(),
        }
    }

    fn boolean(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            Self::Bare("true") => Some(true),
            Self::Bare("false") => Some(false),
            _ => None,
        }
    }
}

/// Writes one value of a field with its tag; nothing, when it is the default and `keep_default` is
/// false. An error says what was expected instead.
pub(crate) fn put_field(
    out: &mut Vec<u8>,
    tables: &Tables,
    field: &Field,
    scalar: Scalar<'_>,
    keep_default: bool,
) -> Result<(), &'static str> {
    let before = out.len();
    put_tag(out, field.number, field.wire_type());
    let payload = out.len();
    put_payload(out, tables, field.kind, scalar)?;
    // The default of every type is written in zeros only, an empty string as the length 0.
    if !keep_default && out[payload..].iter().all(|&byte| byte == 0) {
        out.truncate(before);
    }
    Ok(())
}

/// Writes one value without its tag, as it stands in a packed list.
pub(crate) fn put_payload(
    out: &mut Vec<u8>,
    tables: &Tables,
    kind: Kind,
    scalar: Scalar<'_>,
) -> Result<(), &'static str> {
    match kind {
        Kind::Int32 => put_varint(out, i64::from(int32(scalar)?).cast_unsigned()),
        Kind::Int64 => put_varint(out, int64(scalar)?.cast_unsigned()),
        Kind::Uint32 => put_varint(out, u64::from(uint32(scalar)?)),
        Kind::Uint64 => put_varint(out, uint64(scalar)?),
        Kind::Sint32 => {
            let value = int32(scalar)?;
            put_varint(out, u64::from(((value << 1) ^ (value >> 31)).cast_unsigned()));
        }
        Kind::Sint64 => {
            let value = int64(scalar)?;
            put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
        }
        Kind::Fixed32 => out.extend_from_slice(&uint32(scalar)?.to_le_bytes()),
        Kind::Fixed64 => out.extend_from_slice(&uint64(scalar)?.to_le_bytes()),
        Kind::Sfixed32 => out.extend_from_slice(&int32(scalar)?.to_le_bytes()),
        Kind::Sfixed64 => out.extend_from_slice(&int64(scalar)?.to_le_bytes()),
        Kind::Double => out.extend_from_slice(&double(scalar)?.to_le_bytes()),
        Kind::Float => out.extend_from_slice(&float(scalar)?.to_le_bytes()),
        Kind::Bool => out.push(scalar.boolean().ok_or("expected true or false")?.into()),
        Kind::String => {
            put_length_delimited(out, scalar.text().ok_or("expected a string")?.as_bytes());
        }
        Kind::Bytes => {
            let text = scalar.text().ok_or("expected base64 text")?;
            put_length_delimited(out, &text::base64(text).map_err(|_| "expected base64 text")?);
        }
        Kind::Enum(id) => {
            let known = scalar.text().and_then(|name| tables.enumeration(id).number(name));
            let number = match (known, scalar) {
                (Some(number), _) => number,
                (None, Scalar::Number(_) | Scalar::Bare(_)) => {
                    int32(scalar).map_err(|_| "expected a value of the enum")?
                }
                _ => return Err("expected a value of the enum"),
            };
            put_varint(out, i64::from(number).cast_unsigned());
        }
        Kind::Message(id) => {
            let start = begin_length(out);
            well_known::put_scalar(out, tables, tables.message(id), scalar)?;
            end_length(out, start);
        }
    }
    Ok(())
}

fn integer<T: TryFrom<i128>>(
    scalar: Scalar<'_>,
    expected: &'static str,
) -> Result<T, &'static str> {
    let value = scalar.number().and_then(number::integer);
    value.and_then(|value| T::try_from(value).ok()).ok_or(expected)
}

fn int32(scalar: Scalar<'_>) -> Result<i32, &'static str> {
    integer(scalar, "expected an integer of 32 bits")
}

fn int64(scalar: Scalar<'_>) -> Result<i64, &'static str> {
    integer(scalar, "expected an integer of 64 bits")
}

fn uint32(scalar: Scalar<'_>) -> Result<u32, &'static str> {
    integer(scalar, "expected an unsigned integer of 32 bits")
}

fn uint64(scalar: Scalar<'_>) -> Result<u64, &'static str> {
    integer(scalar, "expected an unsigned integer of 64 bits")
}

fn double(scalar: Scalar<'_>) -> Result<f64, &'static str> {
    let named = scalar.text().and_then(number::named_float).map(f64::from);
    let value = named.or_else(|| scalar.number().and_then(number::double));
    value.ok_or("expected a number of 64 bits")
}

fn float(scalar: Scalar<'_>) -> Result<f32, &'static str> {
    let named = scalar.text().and_then(number::named_float);
    let value = named.or_else(|| scalar.number().and_then(number::float));
    value.ok_or("expected a number of 32 bits")
}
