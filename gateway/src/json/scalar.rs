//! Values without structure, from JSON, a path or a query, to their wire bytes.

use super::expected::Expected;
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
/// false.
pub(crate) fn put_field<'t>(
    out: &mut Vec<u8>,
    tables: &'t Tables,
    field: &Field,
    scalar: Scalar<'_>,
    keep_default: bool,
) -> Result<(), Expected<'t>> {
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
pub(crate) fn put_payload<'t>(
    out: &mut Vec<u8>,
    tables: &'t Tables,
    kind: Kind,
    scalar: Scalar<'_>,
) -> Result<(), Expected<'t>> {
    put_fitting(out, tables, kind, scalar).ok_or_else(|| Expected::new(tables, kind))
}

/// Writes one value without its tag. `None` when it does not fit its kind.
fn put_fitting(out: &mut Vec<u8>, tables: &Tables, kind: Kind, scalar: Scalar<'_>) -> Option<()> {
    match kind {
        Kind::Int32 => put_varint(out, i64::from(integer::<i32>(scalar)?).cast_unsigned()),
        Kind::Int64 => put_varint(out, integer::<i64>(scalar)?.cast_unsigned()),
        Kind::Uint32 => put_varint(out, u64::from(integer::<u32>(scalar)?)),
        Kind::Uint64 => put_varint(out, integer::<u64>(scalar)?),
        Kind::Sint32 => {
            let value = integer::<i32>(scalar)?;
            put_varint(out, u64::from(((value << 1) ^ (value >> 31)).cast_unsigned()));
        }
        Kind::Sint64 => {
            let value = integer::<i64>(scalar)?;
            put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
        }
        Kind::Fixed32 => out.extend_from_slice(&integer::<u32>(scalar)?.to_le_bytes()),
        Kind::Fixed64 => out.extend_from_slice(&integer::<u64>(scalar)?.to_le_bytes()),
        Kind::Sfixed32 => out.extend_from_slice(&integer::<i32>(scalar)?.to_le_bytes()),
        Kind::Sfixed64 => out.extend_from_slice(&integer::<i64>(scalar)?.to_le_bytes()),
        Kind::Double => out.extend_from_slice(&double(scalar)?.to_le_bytes()),
        Kind::Float => out.extend_from_slice(&float(scalar)?.to_le_bytes()),
        Kind::Bool => out.push(scalar.boolean()?.into()),
        Kind::String => put_length_delimited(out, scalar.text()?.as_bytes()),
        Kind::Bytes => put_length_delimited(out, &text::base64(scalar.text()?).ok()?),
        Kind::Enum(id) => {
            let known = scalar.text().and_then(|name| tables.enumeration(id).number(name));
            let number = match (known, scalar) {
                (Some(number), _) => number,
                (None, Scalar::Number(_) | Scalar::Bare(_)) => integer::<i32>(scalar)?,
                _ => return None,
            };
            put_varint(out, i64::from(number).cast_unsigned());
        }
        Kind::Message(id) => {
            let start = begin_length(out);
            well_known::put_scalar(out, tables, tables.message(id), scalar)?;
            end_length(out, start);
        }
    }
    Some(())
}

fn integer<T: TryFrom<i128>>(scalar: Scalar<'_>) -> Option<T> {
    T::try_from(number::integer(scalar.number()?)?).ok()
}

fn double(scalar: Scalar<'_>) -> Option<f64> {
    let named = scalar.text().and_then(number::named_float).map(f64::from);
    named.or_else(|| scalar.number().and_then(number::double))
}

fn float(scalar: Scalar<'_>) -> Option<f32> {
    let named = scalar.text().and_then(number::named_float);
    named.or_else(|| scalar.number().and_then(number::float))
}
