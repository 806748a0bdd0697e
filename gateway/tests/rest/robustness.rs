//! Whatever a client or a service sends, the gateway answers: it never panics, and what it takes in
//! comes out the same.

use proptest::prelude::*;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, Value};

use crate::support::{Api, LIBRARY, Reply};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The wire bytes of a message with fields of every kind, some of them nested.
fn kinds() -> impl Strategy<Value = Vec<u8>> {
    let pool = DescriptorPool::decode(LIBRARY.as_slice()).unwrap();
    let kinds = pool.get_message_by_name("test.library.v1.Kinds").unwrap();
    let numbers =
        (any::<f64>(), any::<f32>(), any::<i32>(), any::<i64>(), any::<u32>(), any::<u64>());
    let others = (
        any::<bool>(),
        ".*",
        any::<Vec<u8>>(),
        0..4_i32,
        proptest::option::of(any::<i32>()),
        any::<Vec<i32>>(),
        proptest::collection::hash_map(any::<i32>(), ".*", 0..5),
    );
    let leaf = (numbers, others).prop_map(move |(numbers, others)| {
        let mut message = DynamicMessage::new(kinds.clone());
        let mut set = |name: &str, value: Value| message.set_field_by_name(name, value);
        set("double_value", Value::F64(numbers.0));
        set("float_value", Value::F32(numbers.1));
        set("int32_value", Value::I32(numbers.2));
        set("sint32_value", Value::I32(numbers.2));
        set("sfixed64_value", Value::I64(numbers.3));
        set("sint64_value", Value::I64(numbers.3));
        set("uint32_value", Value::U32(numbers.4));
        set("fixed64_value", Value::U64(numbers.5));
        set("uint64_value", Value::U64(numbers.5));
        set("bool_value", Value::Bool(others.0));
        set("string_value", Value::String(others.1));
        set("bytes_value", Value::Bytes(others.2.into()));
        set("color", Value::EnumNumber(others.3));
        others.4.into_iter().for_each(|maybe| set("maybe", Value::I32(maybe)));
        set("numbers", Value::List(others.5.into_iter().map(Value::I32).collect()));
        let names = others.6.into_iter().map(|(key, name)| (MapKey::I32(key), Value::String(name)));
        set("names", Value::Map(names.collect()));
        message
    });
    leaf.prop_recursive(4, 16, 4, |inner| {
        (inner.clone(), proptest::collection::vec(inner, 0..4)).prop_map(|(mut outer, list)| {
            let list: Vec<_> = list.into_iter().map(Value::Message).collect();
            if let Some(first) = list.first() {
                outer.set_field_by_name("kinds", first.clone());
            }
            outer.set_field_by_name("list", Value::List(list));
            outer
        })
    })
    .prop_map(|message| message.encode_to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_message_comes_back_the_same(wire in kinds()) {
        let api = Api::library();
        api.reply(Reply::Wire(wire.clone()));
        let printed = block_on(api.get("/v1/kinds"));
        prop_assert_eq!(printed.status, 200);
        api.reply(Reply::Echo);
        let echoed = block_on(api.call("POST", "/v1/kinds", &printed.text));
        prop_assert_eq!(echoed.status, 200, "{}", echoed.text);
        prop_assert_eq!(&echoed.text, &printed.text);
        prop_assert_eq!(api.message(), api.decode("/test.library.v1.Library/EchoKinds", &wire));
    }

    #[test]
    fn any_wire_bytes_are_answered(wire in any::<Vec<u8>>()) {
        let api = Api::library();
        api.reply(Reply::Wire(wire));
        let status = block_on(api.get("/v1/kinds")).status;
        prop_assert!(status == 200 || status == 500);
    }

    #[test]
    fn a_message_with_one_byte_changed_is_answered(mut wire in kinds(), at in any::<usize>(), byte in any::<u8>()) {
        let api = Api::library();
        let length = wire.len();
        if let Some(place) = wire.get_mut(at % length.max(1)) {
            *place = byte;
        }
        api.reply(Reply::Wire(wire));
        let status = block_on(api.get("/v1/kinds")).status;
        prop_assert!(status == 200 || status == 500);
    }

    #[test]
    fn any_text_is_answered(body in "[{}\\[\\]:,\"\\\\a-z0-9.eE+ -]{0,40}", query in "[a-z_.=&%0-9\\[\\]+]{0,40}") {
        let api = Api::library();
        for answer in [
            block_on(api.call("POST", "/v1/kinds", &body)),
            block_on(api.call("PATCH", "/v1/shelves/1/books/2", &body)),
            block_on(api.get(&format!("/v1/kinds?{query}"))),
        ] {
            prop_assert!(answer.status == 200 || answer.status == 400, "{}", answer.text);
        }
    }
}
