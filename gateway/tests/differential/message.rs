//! Random messages of a schema, made from random bytes. Each of them has a JSON form.

use prost_reflect::prost::Message;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage, Value,
};

use crate::draw::Draw;

/// How deep messages nest. Behind it come no more fields that hold messages.
pub const DEPTH_MAX: usize = 4;

/// A message in which some fields are set.
pub fn random(descriptor: &MessageDescriptor, draw: &mut Draw<'_>) -> DynamicMessage {
    message(descriptor, draw, 0)
}

fn message(descriptor: &MessageDescriptor, draw: &mut Draw<'_>, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    let mut set = |name: &str, value: Value| message.set_field_by_name(name, value);
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            set("seconds", Value::I64(draw.within(-62_135_596_800..=253_402_300_799)));
            set("nanos", Value::I32(nanos(draw)));
        }
        "google.protobuf.Duration" => {
            let sign = draw.pick(&[1, -1_i32]);
            set("seconds", Value::I64(i64::from(sign) * draw.within(0..=315_576_000_000)));
            set("nanos", Value::I32(sign * nanos(draw)));
        }
        "google.protobuf.FieldMask" => {
            let paths = ["a", "a_b", "a.b_c", "*", "name.first", "b1.c"];
            let mut list = Vec::new();
            for _ in 0..draw.within(0..=2) {
                list.push(Value::String(draw.pick(&paths).to_owned()));
            }
            set("paths", Value::List(list));
        }
        "google.protobuf.Any" => {
            let payload = payload(descriptor, draw, depth);
            let host = draw.pick(&["type.googleapis.com", "example.com/types", ""]);
            let url = format!("{host}/{}", payload.descriptor().full_name());
            set("type_url", Value::String(url));
            set("value", Value::Bytes(payload.encode_to_vec().into()));
        }
        // A number that JSON has not makes a `Value` invalid, and of a wrapper the reference
        // prints it as null.
        "google.protobuf.Value" => value_message(&mut message, draw, depth),
        "google.protobuf.DoubleValue" => set("value", Value::F64(finite(draw))),
        "google.protobuf.FloatValue" => set("value", Value::F32(finite_float(draw))),
        _ => fields(&mut message, draw, depth),
    }
    message
}

fn fields(message: &mut DynamicMessage, draw: &mut Draw<'_>, depth: usize) {
    for field in message.descriptor().fields() {
        if draw.one_in(3) || (depth >= DEPTH_MAX && holds_message(&field)) {
            continue;
        }
        let value = field_value(&field, draw, depth);
        // The reference takes it for unset, and protobuf does not.
        if !field.supports_presence() && is_negative_zero(&value) {
            continue;
        }
        message.set_field(&field, value);
    }
}

/// A value of a field, with any number of elements.
pub fn field_value(field: &FieldDescriptor, draw: &mut Draw<'_>, depth: usize) -> Value {
    let count = draw.within(0..=3);
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else { unreachable!("a map has entries") };
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let entries = (0..count).map(|_| {
            let key = key_of(scalar(&key.kind(), draw, depth));
            let value = scalar(&value.kind(), draw, depth);
            // The reference does not write it.
            (key, if is_negative_zero(&value) { zero(&value) } else { value })
        });
        return Value::Map(entries.collect());
    }
    if field.is_list() {
        let elements = (0..count).map(|_| scalar(&field.kind(), draw, depth));
        return Value::List(elements.collect());
    }
    scalar(&field.kind(), draw, depth)
}

/// A single value of a kind.
pub fn scalar(kind: &Kind, draw: &mut Draw<'_>, depth: usize) -> Value {
    match kind {
        Kind::Double => Value::F64(match draw.within(0..=5) {
            0 => f64::NAN,
            1 => draw.pick(&[f64::INFINITY, f64::NEG_INFINITY]),
            _ => finite(draw),
        }),
        Kind::Float => Value::F32(match draw.within(0..=5) {
            0 => f32::NAN,
            1 => draw.pick(&[f32::INFINITY, f32::NEG_INFINITY]),
            _ => finite_float(draw),
        }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            let any = draw.any();
            Value::I32(draw.pick(&[0, 1, -1, 127, 128, i32::MAX, i32::MIN, any]))
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            let any = draw.any();
            Value::I64(draw.pick(&[0, 1, -1, 1 << 53, i64::MAX, i64::MIN, any]))
        }
        Kind::Uint32 | Kind::Fixed32 => {
            let any = draw.any();
            Value::U32(draw.pick(&[0, 1, 300, u32::MAX, any]))
        }
        Kind::Uint64 | Kind::Fixed64 => {
            let any = draw.any();
            Value::U64(draw.pick(&[0, 1, 1 << 53, u64::MAX, any]))
        }
        Kind::Bool => Value::Bool(draw.any()),
        Kind::String => Value::String(text(draw)),
        Kind::Bytes => {
            let length = draw.pick(&[0, 1, 2, 3, 5, 200]);
            Value::Bytes(draw.bytes(length).into())
        }
        Kind::Enum(descriptor) => Value::EnumNumber(enum_number(descriptor, draw)),
        Kind::Message(descriptor) => Value::Message(message(descriptor, draw, depth + 1)),
    }
}

fn enum_number(descriptor: &EnumDescriptor, draw: &mut Draw<'_>) -> i32 {
    if descriptor.full_name() == "google.protobuf.NullValue" {
        return 0;
    }
    let mut numbers: Vec<_> = descriptor.values().map(|value| value.number()).collect();
    // One that has no name.
    numbers.push(1000);
    draw.pick(&numbers)
}

/// What an `Any` holds.
fn payload(any: &MessageDescriptor, draw: &mut Draw<'_>, depth: usize) -> DynamicMessage {
    let pool = any.parent_pool();
    let own = pool.all_messages().filter(|m| m.package_name() == "random" && !m.is_map_entry());
    let well_known = ["Duration", "Struct", "Int64Value", "Empty", "Any", "Value"];
    let well_known =
        well_known.iter().filter_map(|m| pool.get_message_by_name(&format!("google.protobuf.{m}")));
    let mut descriptors: Vec<_> = own.chain(well_known).collect();
    if depth >= DEPTH_MAX {
        descriptors.retain(|m| m.full_name() == "google.protobuf.Duration");
    }
    message(&draw.pick(&descriptors), draw, depth + 1)
}

fn value_message(message: &mut DynamicMessage, draw: &mut Draw<'_>, depth: usize) {
    let members: Vec<_> = message.descriptor().fields().collect();
    let last = if depth >= DEPTH_MAX { 3 } else { 5 };
    let field = &members[draw.within(0..=last)];
    let value = match field.kind() {
        Kind::Double => Value::F64(finite(draw)),
        kind => scalar(&kind, draw, depth),
    };
    message.set_field(field, value);
}

fn nanos(draw: &mut Draw<'_>) -> i32 {
    let any = draw.within(0..=999_999_999);
    draw.pick(&[0, 1, 1_000, 1_000_000, 500_000_000, 999_999_999, any])
}

fn finite(draw: &mut Draw<'_>) -> f64 {
    let any = Some(f64::from_bits(draw.any())).filter(|f| f.is_finite()).unwrap_or(0.1);
    let choices =
        [0.0, -0.0, 1.5, 1e21, 1e-7, f64::MAX, f64::MIN_POSITIVE, 5e-324, 9_007_199_254_740_993.0];
    if draw.any() { any } else { draw.pick(&choices) }
}

fn finite_float(draw: &mut Draw<'_>) -> f32 {
    let any = Some(f32::from_bits(draw.any())).filter(|f| f.is_finite()).unwrap_or(0.1);
    // The largest float is not among them: the reference prints it in a way that it then takes for a
    // larger one.
    let choices = [0.0, -0.0, 1.5, 1e21, 1e-7, 3.4e38, f32::MIN_POSITIVE, 1e-45, 16_777_217.0];
    if draw.any() { any } else { draw.pick(&choices) }
}

fn text(draw: &mut Draw<'_>) -> String {
    let parts =
        ["a", "plain text of some length", "\"", "\\", "\n", "\0", "\u{1f}", "é", "😁", "/"];
    let count = draw.within(0..=4);
    (0..count).map(|_| draw.pick(&parts)).collect()
}

fn key_of(value: Value) -> MapKey {
    match value {
        Value::Bool(key) => MapKey::Bool(key),
        Value::I32(key) => MapKey::I32(key),
        Value::I64(key) => MapKey::I64(key),
        Value::U32(key) => MapKey::U32(key),
        Value::U64(key) => MapKey::U64(key),
        Value::String(key) => MapKey::String(key),
        other => unreachable!("{other:?} is no key"),
    }
}

fn holds_message(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            matches!(entry.map_entry_value_field().kind(), Kind::Message(_))
        }
        kind => matches!(kind, Kind::Message(_)),
    }
}

fn is_negative_zero(value: &Value) -> bool {
    match value {
        Value::F64(number) => number.to_bits() == (-0.0_f64).to_bits(),
        Value::F32(number) => number.to_bits() == (-0.0_f32).to_bits(),
        _ => false,
    }
}

fn zero(value: &Value) -> Value {
    match value {
        Value::F64(_) => Value::F64(0.0),
        _ => Value::F32(0.0),
    }
}
