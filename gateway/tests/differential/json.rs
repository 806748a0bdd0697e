//! JSON in and out: what the gateway prints and reads, against what the reference does.

use proptest::prelude::*;

use crate::reference::value;
use crate::world::{World, config, entropy};

proptest! {
    #![proptest_config(config(64, 1))]

    #[test]
    fn a_message_is_printed_as_the_reference_prints_it((schema, messages) in entropy()) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let (wire, json) = world.message(bytes);
            let printed = world.echo.receive("/echo", wire);
            prop_assert_eq!(printed.status, 200, "{} of {}", printed.text, world.schema.text);
            prop_assert_eq!(value(&printed.text), value(&json), "{}", world.schema.text);
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_message((schema, messages) in entropy()) {
        for emit_unpopulated in [false, true] {
            let world = World::new(&schema, emit_unpopulated);
            for bytes in &messages {
                let (wire, json) = world.message(bytes);
                let printed = world.echo.receive("/echo", wire);
                let read = world.echo.send("POST", "/echo", printed.text.as_bytes());
                prop_assert_eq!(read.status, 200, "{} of {}", read.text, world.schema.text);
                prop_assert_eq!(&read.text, &printed.text, "{}", world.schema.text);
                let got = world.print(&read.call.unwrap().wire).unwrap();
                prop_assert_eq!(value(&got), value(&json), "{}", world.schema.text);
            }
        }
    }

    #[test]
    fn json_is_read_as_the_reference_reads_it((schema, messages) in entropy()) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let (_, json) = world.message(bytes);
            let read = world.echo.send("POST", "/echo", json.as_bytes());
            prop_assert_eq!(read.status, 200, "{} of {}", read.text, world.schema.text);
            let got = world.print(&read.call.unwrap().wire).unwrap();
            prop_assert_eq!(Ok(value(&got)), world.read(&json), "{}", world.schema.text);
        }
    }

    #[test]
    fn json_in_any_spelling_is_the_same_message((schema, messages) in entropy()) {
        let world = World::new(&schema, false);
        for bytes in &messages {
            let (_, json) = world.message(bytes);
            let spelled = world.spelled(&json, bytes);
            let read = world.echo.send("POST", "/echo", spelled.as_bytes());
            prop_assert_eq!(read.status, 200, "{} {} of {}", spelled, read.text, world.schema.text);
            let got = world.print(&read.call.unwrap().wire).unwrap();
            prop_assert_eq!(value(&got), value(&json), "{} {}", spelled, world.schema.text);
        }
    }
}
