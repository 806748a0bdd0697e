//! Wire bytes in: the gateway prints whatever protobuf takes for one message alike, and what the
//! reference takes for a message at all.

use proptest::prelude::*;
use serde_json::Value;

use crate::reference::value;
use crate::world::{World, config, corrupted, entropy};

proptest! {
    #![proptest_config(config(96, 5))]

    #[test]
    fn fields_in_any_order_and_in_pieces_are_printed_as_one_message(
        (schema, messages) in entropy(),
    ) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let (_, json) = world.message(bytes);
            let pieces = world.pieces(bytes);
            let merged = world.print(&pieces).map(|json| value(&json));
            prop_assert_eq!(merged, Some(value(&json)), "{:x?} of {}", pieces, world.schema.text);
            let printed = world.echo.receive("/echo", pieces.clone());
            let context = format!("{pieces:x?} of {}", world.schema.text);
            prop_assert_eq!(printed.status, 200, "{} of {}", printed.text, context);
            prop_assert_eq!(value(&printed.text), value(&json), "{}", context);
        }
    }

    #[test]
    fn wire_bytes_that_the_reference_can_print_are_printed_alike((schema, messages) in entropy()) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let wire = corrupted(world.message(bytes).0, bytes);
            let printed = world.echo.receive("/echo", wire.clone());
            prop_assert!([200, 500].contains(&printed.status), "{}", printed.text);
            if LENIENCES.iter().any(|lenience| printed.text.contains(lenience)) {
                continue;
            }
            if let Some(json) = world.print(&wire) {
                let context = format!("{json}: {wire:x?} of {}", world.schema.text);
                prop_assert_eq!(printed.status, 200, "{} and {}", printed.text, context);
                let printed = value(&printed.text);
                prop_assert!(is_alike(&printed, &value(&json)), "{} and {}", printed, context);
            }
        }
    }
}

/// Whether JSON is the same, but that the reference prints null for a number in a wrapper that JSON
/// has not.
fn is_alike(printed: &Value, reference: &Value) -> bool {
    match (printed, reference) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let is_member =
                |(key, value)| theirs.get(key).is_some_and(|their| is_alike(value, their));
            ours.len() == theirs.len() && ours.iter().all(is_member)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| is_alike(a, b))
        }
        (Value::String(name), Value::Null) => {
            ["NaN", "Infinity", "-Infinity"].contains(&name.as_str())
        }
        (ours, theirs) => ours == theirs,
    }
}

/// What the gateway refuses to print and the reference does not: paths that would not read back the
/// same, nanoseconds of more than a second or another sign, which it adds to the seconds.
const LENIENCES: [&str; 3] = [
    "a path of a field mask has no JSON form",
    "a timestamp is out of range",
    "a duration is out of range",
];
