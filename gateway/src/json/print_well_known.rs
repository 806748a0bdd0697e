//! The JSON forms of the well-known types, from wire bytes.

use super::printer::{Printer, low_half};
use super::time::{self, Seconds};
use super::{field_mask, text};
use crate::tables::{Kind, Message, WellKnown};
use crate::wire::{Corrupt, Cursor, WireType, text_and_bytes};

impl<'t> Printer<'t> {
    /// Prints the JSON of a well-known message.
    pub(super) fn well_known(
        &mut self,
        message: &'t Message,
        well_known: WellKnown,
        wire: &[u8],
    ) -> Result<(), Corrupt> {
        match well_known {
            WellKnown::Any => self.any(wire),
            WellKnown::Empty => {
                self.out.extend_from_slice(b"{}");
                Ok(())
            }
            WellKnown::Timestamp => time::put_timestamp(&mut self.out, seconds(wire)?)
                .ok_or(Corrupt("a timestamp is out of range")),
            WellKnown::Duration => time::put_duration(&mut self.out, seconds(wire)?)
                .ok_or(Corrupt("a duration is out of range")),
            WellKnown::FieldMask => self.field_mask(wire),
            WellKnown::Struct => self.only_value_or(message, wire, b"{}"),
            WellKnown::ListValue => self.only_value_or(message, wire, b"[]"),
            WellKnown::Value => self.value_message(message, wire),
            WellKnown::Wrapper => match (self.only_value(message, wire)?, message.fields.first()) {
                (None, Some(field)) => self.default_value(field.kind),
                _ => Ok(()),
            },
        }
    }

    fn only_value_or(
        &mut self,
        message: &'t Message,
        wire: &[u8],
        otherwise: &[u8],
    ) -> Result<(), Corrupt> {
        if self.only_value(message, wire)?.is_none() {
            self.out.extend_from_slice(otherwise);
        }
        Ok(())
    }

    fn value_message(&mut self, message: &'t Message, wire: &[u8]) -> Result<(), Corrupt> {
        let start = self.out.len();
        let field = self.only_value(message, wire)?;
        let is_number = field.is_some_and(|field| field.kind == Kind::Double);
        if is_number && self.out.get(start) == Some(&b'"') {
            return Err(Corrupt(
                "a `google.protobuf.Value` cannot hold a number that JSON has not",
            ));
        }
        if field.is_none() {
            self.out.extend_from_slice(b"null");
        }
        Ok(())
    }

    fn field_mask(&mut self, wire: &[u8]) -> Result<(), Corrupt> {
        let mut paths = Vec::new();
        let mut cursor = Cursor::new(wire);
        while !cursor.is_empty() {
            let (number, wire_type) = cursor.tag()?;
            let payload = cursor.payload(number, wire_type)?;
            if (number, wire_type) == (1, WireType::LengthDelimited) {
                let path = str::from_utf8(payload).ok().and_then(field_mask::path_to_json);
                paths.push(path.ok_or(Corrupt("a path of a field mask has no JSON form"))?);
            }
        }
        text::put_string(&mut self.out, &paths.join(","));
        Ok(())
    }

    /// Prints a `google.protobuf.Any`, whose type must be known.
    pub(crate) fn any(&mut self, wire: &[u8]) -> Result<(), Corrupt> {
        self.in_either_order(|printer| printer.typed(wire))
    }

    fn typed(&mut self, wire: &[u8]) -> Result<(), Corrupt> {
        let (type_url, value) = text_and_bytes(wire)?;
        if type_url.is_empty() && value.is_empty() {
            self.out.extend_from_slice(b"{}");
            return Ok(());
        }
        let id = self.tables.find_by_type_url(type_url);
        let id = id.ok_or(Corrupt("the type of an `Any` is not known"))?;
        let message = self.tables.message(id);
        self.out.extend_from_slice(b"{\"@type\":");
        text::put_string(&mut self.out, type_url);
        if message.well_known.is_some() {
            self.out.extend_from_slice(b",\"value\":");
            self.message(id, value)?;
        } else {
            self.nested(|printer| printer.members(message, value))?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// The content of a `google.protobuf.Timestamp` or `Duration`.
pub(crate) fn seconds(wire: &[u8]) -> Result<Seconds, Corrupt> {
    let mut value = Seconds::default();
    let mut cursor = Cursor::new(wire);
    while !cursor.is_empty() {
        match cursor.tag()? {
            (1, WireType::Varint) => value.seconds = cursor.varint()?.cast_signed(),
            (2, WireType::Varint) => value.nanos = low_half(cursor.varint()?).cast_signed(),
            (number, wire_type) => {
                cursor.payload(number, wire_type)?;
            }
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::json::PrintOptions;
    use crate::tables::Tables;

    #[test]
    fn text_before_a_message_with_a_corrupt_key_is_kept() {
        let tables = Tables::new(&DescriptorPool::global());
        let id = tables.find("google.protobuf.Struct").unwrap();
        let options = PrintOptions { emit_unpopulated: true };
        let mut printer = Printer::new(&tables, options, b"data: ".to_vec());
        assert!(printer.message(id, &[0x0a, 3, 0x0a, 1, 0xff]).is_err());
        assert!(printer.out.starts_with(b"data: "));
    }
}
