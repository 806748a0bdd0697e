//! Compact tables of messages and enums, compiled once from a descriptor pool; transcoding reads
//! nothing else.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor};

use crate::wire::{Cursor, WireType};

/// All messages and enums of a descriptor pool.
pub(crate) struct Tables {
    messages: Vec<Message>,
    enums: Vec<Enum>,
    by_name: HashMap<Box<str>, MessageId>,
}

/// The place of a message in its [`Tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageId(usize);

/// The place of an enum in its [`Tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EnumId(usize);

pub(crate) struct Message {
    pub(crate) full_name: Box<str>,
    pub(crate) well_known: Option<WellKnown>,
    /// In the order of their numbers.
    pub(crate) fields: Vec<Field>,
    pub(crate) oneof_count: usize,
    /// Both names of every field; a JSON name wins over the proto name of another field.
    by_name: HashMap<Box<str>, usize>,
}

pub(crate) struct Field {
    /// The place in [`Message::fields`].
    pub(crate) index: usize,
    pub(crate) number: u32,
    pub(crate) name: Box<str>,
    pub(crate) json_name: Box<str>,
    /// The JSON name as it stands in an object: quoted, with its colon.
    pub(crate) json_key: Box<[u8]>,
    pub(crate) kind: Kind,
    pub(crate) cardinality: Cardinality,
    /// Whether unset differs from the default value.
    pub(crate) has_presence: bool,
    /// The oneof that the field is a member of, by its place in the message; not the synthetic
    /// ones.
    pub(crate) oneof: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(EnumId),
    Message(MessageId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cardinality {
    Singular,
    Repeated,
    /// Repeated, and written as one length-delimited value.
    Packed,
    /// The field's message is the entry: key 1, value 2.
    Map,
}

/// The messages with a JSON form of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WellKnown {
    Any,
    Duration,
    Empty,
    FieldMask,
    ListValue,
    Struct,
    Timestamp,
    Value,
    Wrapper,
}

pub(crate) struct Enum {
    pub(crate) is_null_value: bool,
    /// One name for a number, the one declared first: aliases after it are only read.
    name_by_number: HashMap<i32, Box<str>>,
    number_by_name: HashMap<Box<str>, i32>,
}

impl Tables {
    pub(crate) fn new(pool: &DescriptorPool) -> Self {
        let ids = Ids {
            messages: pool
                .all_messages()
                .enumerate()
                .map(|(index, message)| (message.full_name().into(), MessageId(index)))
                .collect(),
            enums: pool
                .all_enums()
                .enumerate()
                .map(|(index, descriptor)| (descriptor.full_name().into(), EnumId(index)))
                .collect(),
        };
        Self {
            messages: pool.all_messages().map(|message| Message::new(&message, &ids)).collect(),
            enums: pool.all_enums().map(|descriptor| Enum::new(&descriptor)).collect(),
            by_name: ids.messages,
        }
    }

    pub(crate) fn find(&self, full_name: &str) -> Option<MessageId> {
        self.by_name.get(full_name).copied()
    }

    /// The message that the URL of a `google.protobuf.Any` names after its last slash.
    pub(crate) fn find_by_type_url(&self, type_url: &str) -> Option<MessageId> {
        self.find(type_url.rsplit_once('/')?.1)
    }

    pub(crate) fn message(&self, id: MessageId) -> &Message {
        &self.messages[id.0]
    }

    pub(crate) fn enumeration(&self, id: EnumId) -> &Enum {
        &self.enums[id.0]
    }

    /// The message a field holds, with its id.
    pub(crate) fn message_of(&self, field: &Field) -> Option<(MessageId, &Message)> {
        match field.kind {
            Kind::Message(id) => Some((id, self.message(id))),
            _ => None,
        }
    }

    /// The place of each field on a dotted path of names, through singular messages without a JSON
    /// form of their own. `None` when a name is unknown or the path leads through anything else.
    pub(crate) fn resolve(&self, root: MessageId, field_path: &str) -> Option<Vec<usize>> {
        let mut message = Some(root);
        let mut places = Vec::new();
        for name in field_path.split('.') {
            let field = self.message(message?).field_by_name(name)?;
            places.push(field.index);
            message = match (field.cardinality, self.message_of(field)) {
                (Cardinality::Singular, Some((id, inner))) if inner.well_known.is_none() => {
                    Some(id)
                }
                _ => None,
            };
        }
        Some(places)
    }

    /// The field at the end of a path that [`Tables::resolve`] found.
    pub(crate) fn field_at(&self, root: MessageId, places: &[usize]) -> Option<&Field> {
        let (&last, parents) = places.split_last()?;
        let mut message = self.message(root);
        for &place in parents {
            message = self.message_of(message.fields.get(place)?)?.1;
        }
        message.fields.get(last)
    }

    /// The last value of a text, bytes or message field, by the place of each field on the way;
    /// messages on the way may have been written in pieces.
    pub(crate) fn last_payload<'w>(
        &self,
        id: MessageId,
        places: &[usize],
        wire: &'w [u8],
    ) -> Option<&'w [u8]> {
        let (&place, inner_places) = places.split_first()?;
        let field = self.message(id).fields.get(place)?;
        let inner = self.message_of(field).filter(|_| !inner_places.is_empty()).map(|(id, _)| id);
        let mut last = None;
        let mut cursor = Cursor::new(wire);
        while !cursor.is_empty() {
            let (number, wire_type) = cursor.tag().ok()?;
            let payload = cursor.payload(number, wire_type).ok()?;
            if number == field.number && wire_type == WireType::LengthDelimited {
                last = match inner {
                    Some(inner) => self.last_payload(inner, inner_places, payload).or(last),
                    None => Some(payload),
                };
            }
        }
        last
    }
}

impl Message {
    pub(crate) fn field_by_number(&self, number: u32) -> Option<&Field> {
        // Most messages number their fields 1, 2, 3 and so on.
        let guess = usize::try_from(number).ok()?.checked_sub(1)?;
        match self.fields.get(guess) {
            Some(field) if field.number == number => Some(field),
            _ => {
                let index = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
                self.fields.get(index)
            }
        }
    }

    /// A field by its JSON name or its proto name.
    pub(crate) fn field_by_name(&self, name: &str) -> Option<&Field> {
        self.by_name.get(name).map(|&index| &self.fields[index])
    }

    fn new(descriptor: &MessageDescriptor, ids: &Ids) -> Self {
        // A group is written in another way than a message, and is nothing that JSON is read into.
        let mut descriptors: Vec<_> =
            descriptor.fields().filter(|field| !field.is_group()).collect();
        descriptors.sort_by_key(FieldDescriptor::number);
        let fields: Vec<_> = descriptors
            .iter()
            .enumerate()
            .map(|(index, field)| Field::new(index, field, descriptor, ids))
            .collect();
        let mut by_name: HashMap<_, _> =
            fields.iter().map(|field| (field.json_name.clone(), field.index)).collect();
        for field in &fields {
            by_name.entry(field.name.clone()).or_insert(field.index);
        }
        Self {
            full_name: descriptor.full_name().into(),
            well_known: WellKnown::of(descriptor.full_name()),
            fields,
            oneof_count: descriptor.oneofs().len(),
            by_name,
        }
    }
}

impl Field {
    /// The wire type of one value, outside a packed list.
    pub(crate) fn wire_type(&self) -> WireType {
        match self.kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => WireType::Fixed64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => WireType::Fixed32,
            Kind::String | Kind::Bytes | Kind::Message(_) => WireType::LengthDelimited,
            _ => WireType::Varint,
        }
    }

    fn new(index: usize, field: &FieldDescriptor, message: &MessageDescriptor, ids: &Ids) -> Self {
        let cardinality = if field.is_map() {
            Cardinality::Map
        } else if field.is_packed() {
            Cardinality::Packed
        } else if field.is_list() {
            Cardinality::Repeated
        } else {
            Cardinality::Singular
        };
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        let mut json_key = Vec::new();
        crate::json::put_string(&mut json_key, field.json_name());
        json_key.push(b':');
        Self {
            index,
            number: field.number(),
            name: field.name().into(),
            json_name: field.json_name().into(),
            json_key: json_key.into(),
            kind: ids.kind(field),
            cardinality,
            has_presence: field.supports_presence(),
            oneof: oneof.and_then(|oneof| message.oneofs().position(|other| other == oneof)),
        }
    }
}

impl WellKnown {
    fn of(full_name: &str) -> Option<Self> {
        Some(match full_name.strip_prefix("google.protobuf.")? {
            "Any" => Self::Any,
            "Duration" => Self::Duration,
            "Empty" => Self::Empty,
            "FieldMask" => Self::FieldMask,
            "ListValue" => Self::ListValue,
            "Struct" => Self::Struct,
            "Timestamp" => Self::Timestamp,
            "Value" => Self::Value,
            "BoolValue" | "BytesValue" | "DoubleValue" | "FloatValue" | "Int32Value"
            | "Int64Value" | "StringValue" | "UInt32Value" | "UInt64Value" => Self::Wrapper,
            _ => return None,
        })
    }
}

impl Enum {
    pub(crate) fn name(&self, number: i32) -> Option<&str> {
        self.name_by_number.get(&number).map(AsRef::as_ref)
    }

    /// One name of each number, in their order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.name_by_number.iter().collect();
        names.sort_unstable_by_key(|&(number, _)| number);
        names.into_iter().map(|(_, name)| &**name).collect()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.number_by_name.get(name).copied()
    }

    fn new(descriptor: &EnumDescriptor) -> Self {
        let mut name_by_number = HashMap::new();
        let mut number_by_name = HashMap::new();
        // The declaration, because `EnumDescriptor::values` does not keep its order.
        for value in &descriptor.enum_descriptor_proto().value {
            name_by_number.entry(value.number()).or_insert_with(|| value.name().into());
            number_by_name.insert(value.name().into(), value.number());
        }
        let is_null_value = descriptor.full_name() == "google.protobuf.NullValue";
        Self { is_null_value, name_by_number, number_by_name }
    }
}

/// Where each type will stand, known before any field is compiled, because messages refer to each
/// other.
struct Ids {
    messages: HashMap<Box<str>, MessageId>,
    enums: HashMap<Box<str>, EnumId>,
}

impl Ids {
    fn kind(&self, field: &FieldDescriptor) -> Kind {
        match field.kind() {
            prost_reflect::Kind::Double => Kind::Double,
            prost_reflect::Kind::Float => Kind::Float,
            prost_reflect::Kind::Int32 => Kind::Int32,
            prost_reflect::Kind::Int64 => Kind::Int64,
            prost_reflect::Kind::Uint32 => Kind::Uint32,
            prost_reflect::Kind::Uint64 => Kind::Uint64,
            prost_reflect::Kind::Sint32 => Kind::Sint32,
            prost_reflect::Kind::Sint64 => Kind::Sint64,
            prost_reflect::Kind::Fixed32 => Kind::Fixed32,
            prost_reflect::Kind::Fixed64 => Kind::Fixed64,
            prost_reflect::Kind::Sfixed32 => Kind::Sfixed32,
            prost_reflect::Kind::Sfixed64 => Kind::Sfixed64,
            prost_reflect::Kind::Bool => Kind::Bool,
            prost_reflect::Kind::String => Kind::String,
            prost_reflect::Kind::Bytes => Kind::Bytes,
            prost_reflect::Kind::Enum(descriptor) => Kind::Enum(self.enums[descriptor.full_name()]),
            prost_reflect::Kind::Message(message) => {
                Kind::Message(self.messages[message.full_name()])
            }
        }
    }
}
