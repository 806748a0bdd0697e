//! How each type of field is read off the wire.

use super::{check::Value, record::Payload, table::Shape};
use crate::wire::{Corrupt, Cursor};

impl Shape {
    /// Whether many values may share one length-delimited record.
    pub(super) fn is_packable(self) -> bool {
        !matches!(self, Self::Text | Self::Bytes | Self::Message { .. })
    }

    /// The value of a record; none where the wire type is not that of the field, which makes it an unknown field.
    /// The bytes of a message stay bytes.
    pub(super) fn read(self, payload: Payload<'_>) -> Result<Option<Value<'_>>, Corrupt> {
        Ok(Some(match (self, payload) {
            (Self::Text, Payload::Bytes(bytes)) => Value::Text(
                str::from_utf8(bytes).map_err(|_| Corrupt("a string is not valid UTF-8"))?,
            ),
            (Self::Bytes | Self::Message { .. }, Payload::Bytes(bytes)) => Value::Bytes(bytes),
            (shape, Payload::Varint(bits)) if shape.width() == Width::Varint => shape.number(bits),
            (shape, Payload::Fixed32(bits)) if shape.width() == Width::Four => {
                shape.number(bits.into())
            }
            (shape, Payload::Fixed64(bits)) if shape.width() == Width::Eight => shape.number(bits),
            _ => return Ok(None),
        }))
    }

    /// The next value of a packed record.
    pub(super) fn read_packed(self, cursor: &mut Cursor) -> Result<Value<'static>, Corrupt> {
        let bits = match self.width() {
            Width::Four => u32::from_le_bytes(cursor.fixed32()?).into(),
            Width::Eight => u64::from_le_bytes(cursor.fixed64()?),
            Width::Varint | Width::Delimited => cursor.varint()?,
        };
        Ok(self.number(bits))
    }

    /// What an unset field reads as.
    pub(super) fn zero(self) -> Value<'static> {
        match self {
            Self::Text => Value::Text(""),
            Self::Bytes | Self::Message { .. } => Value::Bytes(&[]),
            number => number.number(0),
        }
    }

    fn width(self) -> Width {
        match self {
            Self::Fixed32 | Self::Sfixed32 | Self::Float => Width::Four,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => Width::Eight,
            Self::Text | Self::Bytes | Self::Message { .. } => Width::Delimited,
            _ => Width::Varint,
        }
    }

    /// The value in the bits of the wire. The 32-bit types keep the low half of a longer varint, as protobuf says.
    #[expect(clippy::cast_possible_truncation, reason = "the wire format truncates")]
    fn number(self, bits: u64) -> Value<'static> {
        let half = bits as u32;
        match self {
            Self::Int32 | Self::Sfixed32 => Value::Int(half.cast_signed().into()),
            Self::Int64 | Self::Sfixed64 => Value::Int(bits.cast_signed()),
            Self::Sint32 => {
                Value::Int(((half >> 1).cast_signed() ^ -(half & 1).cast_signed()).into())
            }
            Self::Sint64 => Value::Int((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()),
            Self::Uint32 | Self::Fixed32 => Value::Uint(half.into()),
            Self::Float => Value::Float(f32::from_bits(half).into()),
            Self::Double => Value::Float(f64::from_bits(bits)),
            Self::Bool => Value::Bool(bits != 0),
            Self::Uint64 | Self::Fixed64 | Self::Text | Self::Bytes | Self::Message { .. } => {
                Value::Uint(bits)
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Width {
    Varint,
    Four,
    Eight,
    Delimited,
}
