//! JSON that is wrong, or looks so: the gateway and the reference refuse the same, but for what is
//! listed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde_json::Value;

use crate::differences::{
    DIFFERENCES, DOUBLES, Difference, FLOATS, OTHERS, Outcome, SIGNED, SIGNED_LONG, UNSIGNED,
    UNSIGNED_LONG, VALUES, is_mask_of_the_reference,
};
use crate::echo::Echo;
use crate::reference;
use crate::sources::descriptors;
use crate::world::{Entropy, World, config, entropy};

const HEAD: &str = r#"syntax = "proto3";
package test;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
service Echo {
  rpc Call(Every) returns (Every) { option (google.api.http) = {post: "/echo" body: "*"}; }
}
enum Color {
  option allow_alias = true;
  NONE = 0;
  RED = 1;
  CRIMSON = 1;
}
message Inner { int32 a = 1; }
"#;

/// What the key of a map can be.
const KEYS: [&str; 12] = [
    "bool", "string", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32",
    "fixed64", "sfixed32", "sfixed64",
];

/// A field of every kind, alone, in a list and in a map, and a map with keys of every kind.
struct Every {
    echo: Echo,
    message: MessageDescriptor,
}

impl Every {
    fn new(kinds: &[&str]) -> Self {
        let mut text = format!("{HEAD}message Every {{\n");
        for (index, kind) in kinds.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{kind} single{index} = {};", 3 * index + 1);
            let _ = writeln!(text, "repeated {kind} list{index} = {};", 3 * index + 2);
            let _ = writeln!(text, "map<string, {kind}> map{index} = {};", 3 * index + 3);
        }
        for (index, key) in KEYS.iter().enumerate() {
            let number = 3 * kinds.len() + 1 + index;
            let _ = writeln!(text, "map<{key}, string> keys{index} = {number};");
        }
        let set = descriptors("every.proto", Some(&format!("{text}}}")));
        let pool = DescriptorPool::decode(set.as_slice()).unwrap();
        let message = pool.get_message_by_name("test.Every").unwrap();
        Self { echo: Echo::new(&set, |builder| builder).unwrap(), message }
    }

    /// How gateway and reference differ about a body, if they do.
    fn outcome(&self, body: &str) -> Option<Outcome> {
        let got = self.echo.send("POST", "/echo", body.as_bytes());
        assert!([200, 400].contains(&got.status), "{body}: {}", got.text);
        let got = got.call.map(|call| reference::print(&self.message, &call.wire));
        let wanted = reference::read(&self.message, body).ok();
        let wanted = wanted.map(|m| reference::print(&self.message, &m.encode_to_vec()));
        match (got, wanted) {
            (Some(_), None) => Some(Outcome::GatewayReads),
            (None, Some(_)) => Some(Outcome::ReferenceReads),
            (Some(got), Some(wanted)) => {
                let value = |json: Option<String>| json.map(|json| reference::value(&json));
                (value(got) != value(wanted)).then_some(Outcome::BothReadAnother)
            }
            (None, None) => None,
        }
    }
}

/// A kind and a value, and how they are read differently.
type Found = (&'static str, &'static str, Outcome);

fn listed() -> BTreeSet<Found> {
    let of = |d: &'static Difference| {
        let kinds = d.kinds.concat().into_iter();
        kinds.flat_map(move |kind| d.values.iter().map(move |value| (kind, *value, d.outcome)))
    };
    DIFFERENCES.iter().flat_map(of).collect()
}

#[test]
fn a_value_is_refused_by_both_or_by_none_but_for_those_listed() {
    let groups = [SIGNED, SIGNED_LONG, UNSIGNED, UNSIGNED_LONG, FLOATS, DOUBLES, OTHERS];
    let kinds = groups.concat();
    let every = Every::new(&kinds);
    let mut found: [BTreeSet<Found>; 3] = Default::default();
    for (index, kind) in kinds.iter().enumerate() {
        for value in VALUES.iter().filter(|value| !is_mask_of_the_reference(kind, value)) {
            let places = [
                format!(r#"{{"single{index}":{value}}}"#),
                format!(r#"{{"list{index}":[{value}]}}"#),
                format!(r#"{{"map{index}":{{"":{value}}}}}"#),
            ];
            for (found, body) in found.iter_mut().zip(places) {
                found.extend(every.outcome(&body).map(|outcome| (*kind, *value, outcome)));
            }
        }
    }
    for found in found {
        let surprises: Vec<_> = found.symmetric_difference(&listed()).copied().collect();
        assert_eq!(surprises, []);
    }
}

#[test]
fn a_key_is_refused_where_its_text_is_refused_as_a_value() {
    let every = Every::new(&[]);
    let mut found = BTreeSet::new();
    for (index, kind) in KEYS.iter().enumerate() {
        for key in VALUES.iter().filter(|value| value.starts_with('"')) {
            let body = format!(r#"{{"keys{index}":{{{key}:""}}}}"#);
            found.extend(every.outcome(&body).map(|outcome| (*kind, *key, outcome)));
        }
    }
    let mut listed = listed();
    listed.retain(|(kind, value, _)| KEYS.contains(kind) && value.starts_with('"'));
    let surprises: Vec<_> = found.symmetric_difference(&listed).copied().collect();
    assert_eq!(surprises, []);
}

proptest! {
    #![proptest_config(config(48, 6))]

    #[test]
    fn a_member_that_is_given_twice_is_refused((schema, messages) in entropy()) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let json = reference::value(&world.message(bytes).1);
            let Some(body) = Edit::Twice.apply(&json, bytes) else { continue };
            let got = world.echo.send("POST", "/echo", body.as_bytes());
            prop_assert_eq!(got.status, 400, "{} of {}", body, world.schema.text);
        }
    }

    #[test]
    fn a_member_that_nobody_knows_is_refused_where_the_reference_does(
        (schema, messages) in entropy(),
    ) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let json = reference::value(&world.message(bytes).1);
            let Some(body) = Edit::Unknown.apply(&json, bytes) else { continue };
            let got = world.echo.send("POST", "/echo", body.as_bytes());
            let is_known = world.read(&body).is_ok();
            prop_assert_eq!(got.status == 200, is_known, "{} of {}", body, world.schema.text);
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_where_the_reference_does(
        (schema, messages) in entropy(),
    ) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let json = reference::value(&world.message(bytes).1);
            for value in ["true", "[]", "[[]]", "0.5", "\"text\"", "\"2s\""] {
                let Some(body) = Edit::Value(value).apply(&json, bytes) else { continue };
                let got = world.echo.send("POST", "/echo", body.as_bytes());
                let got = got.call.map(|call| reference::value(&world.print(&call.wire).unwrap()));
                prop_assert_eq!(got, world.read(&body).ok(), "{} of {}", body, world.schema.text);
            }
        }
    }

    #[test]
    fn text_that_is_no_json_is_refused((schema, messages) in entropy()) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let body = mistyped(&world.message(bytes).1, bytes);
            let got = world.echo.send("POST", "/echo", body.as_bytes());
            prop_assert!([200, 400].contains(&got.status), "{}", got.text);
            if serde_json::from_str::<Value>(&body).is_err() {
                prop_assert_eq!(got.status, 400, "{} of {}", body, world.schema.text);
            }
            if let (Some(call), Ok(wanted)) = (got.call, world.read(&body)) {
                let got = reference::value(&world.print(&call.wire).unwrap());
                prop_assert_eq!(got, wanted, "{} of {}", body, world.schema.text);
            }
        }
    }
}

/// What is done to one member or element of some JSON.
#[derive(Clone, Copy)]
enum Edit {
    /// A member is given a second time.
    Twice,
    /// An object gets a member that it should not have.
    Unknown,
    /// A value becomes another.
    Value(&'static str),
}

impl Edit {
    /// JSON with a random place edited. `None` when there is no such place.
    fn apply(self, json: &Value, entropy: &Entropy) -> Option<String> {
        let mut places = 0_usize;
        self.write(json, &mut || {
            places += 1;
            false
        });
        let chosen = entropy.draw().within(0..=places.checked_sub(1)?);
        let mut place = 0;
        Some(self.write(json, &mut || {
            place += 1;
            place == chosen + 1
        }))
    }

    fn write(self, json: &Value, is_chosen: &mut dyn FnMut() -> bool) -> String {
        match json {
            Value::Object(members) => {
                let mut written = Vec::new();
                if matches!(self, Self::Unknown) && is_chosen() {
                    written.push("\"nobody\":{}".to_owned());
                }
                for (key, value) in members {
                    let member =
                        format!("{}:{}", Value::from(&**key), self.value(value, is_chosen));
                    if matches!(self, Self::Twice) && is_chosen() {
                        written.push(member.clone());
                    }
                    written.push(member);
                }
                format!("{{{}}}", written.join(","))
            }
            Value::Array(elements) => {
                let written: Vec<_> =
                    elements.iter().map(|element| self.value(element, is_chosen)).collect();
                format!("[{}]", written.join(","))
            }
            leaf => leaf.to_string(),
        }
    }

    fn value(self, value: &Value, is_chosen: &mut dyn FnMut() -> bool) -> String {
        match self {
            Self::Value(other) if is_chosen() => other.to_owned(),
            _ => self.write(value, is_chosen),
        }
    }
}

/// Text with one character changed, left out or added.
fn mistyped(text: &str, entropy: &Entropy) -> String {
    const CHARACTERS: [char; 20] = [
        '{', '}', '[', ']', ',', ':', '"', '\\', '0', '1', '-', '+', '.', 'e', 'u', 'n', ' ', '\n',
        '\u{1}', 'é',
    ];
    let mut draw = entropy.draw();
    let mut characters: Vec<_> = text.chars().collect();
    let at = draw.within(0..=characters.len() - 1);
    match draw.within(0..=2) {
        0 => characters[at] = draw.pick(&CHARACTERS),
        1 => characters.insert(at, draw.pick(&CHARACTERS)),
        _ => drop(characters.remove(at)),
    }
    characters.into_iter().collect()
}
