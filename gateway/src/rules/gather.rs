//! What a single pass cannot know: the parts of split messages, and how many elements differ.
use std::collections::HashSet;

use super::{
    check::Value,
    path,
    record::{self, Payload},
    table::{Field, Shape},
    walk::{Node, Slot},
};
use crate::wire::{Corrupt, Cursor};

/// The parts of every message field that was sent more than once, and at most `max` times, in order of field and
/// arrival. One pass for all of them, so that many split fields cost no more than one.
pub(super) fn pieces<'n>(
    node: &Node<'n>,
    slots: &[Slot<'n>],
    max: usize,
) -> Result<Vec<(usize, &'n [u8])>, Corrupt> {
    let mut pieces = Vec::new();
    let is_split = |index: usize| {
        let field = &node.table.fields[index];
        (2..=max).contains(&slots[index].count)
            && field.list.is_none()
            && matches!(field.value.shape, Shape::Message { .. })
    };
    if !(0..slots.len()).any(is_split) {
        return Ok(pieces);
    }
    let mut ordinal = 0;
    for part in node.parts {
        let mut cursor = Cursor::new(part);
        while let Some((number, payload)) = record::next(&mut cursor)? {
            ordinal += 1;
            let Some(index) = node.table.position(number) else { continue };
            if ordinal < slots[index].first || !is_split(index) {
                continue;
            }
            if let Some(Value::Bytes(bytes)) = node.table.fields[index].value.shape.read(payload)? {
                pieces.push((index, bytes));
            }
        }
    }
    pieces.sort_by_key(|piece| piece.0);
    Ok(pieces)
}

/// How many different items a repeated field has, or keys where `key` gives the shape of a map's.
pub(super) fn distinct(
    parts: &[&[u8]],
    field: &Field,
    key: Option<Shape>,
) -> Result<usize, Corrupt> {
    let shape = field.value.shape;
    let mut seen = HashSet::new();
    for part in parts {
        let mut cursor = Cursor::new(part);
        while let Some((number, payload)) = record::next(&mut cursor)? {
            match (payload, key) {
                _ if number != field.number => {}
                (Payload::Bytes(entry), Some(key)) => {
                    seen.insert(Identity::of(path::key(entry, key)));
                }
                (Payload::Bytes(bytes), None) if shape.is_packable() => {
                    let mut cursor = Cursor::new(bytes);
                    while !cursor.is_empty() {
                        seen.insert(Identity::of(shape.read_packed(&mut cursor)?));
                    }
                }
                _ => seen.extend(shape.read(payload)?.map(Identity::of)),
            }
        }
    }
    Ok(seen.len())
}

/// The seconds and nanoseconds of a duration or timestamp.
pub(super) fn time(parts: &[&[u8]]) -> Result<Value<'static>, Corrupt> {
    let (mut seconds, mut nanos) = (0, 0);
    for part in parts {
        let mut cursor = Cursor::new(part);
        while let Some((number, payload)) = record::next(&mut cursor)? {
            match (number, payload) {
                (1, Payload::Varint(bits)) => seconds = bits.cast_signed(),
                #[expect(clippy::cast_possible_truncation, reason = "the wire format truncates")]
                (2, Payload::Varint(bits)) => nanos = (bits as u32).cast_signed(),
                _ => {}
            }
        }
    }
    Ok(Value::Time(seconds, nanos))
}

/// A value by which items are told apart.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    Bits(u64),
    Bytes(&'a [u8]),
}

impl<'a> Identity<'a> {
    fn of(value: Value<'a>) -> Self {
        match value {
            Value::Int(number) => Self::Bits(number.cast_unsigned()),
            Value::Uint(number) => Self::Bits(number),
            // The sum turns -0.0 into 0.0, which equals it.
            Value::Float(number) => Self::Bits((number + 0.0).to_bits()),
            Value::Bool(value) => Self::Bits(value.into()),
            Value::Text(text) => Self::Bytes(text.as_bytes()),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Time(seconds, nanos) => {
                Self::Bits(seconds.cast_unsigned() ^ u64::from(nanos.cast_unsigned()))
            }
        }
    }
}
