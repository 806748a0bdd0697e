//! Random schemas: a proto file with messages of every kind of field, written from random bytes.

use std::collections::HashSet;
use std::fmt::Write as _;

use prost_reflect::prost::Message;
use prost_reflect::prost_types::FileDescriptorSet;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::draw::Draw;
use crate::sources::descriptors;

const HEAD: &str = r#"
package random;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service Echo {
  rpc Call(M0) returns (M0) {
    option (google.api.http) = {post: "/echo" body: "*" additional_bindings: {get: "/echo"}};
  }
}
"#;

const WELL_KNOWN: [&str; 17] = [
    "Any",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "Empty",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "ListValue",
    "StringValue",
    "Struct",
    "Timestamp",
    "UInt32Value",
    "UInt64Value",
    "Value",
];

const NUMERIC: [&str; 13] = [
    "bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
    "sfixed32", "sfixed64", "float", "double",
];

/// A proto file, compiled, with a service that echoes its first message.
pub struct Schema {
    pub text: String,
    pub set: Vec<u8>,
    pub pool: DescriptorPool,
    /// The same without the aliases of enum values: the reference may print any of them, where
    /// protobuf has the first.
    pub without_aliases: DescriptorPool,
}

impl Schema {
    pub fn random(draw: &mut Draw<'_>) -> Self {
        let text = Source::random(draw);
        let set = descriptors("random.proto", Some(&text));
        let pool = DescriptorPool::decode(set.as_slice()).unwrap();
        let without_aliases = without_aliases(&set);
        Self { text, set, pool, without_aliases }
    }

    /// The message that the service echoes.
    pub fn root(&self) -> MessageDescriptor {
        self.pool.get_message_by_name("random.M0").unwrap()
    }
}

fn without_aliases(set: &[u8]) -> DescriptorPool {
    let mut set = FileDescriptorSet::decode(set).unwrap();
    for declared in set.file.iter_mut().flat_map(|file| &mut file.enum_type) {
        let mut numbers = HashSet::new();
        declared.value.retain(|value| numbers.insert(value.number()));
    }
    DescriptorPool::from_file_descriptor_set(set).unwrap()
}

/// A proto file that is being written.
struct Source<'u, 'b> {
    draw: &'u mut Draw<'b>,
    text: String,
    is_proto2: bool,
    enum_count: usize,
    message_count: usize,
    /// The number of the field that was written last.
    number: u32,
}

struct Type {
    name: String,
    is_packable: bool,
    is_enum: bool,
}

impl<'u, 'b> Source<'u, 'b> {
    fn random(draw: &'u mut Draw<'b>) -> String {
        let is_proto2 = draw.one_in(4);
        let enum_count = draw.within(1..=2);
        let message_count = draw.within(1..=4);
        let text = format!("syntax = \"proto{}\";{HEAD}", if is_proto2 { 2 } else { 3 });
        let mut source = Self { draw, text, is_proto2, enum_count, message_count, number: 0 };
        for index in 0..enum_count {
            source.enumeration(index);
        }
        for index in 0..message_count {
            source.message(index);
        }
        source.text
    }

    fn line(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn enumeration(&mut self, index: usize) {
        // The first value of a closed enum is its default, whatever its number.
        let first = if self.is_proto2 { self.draw.pick(&[0, 7, -1]) } else { 0 };
        let mut numbers = vec![first];
        for _ in 0..self.draw.within(0..=4) {
            numbers.push(self.draw.pick(&[first, 1, 1, 2, -1, i32::MAX, i32::MIN]));
        }
        let has_alias = numbers.iter().collect::<HashSet<_>>().len() < numbers.len();
        self.line(&format!("enum E{index} {{"));
        if has_alias {
            self.line("  option allow_alias = true;");
        }
        for (place, number) in numbers.iter().enumerate() {
            self.line(&format!("  E{index}_VALUE_{place} = {number};"));
        }
        self.line("}");
    }

    fn message(&mut self, index: usize) {
        self.line(&format!("message M{index} {{"));
        self.number = 0;
        let mut place = 0;
        for _ in 0..self.draw.within(1..=12) {
            place += self.declaration(place);
        }
        self.line("}");
    }

    /// Declares a field, or a oneof with its fields; answers how many fields there are now more.
    fn declaration(&mut self, place: usize) -> usize {
        match self.draw.within(0..=9) {
            0..=4 => {
                let label = match (self.is_proto2, self.draw.one_in(3)) {
                    (true, true) => "required ",
                    (true, false) | (false, true) => "optional ",
                    (false, false) => "",
                };
                let own = self.value_type();
                self.field(place, label, &own, &[]);
            }
            5 | 6 => {
                let own = self.value_type();
                let packed = match self.draw.within(0..=2) {
                    1 if own.is_packable => vec!["packed = true".to_owned()],
                    2 if own.is_packable => vec!["packed = false".to_owned()],
                    _ => Vec::new(),
                };
                self.field(place, "repeated ", &own, &packed);
            }
            7 | 8 => {
                let keys = [&NUMERIC[..11], &["string"]].concat();
                let key = self.draw.pick(&keys);
                let own = self.value_type();
                // A map of a closed enum whose default is not 0 is refused by compilers.
                let value = if own.is_enum && self.is_proto2 { "string" } else { &own.name };
                let name = format!("map<{key}, {value}>");
                self.field(place, "", &Type { name, is_packable: false, is_enum: false }, &[]);
            }
            _ => {
                let count = self.draw.within(1..=3);
                self.line(&format!("  oneof choice_{place} {{"));
                for member in 0..count {
                    let own = self.value_type();
                    self.field(place + member, "", &own, &[]);
                }
                self.line("  }");
                return count;
            }
        }
        1
    }

    fn field(&mut self, place: usize, label: &str, own: &Type, options: &[String]) {
        let mut options = options.to_vec();
        options.extend(self.json_name(place));
        let is_number = NUMERIC[1..].contains(&own.name.as_str());
        if label == "optional " && self.is_proto2 && is_number && self.draw.one_in(4) {
            options.push("default = 5".to_owned());
        }
        let options = match options.as_slice() {
            [] => String::new(),
            options => format!(" [{}]", options.join(", ")),
        };
        self.number += self.draw.pick(&[1, 1, 1, 1, 2, 15, 2048, 1 << 20]);
        if (19_000..20_000).contains(&self.number) {
            // These are protobuf's own.
            self.number = 20_000;
        }
        let name = self.name(place);
        self.line(&format!("  {label}{} {name} = {}{options};", own.name, self.number));
    }

    fn name(&mut self, place: usize) -> String {
        match self.draw.within(0..=6) {
            0 => format!("field_{place}"),
            1 => format!("f{place}"),
            2 => format!("_f_{place}"),
            3 => format!("long_name_of_field{place}_"),
            4 => format!("camelCase{place}"),
            5 => format!("UPPER_CASE{place}"),
            _ => format!("double__underscore{place}"),
        }
    }

    fn json_name(&mut self, place: usize) -> Option<String> {
        if !self.draw.one_in(6) {
            return None;
        }
        let name = match self.draw.within(0..=4) {
            0 => format!("other{place}"),
            1 => format!("a space {place}"),
            2 => format!("quote\\\"{place}"),
            3 => format!("grün\\\\{place}"),
            // What may also be the proto name of the next field, over which it wins.
            _ => format!("field_{}", place + 1),
        };
        Some(format!("json_name = \"{name}\""))
    }

    fn value_type(&mut self) -> Type {
        let (name, is_packable, is_enum) = match self.draw.within(0..=13) {
            0..=4 => ((self.draw.pick(&NUMERIC)).to_owned(), true, false),
            5 | 6 => ("string".to_owned(), false, false),
            7 => ("bytes".to_owned(), false, false),
            8 => (format!("E{}", self.draw.within(0..=self.enum_count - 1)), true, true),
            9 if !self.is_proto2 => ("google.protobuf.NullValue".to_owned(), true, true),
            9 | 10 => {
                let index = self.draw.within(0..=self.message_count - 1);
                (format!("M{index}"), false, false)
            }
            _ => (format!("google.protobuf.{}", self.draw.pick(&WELL_KNOWN)), false, false),
        };
        Type { name, is_packable, is_enum }
    }
}
