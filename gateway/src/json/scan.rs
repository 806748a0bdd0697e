//! Where each field of a message is in its wire bytes, by the rules of protobuf for merging them.

use std::ops::Range;

use crate::tables::{Cardinality, Field, Message};
use crate::wire::{Corrupt, Cursor, WireType};

/// One value of a field, by its place in the wire bytes of its message. It is small, because there
/// may be one for every two bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    field: u32,
    start: u32,
    /// The length doubled, and one when the payload is a list of values without tags.
    length_and_form: u32,
}

impl Occurrence {
    /// `None` when the numbers do not fit; a message on the wire has less than 2 GiB.
    pub(super) fn new(field: usize, payload: Range<usize>, is_packed: bool) -> Option<Self> {
        let length = u32::try_from(payload.len()).ok()?;
        Some(Self {
            field: u32::try_from(field).ok()?,
            start: u32::try_from(payload.start).ok()?,
            length_and_form: length.checked_mul(2)? | u32::from(is_packed),
        })
    }

    /// The place of the field in its message.
    pub(super) fn field(self) -> usize {
        self.field as usize
    }

    pub(super) fn payload(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + (self.length_and_form / 2) as usize
    }

    /// The payload is a list of values without tags.
    pub(super) fn is_packed(self) -> bool {
        self.length_and_form % 2 == 1
    }
}

/// Whether a value of a field is a list of values without tags. `None` when it has another wire type
/// than its field, so that it is unknown.
pub(super) fn is_packed(field: &Field, wire_type: WireType) -> Option<bool> {
    if wire_type == field.wire_type() {
        return Some(false);
    }
    let is_list = matches!(field.cardinality, Cardinality::Repeated | Cardinality::Packed);
    (is_list && wire_type == WireType::LengthDelimited).then_some(true)
}

/// Finds every value of a known field, in the order of the fields. Of a oneof only the member that
/// came last is kept.
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
        let Some(is_packed) = is_packed(field, wire_type) else { continue };
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
        let occurrence = Occurrence::new(field.index, end - payload.len()..end, is_packed);
        found.push(occurrence.ok_or(Corrupt("the message is too large"))?);
    }
    if is_overridden {
        let mut at = start;
        let mut kept = start;
        while let Some(&occurrence) = found.get(at) {
            let oneof = message.fields[occurrence.field()].oneof;
            let last = members.iter().find(|member| Some(member.oneof) == oneof);
            if last.is_none_or(|last| last.field == occurrence.field() && at >= last.since) {
                found[kept] = occurrence;
                kept += 1;
            }
            at += 1;
        }
        found.truncate(kept);
    }
    let found = &mut found[start..];
    if !found.is_sorted_by_key(|occurrence| occurrence.field()) {
        found.sort_by_key(|occurrence| occurrence.field());
    }
    Ok(())
}

/// The member of a oneof that was set last, and from where on.
struct Member {
    oneof: usize,
    field: usize,
    since: usize,
}
