//! The same message in other wire bytes, of the many that protobuf takes for it: fields in any
//! order, earlier values that later ones replace, messages in parts, lists packed and not, varints
//! that are longer than they need to be, and fields that nobody knows.

use std::collections::VecDeque;

use prost_reflect::prost::encoding::{WireType, encode_varint};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, OneofDescriptor,
    ReflectMessage, Value,
};

use crate::draw::Draw;
use crate::message;

/// Values that are replaced do not nest.
const DEPTH: usize = message::DEPTH_MAX;

type Record = Vec<u8>;

/// Takes a message apart and writes it anew.
pub fn random(message: &DynamicMessage, draw: &mut Draw<'_>) -> Vec<u8> {
    Writer { draw }.records(message).concat()
}

struct Writer<'u, 'b> {
    draw: &'u mut Draw<'b>,
}

impl Writer<'_, '_> {
    /// The records of a message in a random order, but for those of one field or oneof.
    fn records(&mut self, message: &DynamicMessage) -> Vec<Record> {
        let descriptor = message.descriptor();
        let mut streams = vec![self.unknown(&descriptor)];
        for oneof in descriptor.oneofs().filter(|oneof| oneof.fields().len() > 1) {
            streams.push(self.oneof(message, &oneof));
        }
        for field in descriptor.fields() {
            if field.containing_oneof().is_none_or(|oneof| oneof.fields().len() == 1) {
                streams.push(self.field(message, &field));
            }
        }
        let mut streams: Vec<_> = streams.into_iter().map(VecDeque::from).collect();
        let mut records = Vec::new();
        loop {
            streams.retain(|stream| !stream.is_empty());
            let Some(last) = streams.len().checked_sub(1) else { return records };
            records.extend(streams[self.draw.within(0..=last)].pop_front());
        }
    }

    /// The member of a oneof that is set, and before it others that are not any more.
    fn oneof(&mut self, message: &DynamicMessage, oneof: &OneofDescriptor) -> Vec<Record> {
        let Some(set) = oneof.fields().find(|field| message.has_field(field)) else {
            return Vec::new();
        };
        let mut records = Vec::new();
        if self.draw.one_in(2) {
            let others: Vec<_> = oneof.fields().filter(|field| *field != set).collect();
            for field in [&set, &self.draw.pick(&others)] {
                let replaced = message::field_value(field, self.draw, DEPTH);
                records.push(self.single(field, &replaced));
            }
        }
        records.extend(self.field(message, &set));
        records
    }

    fn field(&mut self, message: &DynamicMessage, field: &FieldDescriptor) -> Vec<Record> {
        if !message.has_field(field) {
            return self.unset(field);
        }
        match (message.get_field(field).as_ref(), field.kind()) {
            (Value::Map(entries), Kind::Message(entry)) => {
                let mut records = Vec::new();
                for (key, value) in entries {
                    if self.draw.one_in(4) {
                        let kind = entry.map_entry_value_field().kind();
                        let replaced = message::scalar(&kind, self.draw, DEPTH);
                        records.push(self.entry(field, &entry, key, &replaced));
                    }
                    records.push(self.entry(field, &entry, key, value));
                }
                records
            }
            (Value::List(elements), _) => self.list(field, elements),
            (Value::Message(inner), _) => self.parts(field, inner),
            (value, _) => {
                let mut records = Vec::new();
                if self.draw.one_in(4) {
                    let replaced = message::scalar(&field.kind(), self.draw, DEPTH);
                    records.push(self.single(field, &replaced));
                }
                records.push(self.single(field, value));
                records
            }
        }
    }

    /// A field without presence may be set to another value first and then to its default.
    fn unset(&mut self, field: &FieldDescriptor) -> Vec<Record> {
        if field.supports_presence() || field.is_list() || field.is_map() {
            return Vec::new();
        }
        let mut records = Vec::new();
        if self.draw.one_in(4) {
            let replaced = message::scalar(&field.kind(), self.draw, DEPTH);
            records.push(self.single(field, &replaced));
            records.push(self.single(field, &field.default_value()));
        }
        records
    }

    /// A message in up to three parts, some of which may be empty.
    fn parts(&mut self, field: &FieldDescriptor, message: &DynamicMessage) -> Vec<Record> {
        let mut rest = self.records(message);
        let mut parts = Vec::new();
        for _ in 0..self.draw.within(0..=2) {
            let behind = rest.split_off(self.draw.within(0..=rest.len()));
            parts.push(self.delimited(field.number(), &rest.concat()));
            rest = behind;
        }
        parts.push(self.delimited(field.number(), &rest.concat()));
        parts
    }

    fn list(&mut self, field: &FieldDescriptor, elements: &[Value]) -> Vec<Record> {
        let mut records = Vec::new();
        let mut rest = elements;
        let is_packable = !matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Message(_));
        while !rest.is_empty() {
            if !is_packable || self.draw.one_in(2) {
                records.push(self.single(field, &rest[0]));
                rest = &rest[1..];
                continue;
            }
            let (packed, behind) = rest.split_at(self.draw.within(1..=rest.len()));
            let payloads = packed.iter().map(|element| self.payload(&field.kind(), element).1);
            let payloads = payloads.collect::<Vec<_>>();
            records.push(self.delimited(field.number(), &payloads.concat()));
            rest = behind;
        }
        records
    }

    /// An entry of a map, its value before its key or in parts around it.
    fn entry(
        &mut self,
        field: &FieldDescriptor,
        entry: &MessageDescriptor,
        key: &MapKey,
        value: &Value,
    ) -> Record {
        let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let mut records = match value {
            Value::Message(message) => self.parts(&value_field, message),
            value => vec![self.single(&value_field, value)],
        };
        let is_left_out = key.is_default(&key_field.kind()) && self.draw.any();
        if !is_left_out {
            let key = self.single(&key_field, &key.clone().into());
            records.insert(self.draw.within(0..=records.len()), key);
        }
        records.extend(self.unknown(entry));
        self.delimited(field.number(), &records.concat())
    }

    /// A value with its tag.
    fn single(&mut self, field: &FieldDescriptor, value: &Value) -> Record {
        let (wire_type, payload) = self.payload(&field.kind(), value);
        if wire_type == WireType::LengthDelimited {
            return self.delimited(field.number(), &payload);
        }
        [self.tag(field.number(), wire_type), payload].concat()
    }

    fn payload(&mut self, kind: &Kind, value: &Value) -> (WireType, Vec<u8>) {
        // What stands above the 32 bits of an integer counts for nothing.
        let above = if self.draw.one_in(4) { 5 << 32 } else { 0 };
        let extended = |number: i32| i64::from(number).cast_unsigned() ^ above;
        match (kind, value) {
            (Kind::Double, Value::F64(number)) => {
                (WireType::SixtyFourBit, number.to_le_bytes().into())
            }
            (Kind::Float, Value::F32(number)) => {
                (WireType::ThirtyTwoBit, number.to_le_bytes().into())
            }
            (Kind::Fixed32, Value::U32(number)) => {
                (WireType::ThirtyTwoBit, number.to_le_bytes().into())
            }
            (Kind::Sfixed32, Value::I32(number)) => {
                (WireType::ThirtyTwoBit, number.to_le_bytes().into())
            }
            (Kind::Fixed64, Value::U64(number)) => {
                (WireType::SixtyFourBit, number.to_le_bytes().into())
            }
            (Kind::Sfixed64, Value::I64(number)) => {
                (WireType::SixtyFourBit, number.to_le_bytes().into())
            }
            (Kind::Int32, Value::I32(number)) | (_, Value::EnumNumber(number)) => {
                self.varint(extended(*number))
            }
            (Kind::Uint32, Value::U32(number)) => self.varint(u64::from(*number) ^ above),
            (Kind::Sint32, Value::I32(number)) => {
                let zigzag = (number << 1) ^ (number >> 31);
                self.varint(u64::from(zigzag.cast_unsigned()) ^ above)
            }
            (Kind::Sint64, Value::I64(number)) => {
                self.varint(((number << 1) ^ (number >> 63)).cast_unsigned())
            }
            (_, Value::I64(number)) => self.varint(number.cast_unsigned()),
            (_, Value::U64(number)) => self.varint(*number),
            (_, Value::Bool(false)) => self.varint(0),
            (_, Value::Bool(true)) => self.varint(1 ^ above),
            (_, Value::String(text)) => (WireType::LengthDelimited, text.as_bytes().to_vec()),
            (_, Value::Bytes(content)) => (WireType::LengthDelimited, content.to_vec()),
            (_, Value::Message(message)) => {
                (WireType::LengthDelimited, self.records(message).concat())
            }
            (kind, value) => unreachable!("{value:?} is no {kind:?}"),
        }
    }

    /// Records of fields that the message has not.
    fn unknown(&mut self, descriptor: &MessageDescriptor) -> Vec<Record> {
        let mut records = Vec::new();
        while self.draw.one_in(8) {
            let number = self.draw.within(1..=536_870_911);
            if descriptor.get_field(number).is_none() {
                records.push(self.unknown_record(number));
            }
        }
        records
    }

    fn unknown_record(&mut self, number: u32) -> Record {
        match self.draw.within(0..=4) {
            0 => [self.tag(number, WireType::Varint), vec![0x96, 1]].concat(),
            1 => [self.tag(number, WireType::SixtyFourBit), vec![1; 8]].concat(),
            2 => [self.tag(number, WireType::ThirtyTwoBit), vec![1; 4]].concat(),
            3 => self.delimited(number, b"unknown"),
            _ => {
                let inner = self.delimited(1, b"inner");
                let group = [WireType::StartGroup, WireType::EndGroup];
                let [begin, end] = group.map(|wire_type| self.tag(number, wire_type));
                [begin, inner, end].concat()
            }
        }
    }

    fn delimited(&mut self, number: u32, payload: &[u8]) -> Record {
        let tag = self.tag(number, WireType::LengthDelimited);
        let length = self.varint(payload.len() as u64).1;
        [&tag, &length, payload].concat()
    }

    fn tag(&mut self, number: u32, wire_type: WireType) -> Vec<u8> {
        self.varint(u64::from(number) << 3 | wire_type as u64).1
    }

    /// A varint, with up to two bytes more than it needs.
    fn varint(&mut self, number: u64) -> (WireType, Vec<u8>) {
        let mut varint = Vec::new();
        encode_varint(number, &mut varint);
        let room = 10 - varint.len();
        if self.draw.one_in(8) {
            let more = self.draw.within(0..=room.min(2));
            if let (Some(last), true) = (varint.last_mut(), more > 0) {
                *last |= 0x80;
                varint.extend(std::iter::repeat_n(0x80, more - 1));
                varint.push(0);
            }
        }
        (WireType::Varint, varint)
    }
}
