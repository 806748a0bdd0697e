//! The same JSON in another spelling, of the many that proto3 JSON takes for one message.

use base64::Engine;
use base64::prelude::{
    BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD,
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use crate::draw::Draw;

/// Spells the canonical JSON of a message anew.
pub fn random(descriptor: &MessageDescriptor, canonical: &Value, draw: &mut Draw<'_>) -> String {
    Speller { draw }.message(descriptor, canonical)
}

struct Speller<'u, 'b> {
    draw: &'u mut Draw<'b>,
}

impl Speller<'_, '_> {
    fn message(&mut self, descriptor: &MessageDescriptor, value: &Value) -> String {
        let well_known = descriptor.full_name().strip_prefix("google.protobuf.");
        match (well_known, value) {
            (Some("Any"), Value::Object(members)) => self.any(descriptor, members),
            (Some("Empty"), _) => "{}".to_owned(),
            (Some("Struct" | "Value" | "ListValue"), value) => self.json(value),
            (Some("Timestamp"), Value::String(text)) => self.timestamp(text),
            (Some("Duration"), Value::String(text)) => self.duration(text),
            (Some("FieldMask"), Value::String(text)) => self.string(text),
            (Some(_), value) => self.scalar(&descriptor.get_field(1).unwrap().kind(), value),
            (None, Value::Object(members)) => {
                let members = self.members(descriptor, members);
                self.object(members)
            }
            (None, other) => unreachable!("{other} is no message"),
        }
    }

    fn members(
        &mut self,
        descriptor: &MessageDescriptor,
        members: &Map<String, Value>,
    ) -> Vec<(String, String)> {
        let mut spelled = Vec::new();
        for field in descriptor.fields() {
            let value = match members.get(field.json_name()) {
                Some(value) => self.field(&field, value),
                None if self.draw.one_in(8) && !is_set_by_null(&field) => "null".to_owned(),
                None => continue,
            };
            // A JSON name wins over the proto name of another field.
            let rival = descriptor.get_field_by_json_name(field.name());
            let has_two = rival.is_none_or(|rival| rival == field);
            let by_proto_name = has_two && self.draw.one_in(3);
            let name = if by_proto_name { field.name() } else { field.json_name() };
            spelled.push((name.to_owned(), value));
        }
        spelled
    }

    fn field(&mut self, field: &FieldDescriptor, value: &Value) -> String {
        match (field.kind(), value) {
            (Kind::Message(entry), Value::Object(entries)) if field.is_map() => {
                let (key_kind, value_field) =
                    (entry.map_entry_key_field().kind(), entry.map_entry_value_field());
                let mut spelled = Vec::new();
                for (key, value) in entries {
                    let is_text = matches!(key_kind, Kind::String | Kind::Bool);
                    let key = if is_text { key.clone() } else { self.integer(key) };
                    spelled.push((key, self.field(&value_field, value)));
                }
                self.object(spelled)
            }
            (kind, Value::Array(elements)) if field.is_list() => {
                let elements = elements.iter().map(|element| self.scalar(&kind, element));
                let elements: Vec<_> = elements.collect();
                self.array(&elements)
            }
            (kind, value) => self.scalar(&kind, value),
        }
    }

    fn scalar(&mut self, kind: &Kind, value: &Value) -> String {
        match (kind, value) {
            (Kind::Message(descriptor), value) => self.message(descriptor, value),
            (Kind::Enum(descriptor), value) => self.enumeration(descriptor, value),
            (Kind::Double | Kind::Float, Value::Number(number)) => {
                let number = self.float(&number.to_string());
                self.maybe_quoted(number)
            }
            (Kind::Bytes, Value::String(text)) => {
                let content = BASE64_STANDARD.decode(text).unwrap();
                let engines = [
                    &BASE64_STANDARD,
                    &BASE64_STANDARD_NO_PAD,
                    &BASE64_URL_SAFE,
                    &BASE64_URL_SAFE_NO_PAD,
                ];
                let text = self.draw.pick(&engines).encode(content);
                self.string(&text)
            }
            (Kind::String | Kind::Double | Kind::Float, Value::String(text)) => self.string(text),
            (_, Value::String(digits)) => {
                let number = self.integer(digits);
                self.maybe_quoted(number)
            }
            (_, Value::Number(number)) => {
                let number = self.integer(&number.to_string());
                self.maybe_quoted(number)
            }
            (_, value) => value.to_string(),
        }
    }

    fn enumeration(&mut self, descriptor: &EnumDescriptor, value: &Value) -> String {
        let number = match value {
            Value::String(name) => descriptor.get_value_by_name(name).unwrap().number(),
            Value::Number(number) => i32::try_from(number.as_i64().unwrap()).unwrap(),
            // `google.protobuf.NullValue`
            _ => return self.draw.pick(&["null", "\"NULL_VALUE\"", "0"]).to_string(),
        };
        let aliases = descriptor.values().filter(|value| value.number() == number);
        let mut spellings: Vec<_> = aliases.map(|value| format!("\"{}\"", value.name())).collect();
        spellings.push(self.integer(&number.to_string()));
        self.draw.pick(&spellings)
    }

    fn any(&mut self, any: &MessageDescriptor, members: &Map<String, Value>) -> String {
        let url = members["@type"].as_str().unwrap();
        let name = url.rsplit_once('/').unwrap().1;
        let payload = any.parent_pool().get_message_by_name(name).unwrap();
        let mut spelled = match members.get("value") {
            Some(_) if name == "google.protobuf.Empty" && self.draw.any() => Vec::new(),
            Some(value) if name.starts_with("google.protobuf.") => {
                vec![("value".to_owned(), self.message(&payload, value))]
            }
            _ => self.members(&payload, members),
        };
        spelled.push(("@type".to_owned(), self.string(url)));
        self.object(spelled)
    }

    /// Values without a schema.
    fn json(&mut self, value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (key.clone(), self.json(value)));
                let members = members.collect();
                self.object(members)
            }
            Value::Array(elements) => {
                let elements = elements.iter().map(|element| self.json(element));
                let elements: Vec<_> = elements.collect();
                self.array(&elements)
            }
            Value::String(text) => self.string(text),
            Value::Number(number) => self.float(&number.to_string()),
            value => value.to_string(),
        }
    }

    fn timestamp(&mut self, text: &str) -> String {
        let (date, clock) = text.split_once('T').unwrap();
        let clock = clock.strip_suffix('Z').unwrap();
        let clock = self.decimals(clock);
        let hour: u32 = clock[..2].parse().unwrap();
        let spelled = match self.draw.within(0..=3) {
            0 => format!("{date}T{clock}+00:00"),
            1 if hour < 23 => format!("{date}T{:02}{}+01:00", hour + 1, &clock[2..]),
            2 if hour > 0 => format!("{date}T{:02}{}-01:00", hour - 1, &clock[2..]),
            _ => format!("{date}T{clock}Z"),
        };
        self.string(&spelled)
    }

    fn duration(&mut self, text: &str) -> String {
        let seconds = self.decimals(text.strip_suffix('s').unwrap());
        self.string(&format!("{seconds}s"))
    }

    /// Seconds with more zeros behind.
    fn decimals(&mut self, seconds: &str) -> String {
        let (whole, decimals) = seconds.split_once('.').unwrap_or((seconds, ""));
        let count = self.draw.within(decimals.len()..=9);
        let dot = if count == 0 { "" } else { "." };
        format!("{whole}{dot}{decimals:0<count$}")
    }

    fn integer(&mut self, digits: &str) -> String {
        let significant = digits.trim_end_matches('0');
        let zeros = digits.len() - significant.len();
        match self.draw.within(0..=5) {
            0 => format!("{digits}.0"),
            1 if digits == "0" => "-0".to_owned(),
            1 => format!("{digits}00E-2"),
            2 if zeros > 0 && digits != "0" => format!("{significant}e{zeros}"),
            _ => digits.to_owned(),
        }
    }

    fn float(&mut self, number: &str) -> String {
        let has_exponent = number.contains('e');
        match self.draw.within(0..=3) {
            0 if !has_exponent => format!("{number}e0"),
            1 if !has_exponent => format!("{number}E+00"),
            2 if !has_exponent => number.strip_suffix(".0").unwrap_or(number).to_owned(),
            _ => number.to_owned(),
        }
    }

    fn maybe_quoted(&mut self, number: String) -> String {
        if self.draw.one_in(3) { format!("\"{number}\"") } else { number }
    }

    fn string(&mut self, text: &str) -> String {
        if !self.draw.one_in(4) {
            return serde_json::to_string(text).unwrap();
        }
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
        format!("\"{}\"", units.collect::<String>())
    }

    fn object(&mut self, mut members: Vec<(String, String)>) -> String {
        let mut spelled = Vec::new();
        while !members.is_empty() {
            let (key, value) = members.remove(self.draw.within(0..=members.len() - 1));
            spelled.push(format!("{}{}:{value}", self.string(&key), self.space()));
        }
        self.listed('{', &spelled, '}')
    }

    fn array(&mut self, elements: &[String]) -> String {
        self.listed('[', elements, ']')
    }

    fn listed(&mut self, begin: char, parts: &[String], end: char) -> String {
        let space = self.space();
        format!("{begin}{space}{}{space}{end}", parts.join(&format!("{space},")))
    }

    fn space(&mut self) -> &'static str {
        self.draw.pick(&["", "", " ", "\n\t", "\r\n"])
    }
}

/// Whether null is a value of the field, and not the lack of one.
fn is_set_by_null(field: &FieldDescriptor) -> bool {
    match field.kind() {
        _ if field.is_list() || field.is_map() => false,
        Kind::Message(descriptor) => descriptor.full_name() == "google.protobuf.Value",
        Kind::Enum(descriptor) => descriptor.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}
