//! Where each field of a message is in its wire bytes, by the rules of protobuf for merging them.

use std::ops::Range;

use crate::tables::{Cardinality, Message};
use crate::wire::{Corrupt, Cursor, WireType};

/// One value of a field, by its place in the wire bytes of its message.
#[derive(Clone, Debug)]
pub(super) struct Occurrence {
    /// The place of the field in its message.
    pub(super) field: usize,
    pub(super) payload: Range<usize>,
    /// The payload is a list of values without tags.
    pub(super) is_packed: bool,
}

/// Finds every value of a known field, in the order of the fields. A value of another wire type
/// than its field has is unknown, and of a oneof only the member that came last is kept.
pub(super) fn scan(
    message: &Message,
    wire: &[u8],
    found: &mut Vec<Occurrence>,
) -> Result<(), Corrupt> {
    let start = found.len();
    let mut members: Vec<Member> = Vec::new();
    let mut is_overridden = false;
    let mut cursor = Cursor::new(wire);
    while !cursor.is_empty() {
        let (number, wire_type) = cursor.tag()?;
        let payload = cursor.payload(number, wire_type)?;
        let Some(field) = message.field_by_number(number) else { continue };
        let is_list = matches!(field.cardinality, Cardinality::Repeated | Cardinality::Packed);
        let is_packed = wire_type != field.wire_type();
        if is_packed && !(is_list && wire_type == WireType::LengthDelimited) {
            continue;
        }
        if let Some(oneof) = field.oneof {
            let member = Member { oneof, field: field.index, since: found.len() };
            match members.iter_mut().find(|other| other.oneof == oneof) {
                None => members.push(member),
                Some(other) if other.field != field.index => {
                    *other = member;
                    is_overridden = true;
                }
                Some(_) => {}
            }
        }
        let end = wire.len() - cursor.remaining();
        // A payload is the last that was read, so that it ends where the reader stands.
        found.push(Occurrence { field: field.index, payload: end - payload.len()..end, is_packed });
    }
    if is_overridden {
        let is_current = |&(at, ref occurrence): &(usize, Occurrence)| {
            let oneof = message.fields[occurrence.field].oneof;
            members
                .iter()
                .find(|m| Some(m.oneof) == oneof)
                .is_none_or(|m| m.field == occurrence.field && at >= m.since)
        };
        let kept: Vec<_> = (start..).zip(found.drain(start..)).filter(is_current).collect();
        found.extend(kept.into_iter().map(|(_, occurrence)| occurrence));
    }
    let found = &mut found[start..];
    if !found.is_sorted_by_key(|occurrence| occurrence.field) {
        found.sort_by_key(|occurrence| occurrence.field);
    }
    Ok(())
}

/// The member of a oneof that was set last, and from where on.
struct Member {
    oneof: usize,
    field: usize,
    since: usize,
}
