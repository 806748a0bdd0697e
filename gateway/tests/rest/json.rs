//! JSON in and out, by the rules of canonical proto3 JSON.

use serde_json::{Value, json};

use crate::support::{Api, Reply};

/// What an echo of the body answers when unset fields are left out.
async fn echo(body: &str) -> Result<Value, (String, String)> {
    let api = Api::library_with(|builder| builder.emit_unpopulated(false));
    let answer = api.call("POST", "/v1/kinds", body).await;
    match answer.status {
        200 => Ok(answer.json),
        _ if answer.reason() == "MALFORMED_REQUEST" => Err((String::new(), String::new())),
        _ => {
            let (field, description) = answer.violation();
            Err((field.to_owned(), description.to_owned()))
        }
    }
}

#[tokio::test]
async fn values_of_every_kind_come_back_in_canonical_form() {
    for (body, canonical) in [
        ("{}", json!({})),
        (
            r#"{"doubleValue":"1.5","floatValue":-0.0}"#,
            json!({"doubleValue": 1.5, "floatValue": -0.0}),
        ),
        (
            r#"{"doubleValue":"NaN","floatValue":"-Infinity"}"#,
            json!({"doubleValue": "NaN", "floatValue": "-Infinity"}),
        ),
        (
            r#"{"int64Value":1e5,"uint32Value":"1.0"}"#,
            json!({"int64Value": "100000", "uint32Value": 1}),
        ),
        (r#"{"int64Value":9007199254740993.0}"#, json!({"int64Value": "9007199254740993"})),
        (
            r#"{"sint32Value":-1,"sint64Value":"-9223372036854775808"}"#,
            json!({"sint32Value": -1, "sint64Value": "-9223372036854775808"}),
        ),
        (
            r#"{"fixed32Value":1,"fixed64Value":2,"sfixed32Value":-3,"sfixed64Value":-4}"#,
            json!({"fixed32Value": 1, "fixed64Value": "2", "sfixed32Value": -3, "sfixed64Value": "-4"}),
        ),
        (r#"{"bytesValue":"-_8"}"#, json!({"bytesValue": "+/8="})),
        (r#"{"stringValue":"\u0000\ud83d\ude01\"\\\n"}"#, json!({"stringValue": "\0😁\"\\\n"})),
        (
            r#"{"color":1,"colors":["COLOR_RED",7]}"#,
            json!({"color": "COLOR_RED", "colors": ["COLOR_RED", 7]}),
        ),
        (r#"{"maybe":0,"text":""}"#, json!({"maybe": 0, "text": ""})),
        (r#"{"maybe":null,"numbers":null,"kinds":null}"#, json!({})),
        (r#"{"text":"a","number":null}"#, json!({"text": "a"})),
        (
            r#"{"kinds":{"kinds":{}},"list":[{},{"text":"a"}]}"#,
            json!({"kinds": {"kinds": {}}, "list": [{}, {"text": "a"}]}),
        ),
        (r#"{"names":{"1":"a","-2":""}}"#, json!({"names": {"1": "a", "-2": ""}})),
        (r#"{"time":"2024-02-29T12:00:00.5+02:00"}"#, json!({"time": "2024-02-29T10:00:00.500Z"})),
        (r#"{"wait":"-0.000001s","mask":"a.bC"}"#, json!({"wait": "-0.000001s", "mask": "a.bC"})),
        // The mask of a full replacement (AIP-134), which is also printed in this way.
        (r#"{"mask":"*"}"#, json!({"mask": "*"})),
        (r#"{"wrapped":0,"empty":{}}"#, json!({"wrapped": "0", "empty": {}})),
        (r#"{"value":null}"#, json!({"value": null})),
        (
            r#"{"object":{"a":null,"b":[1,{}]},"values":[[],"x"]}"#,
            json!({"object": {"a": null, "b": [1.0, {}]}, "values": [[], "x"]}),
        ),
        (
            r#"{"any":{"text":"a","@type":"x/test.library.v1.Kinds"}}"#,
            json!({"any": {"@type": "x/test.library.v1.Kinds", "text": "a"}}),
        ),
        (
            r#"{"any":{"value":"1s","@type":"x/google.protobuf.Duration"}}"#,
            json!({"any": {"@type": "x/google.protobuf.Duration", "value": "1s"}}),
        ),
        (
            r#"{"any":{"@type":"x/google.protobuf.Empty"}}"#,
            json!({"any": {"@type": "x/google.protobuf.Empty", "value": {}}}),
        ),
        (r#"{"any":{}}"#, json!({"any": {}})),
    ] {
        assert_eq!(echo(body).await, Ok(canonical), "{body}");
    }
}

const TYPE: &str = "must have an `@type` that names a known message, \
                    as `type.googleapis.com/google.protobuf.Duration`";

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_by_the_path_of_its_field() {
    for (body, field, description) in [
        (r#"{"unknown":1}"#, "unknown", "must be a known field"),
        (
            r#"{"kinds":{"list":[{},{"unknown":1}]}}"#,
            "kinds.list[1].unknown",
            "must be a known field",
        ),
        (r#"{"int32Value":1,"int32_value":1}"#, "int32_value", "must be given once"),
        (r#"{"maybe":null,"maybe":null}"#, "maybe", "must be given once"),
        (r#"{"names":{"1":"a","\u0031":"b"}}"#, "names[1]", "must be given once"),
        (r#"{"object":{"a":1,"a":1}}"#, r#"object["a"]"#, "must be given once"),
        (
            r#"{"text":"a","number":1}"#,
            "number",
            "must not be given with another field of its oneof",
        ),
        (
            r#"{"int32Value":2147483648}"#,
            "int32_value",
            "must be an integer from -2147483648 to 2147483647",
        ),
        (
            r#"{"int64Value":0.5}"#,
            "int64_value",
            "must be an integer from -9223372036854775808 to 9223372036854775807",
        ),
        (r#"{"uint32Value":-1}"#, "uint32_value", "must be an integer from 0 to 4294967295"),
        (
            r#"{"floatValue":3.5e38}"#,
            "float_value",
            "must be a number from -3.4028235e38 to 3.4028235e38",
        ),
        (r#"{"boolValue":"true"}"#, "bool_value", "must be true or false"),
        (r#"{"stringValue":1}"#, "string_value", "must be a string"),
        (r#"{"stringValue":{}}"#, "string_value", "must be a string"),
        (r#"{"color":"1"}"#, "color", "must be one of COLOR_UNSPECIFIED, COLOR_RED"),
        (r#"{"numbers":1}"#, "numbers", "must be an array"),
        (
            r#"{"numbers":[1,null]}"#,
            "numbers[1]",
            "must be an integer from -2147483648 to 2147483647",
        ),
        (r#"{"names":[]}"#, "names", "must be an object"),
        (
            r#"{"names":{"a":"b"}}"#,
            "names[a]",
            "the key must be an integer from -2147483648 to 2147483647",
        ),
        (r#"{"kinds":1}"#, "kinds", "must be an object"),
        (r#"{"kinds":[]}"#, "kinds", "must be an object"),
        (
            r#"{"mask":"a_b"}"#,
            "mask",
            "must be field paths with commas between, as `displayName,author.givenName`",
        ),
        (r#"{"any":{"text":"a"}}"#, "any", TYPE),
        (r#"{"any":{"@type":"x/unknown.Type"}}"#, "any", TYPE),
        (r#"{"any":{"@type":"x/google.protobuf.Duration"}}"#, "any", "must have a `value`"),
        (r#"{"any":{"@type":"a","@type":"b"}}"#, "any", TYPE),
    ] {
        let expected = Err((field.to_owned(), description.to_owned()));
        assert_eq!(echo(body).await, expected, "{body}");
    }
}

#[tokio::test]
async fn text_that_is_not_a_json_object_is_malformed() {
    for body in [
        "[]",
        "1",
        "null",
        "{",
        "{]",
        "{\"text\"}",
        "{\"text\":}",
        "{\"text\":\"a\"",
        "{\"text\":\"a\",}",
        "{,}",
        "{} {}",
        "{'text':'a'}",
        "{text:1}",
        "{\"int32Value\":01}",
        "{\"int32Value\":+1}",
        "{\"int32Value\":1.}",
        "{\"int32Value\":.5}",
        "{\"doubleValue\":NaN}",
        "{\"boolValue\":True}",
        "{\"text\":\"\\ud800\"}",
        "{\"text\":\"\\udc00\\ud800\"}",
        "{\"text\":\"\\x\"}",
        "{\"text\":\"\\u12\"}",
        "{\"text\":\"a\nb\"}",
        "{\"numbers\":[1,]}",
        "{\"numbers\":[1 2]}",
        "nul",
        "{\"text\":\"\\ud83d\\u00e9\"}",
    ] {
        assert_eq!(echo(body).await, Err((String::new(), String::new())), "{body}");
    }
}

#[tokio::test]
async fn depth_and_elements_are_limited_while_the_body_is_read() {
    let nested =
        |depth: usize| format!("{}{}", "{\"kinds\":".repeat(depth - 1) + "{", "}".repeat(depth));
    assert!(echo(&nested(64)).await.is_ok());
    assert!(echo(&nested(65)).await.is_err());
    // A list inside a value is two messages deep.
    let values = |depth: usize| format!("{{\"value\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(echo(&values(33)).await.is_ok());
    assert!(echo(&values(63)).await.is_err());
    // Far more than any stack would hold.
    assert!(echo(&"[".repeat(500_000)).await.is_err());
    assert!(echo(&format!("{{\"value\":{}", "[".repeat(500_000))).await.is_err());
    let list = |count: usize| format!("{{\"numbers\":[{}]}}", vec!["1"; count].join(","));
    assert!(echo(&list(1000)).await.is_ok());
    let too_many = "must have at most 1000 elements".to_owned();
    assert_eq!(echo(&list(1001)).await, Err(("numbers".to_owned(), too_many.clone())));
    let map = |count: i32| {
        let entries: Vec<_> = (0..count).map(|key| format!("\"{key}\":\"\"")).collect();
        format!("{{\"names\":{{{}}}}}", entries.join(","))
    };
    assert!(echo(&map(1000)).await.is_ok());
    assert_eq!(echo(&map(1001)).await, Err(("names".to_owned(), too_many)));
}

#[tokio::test]
async fn unset_fields_are_sent_with_their_defaults() {
    let api = Api::library();
    let answer = api.get("/v1/kinds").await;
    assert_eq!(
        answer.json,
        json!({
            "doubleValue": 0.0, "floatValue": 0.0, "int32Value": 0, "int64Value": "0",
            "uint32Value": 0, "uint64Value": "0", "sint32Value": 0, "sint64Value": "0",
            "fixed32Value": 0, "fixed64Value": "0", "sfixed32Value": 0, "sfixed64Value": "0",
            "boolValue": false, "stringValue": "", "bytesValue": "", "color": "COLOR_UNSPECIFIED",
            "numbers": [], "colors": [], "names": {}, "list": [],
        })
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn absent_messages_and_unset_optional_fields_are_left_out_and_the_rest_by_a_switch() {
    let api = Api::library();
    api.reply(Reply::Json(json!({"kinds": {}, "maybe": 0, "number": 0})));
    let answer = api.get("/v1/kinds").await.json;
    for name in ["kinds", "maybe", "number", "int32Value", "numbers", "names"] {
        assert!(!answer[name].is_null(), "{name}");
    }
    for name in ["text", "time", "wrapped", "value", "any"] {
        assert_eq!(answer.get(name), None);
    }
    let api = Api::library_with(|builder| builder.emit_unpopulated(false));
    api.reply(Reply::Json(json!({"kinds": {}, "maybe": 0, "number": 0, "int32Value": 0})));
    assert_eq!(api.get("/v1/kinds").await.json, json!({"kinds": {}, "maybe": 0, "number": 0}));
}

#[tokio::test]
async fn one_field_can_be_the_whole_answer() {
    let api = Api::library();
    api.reply(Reply::Json(json!({"titles": ["a", "b"]})));
    assert_eq!(api.get("/v1/titles").await.text, r#"["a","b"]"#);
    api.reply(Reply::Json(json!({})));
    assert_eq!(api.get("/v1/titles").await.text, "[]");
}

#[tokio::test]
async fn a_group_is_an_unknown_field_in_both_directions() {
    let api = Api::declared(
        r#"syntax = "proto2"; package t; import "google/api/annotations.proto";
        message Request { optional group Part = 1 { optional int32 id = 2; } optional int32 id = 3; }
        service S {
          rpc Call(Request) returns (Request) {
            option (google.api.http) = {post: "/v1/echo" body: "*"};
          }
        }"#,
    );
    let answer = api.call("POST", "/v1/echo", r#"{"part":{"id":1}}"#).await;
    assert_eq!((answer.status, answer.violation()), (400, ("part", "must be a known field")));
    api.reply(Reply::Wire(vec![0x0b, 0x10, 1, 0x0c, 0x18, 7]));
    assert_eq!(api.call("POST", "/v1/echo", "{}").await.json, json!({"id": 7}));
}

#[tokio::test]
async fn wire_bytes_in_any_order_and_in_parts_are_merged() {
    let api = Api::library_with(|builder| builder.emit_unpopulated(false));
    for (wire, json) in [
        // Fields out of order, and the last of two.
        (vec![0x20, 2, 0x18, 1, 0x18, 3], json!({"int32Value": 3, "int64Value": "2"})),
        // Packed and unpacked parts of one list.
        (vec![0x92, 1, 2, 1, 2, 0x90, 1, 3], json!({"numbers": [1, 2, 3]})),
        (vec![0x90, 1, 3, 0x92, 1, 0], json!({"numbers": [3]})),
        (vec![0x92, 1, 0], json!({})),
        // A message in two parts, with another field between.
        (
            vec![0xaa, 1, 2, 0x18, 1, 0x18, 9, 0xaa, 1, 2, 0x20, 2],
            json!({"int32Value": 9, "kinds": {"int32Value": 1, "int64Value": "2"}}),
        ),
        // One message in a list, behind others that are in order.
        (
            vec![0xb2, 1, 2, 0x18, 1, 0xb2, 1, 4, 0x20, 2, 0x18, 3],
            json!({"list": [{"int32Value": 1}, {"int32Value": 3, "int64Value": "2"}]}),
        ),
        // A list and a map in parts, with another field between.
        (vec![0x90, 1, 3, 0x18, 1, 0x90, 1, 4], json!({"int32Value": 1, "numbers": [3, 4]})),
        (
            vec![0xa2, 1, 2, 8, 1, 0x18, 1, 0xa2, 1, 2, 8, 2],
            json!({"int32Value": 1, "names": {"1": "", "2": ""}}),
        ),
        // Members of a oneof: the last one counts.
        (vec![0xba, 1, 1, b'a', 0xc0, 1, 5], json!({"number": 5})),
        (vec![0xc0, 1, 5, 0xba, 1, 1, b'a'], json!({"text": "a"})),
        // Two entries of one key.
        (
            vec![0xa2, 1, 5, 8, 1, 0x12, 1, b'a', 0xa2, 1, 5, 8, 1, 0x12, 1, b'b'],
            json!({"names": {"1": "b"}}),
        ),
        (vec![0xa2, 1, 0], json!({"names": {"0": ""}})),
        // Zeros that are longer than they have to be, and wider than their type.
        (vec![0x18, 0x80, 0, 0x20, 0x80, 0, 0x68, 0x80, 0], json!({})),
        (
            vec![0x18, 0x80, 0x80, 0x80, 0x80, 0x10, 0x80, 1, 0x80, 0x80, 0x80, 0x80, 0x10],
            json!({}),
        ),
        // Nanoseconds wider than their type.
        (
            vec![0xca, 1, 8, 8, 1, 0x10, 0x80, 0x80, 0x80, 0x80, 0x10],
            json!({"time": "1970-01-01T00:00:01Z"}),
        ),
        // A part that is wrong by itself.
        (
            vec![0xca, 1, 10, 8, 128, 128, 128, 128, 128, 128, 128, 128, 64, 0xca, 1, 2, 8, 1],
            json!({"time": "1970-01-01T00:00:01Z"}),
        ),
        // Unknown fields, groups, and a known field of another wire type.
        (vec![0xf8, 0x7f, 1, 0xfb, 0x7f, 8, 1, 0xfc, 0x7f, 0x1a, 1, 7], json!({})),
    ] {
        api.reply(Reply::Wire(wire.clone()));
        let answer = api.get("/v1/kinds").await;
        assert_eq!(answer.json, json, "{wire:x?}: {}", answer.text);
    }
}

#[tokio::test]
async fn wire_bytes_that_have_no_json_are_an_error_of_the_service() {
    let api = Api::library();
    for wire in [
        vec![0x18],
        vec![0x72, 5, b'a'],
        vec![0x72, 1, 0xff],
        vec![0x07],
        vec![0x00],
        vec![
            0xca, 1, 2, 0x10, 0x7f, 0xca, 1, 11, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0x7f,
        ],
        vec![0x82, 2, 5, 0x0a, 3, b'x', b'/', b'y'],
        // A mask with an empty path, which would read back as none.
        vec![0xda, 1, 2, 0x0a, 0],
        // A `Value` of NaN.
        vec![0xea, 1, 9, 0x11, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
    ] {
        api.reply(Reply::Wire(wire.clone()));
        let answer = api.get("/v1/kinds").await;
        assert_eq!((answer.status, answer.reason()), (500, "INVALID_RESPONSE"), "{wire:x?}");
    }
}
