//! Messages printed while they are read, as long as their fields come in the order of their numbers
//! and each at one place. Nearly all writers of protobuf send them so; what comes otherwise has to
//! be scanned first.

use super::printer::{Printer, is_default};
use super::scan::{Occurrence, is_packed};
use crate::tables::{Cardinality, Field, Message};
use crate::wire::{Corrupt, Cursor};

impl<'t> Printer<'t> {
    /// Prints something as a whole, and again from its start when a message in it turns out not to
    /// be in order, or to be wrong. After that everything is scanned, so that nothing is printed a third time.
    #[inline]
    pub(super) fn in_either_order(
        &mut self,
        print: impl Fn(&mut Self) -> Result<(), Corrupt>,
    ) -> Result<(), Corrupt> {
        if self.scans || self.depth > 0 {
            return print(self);
        }
        let (text, occurrences) = (self.out.len(), self.occurrences.len());
        if print(self).is_ok() {
            return Ok(());
        }
        // What is wrong with a value may be right with all of its parts.
        self.scans = true;
        self.out.truncate(text);
        self.occurrences.truncate(occurrences);
        self.depth = 0;
        print(self)
    }

    /// Prints the fields of a message with commas before all but the first.
    pub(super) fn members_in_order(
        &mut self,
        message: &'t Message,
        wire: &[u8],
    ) -> Result<(), Corrupt> {
        let mut cursor = Cursor::new(wire);
        let (mut next, mut oneofs) = (0, 0_u64);
        while !cursor.is_empty() {
            let (number, wire_type) = cursor.tag()?;
            let payload = cursor.payload(number, wire_type)?;
            let Some(field) = message.field_by_number(number) else { continue };
            let Some(is_packed) = is_packed(field, wire_type) else { continue };
            let Some(unset) = message.fields.get(next..field.index) else {
                return Err(out_of_order());
            };
            next = field.index + 1;
            if let Some(oneof) = field.oneof {
                // Oneofs that share a bit only make for a scan that was not needed.
                let bit = 1 << (oneof % 64);
                if oneofs & bit != 0 {
                    return Err(out_of_order());
                }
                oneofs |= bit;
            }
            self.unset_members(unset)?;
            match field.cardinality {
                Cardinality::Singular => self.singular_member(field, payload)?,
                Cardinality::Repeated | Cardinality::Packed => {
                    self.list_member(field, payload, is_packed, &mut cursor)?;
                }
                Cardinality::Map => self.map_member(field, wire, payload.len(), &mut cursor)?,
            }
        }
        self.unset_members(&message.fields[next..])
    }

    fn unset_members(&mut self, fields: &'t [Field]) -> Result<(), Corrupt> {
        if self.options.emit_unpopulated {
            for field in fields.iter().filter(|field| !field.has_presence) {
                self.key(field);
                self.values(field, &[], 0..0)?;
            }
        }
        Ok(())
    }

    fn singular_member(&mut self, field: &Field, payload: &[u8]) -> Result<(), Corrupt> {
        let is_told = self.options.emit_unpopulated || field.has_presence;
        if is_told || !is_default(field.kind, payload) {
            self.key(field);
            self.value(field.kind, payload)?;
        }
        Ok(())
    }

    /// Prints a list from its first value on, which was read already.
    fn list_member<'w>(
        &mut self,
        field: &Field,
        mut payload: &'w [u8],
        mut is_packed: bool,
        cursor: &mut Cursor<'w>,
    ) -> Result<(), Corrupt> {
        let before = self.out.len();
        self.key(field);
        self.out.push(b'[');
        let first = self.out.len();
        loop {
            self.elements(field, payload, is_packed)?;
            let Some(next) = another(cursor, field)? else { break };
            (payload, is_packed) = next;
        }
        if self.out.len() == first && !self.options.emit_unpopulated {
            self.out.truncate(before);
        } else {
            self.out.push(b']');
        }
        Ok(())
    }

    /// Prints a map from its first entry on, which was read already and has this length.
    fn map_member<'w>(
        &mut self,
        field: &Field,
        wire: &'w [u8],
        mut length: usize,
        cursor: &mut Cursor<'w>,
    ) -> Result<(), Corrupt> {
        let start = self.occurrences.len();
        loop {
            let end = wire.len() - cursor.remaining();
            let occurrence = Occurrence::new(field.index, end - length..end, false);
            self.occurrences.push(occurrence.ok_or(Corrupt("the message is too large"))?);
            let Some((payload, _)) = another(cursor, field)? else { break };
            length = payload.len();
        }
        self.key(field);
        self.map(field, wire, start..self.occurrences.len())?;
        self.occurrences.truncate(start);
        Ok(())
    }
}

/// Gives up, so that all is printed again by scanning. A message that did so by itself could be
/// inside others that do so too, and would be printed twice as often with each of them.
fn out_of_order() -> Corrupt {
    Corrupt("the fields are not in order")
}

/// The value of a message that holds no more than one of a singular field.
pub(super) fn sole_value<'t, 'w>(
    message: &'t Message,
    wire: &'w [u8],
) -> Result<Option<(&'t Field, &'w [u8])>, Corrupt> {
    let mut cursor = Cursor::new(wire);
    if cursor.is_empty() {
        return Ok(None);
    }
    let (number, wire_type) = cursor.tag()?;
    let field = message.field_by_number(number).filter(|field| {
        field.cardinality == Cardinality::Singular && field.wire_type() == wire_type
    });
    let Some(field) = field else { return Ok(None) };
    let payload = cursor.payload(number, wire_type)?;
    Ok(cursor.is_empty().then_some((field, payload)))
}

/// Reads the value that comes next when it belongs to the same field; whether it is packed, too.
fn another<'w>(
    cursor: &mut Cursor<'w>,
    field: &Field,
) -> Result<Option<(&'w [u8], bool)>, Corrupt> {
    let mut ahead = cursor.clone();
    if ahead.is_empty() {
        return Ok(None);
    }
    let (number, wire_type) = ahead.tag()?;
    let is_packed = is_packed(field, wire_type).filter(|_| number == field.number);
    let Some(is_packed) = is_packed else { return Ok(None) };
    let payload = ahead.payload(number, wire_type)?;
    *cursor = ahead;
    Ok(Some((payload, is_packed)))
}
