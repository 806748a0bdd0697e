//! Wire bytes to canonical proto3 JSON, driven by the tables.
//!
//! Fields are printed in the order of their numbers. The wire may hold them in any order, split,
//! repeated, packed or not, and two members of one oneof: then a message is scanned once, to find
//! where each field is.

use std::borrow::Cow;
use std::ops::Range;

use super::print_in_order::sole_value;
use super::scan::{Occurrence, scan};
use super::{number, text};
use crate::tables::{Cardinality, EnumId, Field, Kind, Message, MessageId, Tables};
use crate::wire::{Corrupt, Cursor};

/// Deeper messages are refused, as other implementations of protobuf do; stacks are finite.
const DEPTH_MAX: usize = 100;

#[derive(Clone, Copy, Debug)]
pub(crate) struct PrintOptions {
    /// Prints fields that are unset and have no presence with their default.
    pub(crate) emit_unpopulated: bool,
}

pub(crate) struct Printer<'t> {
    pub(crate) tables: &'t Tables,
    pub(crate) out: Vec<u8>,
    pub(super) options: PrintOptions,
    /// A message was not in order, so that all are scanned.
    pub(super) scans: bool,
    /// What the scan of every message that is open found, the innermost last.
    pub(super) occurrences: Vec<Occurrence>,
    pub(super) depth: usize,
}

impl<'t> Printer<'t> {
    pub(crate) fn new(tables: &'t Tables, options: PrintOptions, out: Vec<u8>) -> Self {
        Self { tables, out, options, scans: false, occurrences: Vec::new(), depth: 0 }
    }

    /// Prints the JSON of a message.
    pub(crate) fn message(&mut self, id: MessageId, wire: &[u8]) -> Result<(), Corrupt> {
        let message = self.tables.message(id);
        self.in_either_order(|printer| {
            printer.nested(|printer| {
                if let Some(well_known) = message.well_known {
                    return printer.well_known(message, well_known, wire);
                }
                printer.out.push(b'{');
                printer.members(message, wire)?;
                printer.out.push(b'}');
                Ok(())
            })
        })
    }

    /// Prints one field of a message as a value by itself; null when it is a message that is not
    /// set.
    pub(crate) fn field_value(
        &mut self,
        message: &'t Message,
        field: &'t Field,
        wire: &[u8],
    ) -> Result<(), Corrupt> {
        self.scanned(message, wire, |printer, found| {
            let found = printer.of_field(field, found.start..found.end);
            match (field.cardinality, field.kind) {
                (Cardinality::Singular, Kind::Message(_)) if found.is_empty() => {
                    printer.out.extend_from_slice(b"null");
                    Ok(())
                }
                _ => printer.values(field, wire, found),
            }
        })
    }

    /// Prints the fields of a message with commas before all but the first.
    pub(crate) fn members(&mut self, message: &'t Message, wire: &[u8]) -> Result<(), Corrupt> {
        if !self.scans {
            return self.members_in_order(message, wire);
        }
        self.scanned(message, wire, |printer, mut rest| {
            for field in &message.fields {
                let found = printer.of_field(field, rest.clone());
                rest.start = found.end;
                if !printer.is_printed(field, wire, found.clone()) {
                    continue;
                }
                printer.key(field);
                printer.values(field, wire, found)?;
            }
            Ok(())
        })
    }

    pub(super) fn key(&mut self, field: &Field) {
        if !matches!(self.out.last(), Some(b'{')) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(&field.json_key);
    }

    /// Prints the only field of a message without its name, or the one that is set; answers whether
    /// any is.
    pub(crate) fn only_value(
        &mut self,
        message: &'t Message,
        wire: &[u8],
    ) -> Result<Option<&'t Field>, Corrupt> {
        if let Some((field, payload)) = sole_value(message, wire)? {
            return self.value(field.kind, payload).map(|()| Some(field));
        }
        self.scanned(message, wire, |printer, found| {
            let Some(first) = printer.occurrences[found.clone()].first() else { return Ok(None) };
            let field = &message.fields[first.field()];
            printer.values(field, wire, found)?;
            Ok(Some(field))
        })
    }

    /// Prints the default of a kind.
    pub(crate) fn default_value(&mut self, kind: Kind) -> Result<(), Corrupt> {
        match kind {
            Kind::Message(id) => self.message(id, &[]),
            Kind::String | Kind::Bytes => self.value(kind, &[]),
            _ => self.value(kind, &[0; 8]),
        }
    }

    /// Counts one level of nesting around `print`.
    pub(super) fn nested(
        &mut self,
        print: impl FnOnce(&mut Self) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Corrupt("messages are nested too deeply"));
        }
        print(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// Scans a message, hands what was found to `print`, and forgets it again.
    fn scanned<T>(
        &mut self,
        message: &'t Message,
        wire: &[u8],
        print: impl FnOnce(&mut Self, Range<usize>) -> Result<T, Corrupt>,
    ) -> Result<T, Corrupt> {
        let start = self.occurrences.len();
        scan(message, wire, &mut self.occurrences)?;
        let end = self.occurrences.len();
        let printed = print(self, start..end)?;
        self.occurrences.truncate(start);
        Ok(printed)
    }

    /// The part of what a scan found that belongs to a field. What was found is in the order of the
    /// fields.
    fn of_field(&self, field: &Field, found: Range<usize>) -> Range<usize> {
        let occurrences = &self.occurrences[found.clone()];
        let before = occurrences.iter().take_while(|o| o.field() < field.index).count();
        let own = occurrences[before..].iter().take_while(|o| o.field() == field.index).count();
        found.start + before..found.start + before + own
    }

    fn is_printed(&self, field: &Field, wire: &[u8], found: Range<usize>) -> bool {
        if field.has_presence {
            return !found.is_empty();
        }
        let is_default = |last: &Occurrence| is_default(field.kind, &wire[last.payload()]);
        let is_element =
            |occurrence: &Occurrence| !(occurrence.is_packed() && occurrence.payload().is_empty());
        let occurrences = &self.occurrences[found];
        self.options.emit_unpopulated
            || match field.cardinality {
                Cardinality::Singular => occurrences.last().is_some_and(|last| !is_default(last)),
                _ => occurrences.iter().any(is_element),
            }
    }

    pub(super) fn values(
        &mut self,
        field: &'t Field,
        wire: &[u8],
        found: Range<usize>,
    ) -> Result<(), Corrupt> {
        match field.cardinality {
            Cardinality::Singular => self.singular(field, wire, found),
            Cardinality::Repeated | Cardinality::Packed => self.list(field, wire, found),
            Cardinality::Map => self.map(field, wire, found),
        }
    }

    /// The last value counts, but messages that are given in parts are put together.
    fn singular(&mut self, field: &Field, wire: &[u8], found: Range<usize>) -> Result<(), Corrupt> {
        match &self.occurrences[found] {
            [] => self.default_value(field.kind),
            [.., last] if !matches!(field.kind, Kind::Message(_)) => {
                let payload = last.payload();
                self.value(field.kind, &wire[payload])
            }
            parts => {
                let payload = match parts {
                    [only] => Cow::Borrowed(&wire[only.payload()]),
                    parts => Cow::Owned(
                        parts.iter().flat_map(|part| &wire[part.payload()]).copied().collect(),
                    ),
                };
                self.value(field.kind, &payload)
            }
        }
    }

    fn list(&mut self, field: &Field, wire: &[u8], found: Range<usize>) -> Result<(), Corrupt> {
        self.out.push(b'[');
        for index in found {
            let occurrence = self.occurrences[index];
            self.elements(field, &wire[occurrence.payload()], occurrence.is_packed())?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// Prints one element of a list, or the packed ones, with a comma before all but the first.
    pub(super) fn elements(
        &mut self,
        field: &Field,
        payload: &[u8],
        is_packed: bool,
    ) -> Result<(), Corrupt> {
        if !is_packed {
            return self.element(field.kind, payload);
        }
        let mut packed = Cursor::new(payload);
        while !packed.is_empty() {
            let element = packed.payload(field.number, field.wire_type())?;
            self.element(field.kind, element)?;
        }
        Ok(())
    }

    fn element(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Corrupt> {
        // No element ends with the bracket that opens a list.
        if !matches!(self.out.last(), Some(b'[')) {
            self.out.push(b',');
        }
        self.value(kind, payload)
    }

    /// The last entry of a key counts.
    pub(crate) fn map(
        &mut self,
        field: &Field,
        wire: &[u8],
        found: Range<usize>,
    ) -> Result<(), Corrupt> {
        let Some((_, entry)) = self.tables.message_of(field) else {
            return Err(Corrupt("a map has no entries"));
        };
        let [key_field, value_field] = entry.fields.as_slice() else {
            return Err(Corrupt("a map entry has no key and value"));
        };
        // The JSON of the key is also what tells keys apart. All of them stand in one text.
        let json = std::mem::take(&mut self.out);
        let mut ends = Vec::with_capacity(found.len());
        let printed = found.clone().try_for_each(|index| {
            let wire = &wire[self.occurrences[index].payload()];
            self.scanned(entry, wire, |printer, found| {
                let key = printer.of_field(key_field, found);
                printer.map_key(key_field, wire, key)
            })?;
            ends.push(self.out.len());
            Ok(())
        });
        let keys = std::mem::replace(&mut self.out, json);
        printed?;
        self.out.push(b'{');
        for (place, key) in last_of_each(&keys, &ends) {
            if self.out.last() != Some(&b'{') {
                self.out.push(b',');
            }
            self.out.extend_from_slice(key);
            self.out.push(b':');
            let wire = &wire[self.occurrences[found.start + place].payload()];
            self.scanned(entry, wire, |printer, found| {
                let value = printer.of_field(value_field, found);
                printer.singular(value_field, wire, value)
            })?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn map_key(&mut self, field: &Field, wire: &[u8], found: Range<usize>) -> Result<(), Corrupt> {
        let start = self.out.len();
        self.singular(field, wire, found)?;
        if self.out.get(start) != Some(&b'"') {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        }
        Ok(())
    }

    pub(super) fn value(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Corrupt> {
        let mut cursor = Cursor::new(payload);
        let out = &mut self.out;
        match kind {
            Kind::Message(id) => return self.message(id, payload),
            Kind::Enum(id) => {
                let value = low_half(cursor.varint()?).cast_signed();
                self.enumeration(id, value);
            }
            Kind::String => {
                text::put_utf8(out, payload).ok_or(Corrupt("a string is not UTF-8"))?;
            }
            Kind::Bytes => text::put_base64(out, payload),
            Kind::Bool => out.extend_from_slice(match cursor.varint()? {
                0 => b"false",
                _ => b"true",
            }),
            Kind::Int32 => number::put_integer(out, low_half(cursor.varint()?).cast_signed()),
            Kind::Uint32 => number::put_integer(out, low_half(cursor.varint()?)),
            Kind::Sint32 => {
                let value = low_half(cursor.varint()?);
                number::put_integer(out, (value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
            Kind::Fixed32 => number::put_integer(out, u32::from_le_bytes(cursor.fixed32()?)),
            Kind::Sfixed32 => number::put_integer(out, i32::from_le_bytes(cursor.fixed32()?)),
            Kind::Int64 => number::put_quoted_integer(out, cursor.varint()?.cast_signed()),
            Kind::Uint64 => number::put_quoted_integer(out, cursor.varint()?),
            Kind::Sint64 => {
                let value = cursor.varint()?;
                let value = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
                number::put_quoted_integer(out, value);
            }
            Kind::Fixed64 => number::put_quoted_integer(out, u64::from_le_bytes(cursor.fixed64()?)),
            Kind::Sfixed64 => {
                number::put_quoted_integer(out, i64::from_le_bytes(cursor.fixed64()?));
            }
            Kind::Double => number::put_float(out, f64::from_le_bytes(cursor.fixed64()?)),
            Kind::Float => number::put_float(out, f32::from_le_bytes(cursor.fixed32()?)),
        }
        Ok(())
    }

    fn enumeration(&mut self, id: EnumId, value: i32) {
        let enumeration = self.tables.enumeration(id);
        match enumeration.name(value) {
            _ if enumeration.is_null_value => self.out.extend_from_slice(b"null"),
            Some(name) => text::put_string(&mut self.out, name),
            None => number::put_integer(&mut self.out, value),
        }
    }
}

/// Whether a payload is the default of its kind. A varint may be longer than it has to be, and wider
/// than its type.
pub(super) fn is_default(kind: Kind, payload: &[u8]) -> bool {
    let varint = || Cursor::new(payload).varint();
    match kind {
        Kind::String | Kind::Bytes => payload.is_empty(),
        Kind::Bool | Kind::Int64 | Kind::Uint64 | Kind::Sint64 => varint() == Ok(0),
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Enum(_) => {
            varint().map(low_half) == Ok(0)
        }
        _ => payload.iter().all(|&byte| byte == 0),
    }
}

/// The place and the text of the last of all equal keys, in the order of their places. Sorting takes
/// less memory than a table of hashes, and cannot be made slow by the choice of keys.
fn last_of_each<'k>(keys: &'k [u8], ends: &'k [usize]) -> impl Iterator<Item = (usize, &'k [u8])> {
    let key = |place: usize| {
        let start = place.checked_sub(1).map_or(0, |before| ends[before]);
        &keys[start..ends[place]]
    };
    let mut places: Vec<usize> = (0..ends.len()).collect();
    places.sort_unstable_by_key(|&place| (key(place), place));
    places.dedup_by(|later, earlier| {
        let is_same = key(*later) == key(*earlier);
        if is_same {
            *earlier = *later;
        }
        is_same
    });
    places.sort_unstable();
    places.into_iter().map(move |place| (place, key(place)))
}

/// Integers of 32 bits may be sent with their sign extended to 64, and what stands above them counts
/// for nothing.
pub(super) fn low_half(varint: u64) -> u32 {
    let [a, b, c, d, ..] = varint.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
