//! Query parameters and masks, by the suites.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Tally, check, core_cases, load, same_json};
use crate::support::{Api, Reply};

const IMPORTS: &str = r#"
    import "google/api/annotations.proto"; import "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
    import "google/protobuf/empty.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
"#;

/// The message whose masks the suites derive, as far as they do.
const MASKED: &str = r#"
    message NestedOuter { One one = 1; }
    message One { Two two = 1; }
    message Two { Three three = 1; }
    message Three { bool a = 1; bool b = 2; }
    message Single { string name = 1; int32 amount = 2; }
    message SubThing { string sub_value = 1 [json_name = "sub_Value"]; }
    message Thing { SubThing subThing = 1 [json_name = "SubThing"]; }
    message Masked {
      Single single_nested = 1; string uuid = 2; map<string, string> mapped_string_value = 3; One one = 4;
      google.protobuf.Empty oneof_empty = 5; google.protobuf.Struct struct_field = 6; string id = 7 [json_name = "ID"];
      Thing thing = 8 [json_name = "Thingy"]; google.protobuf.Any anytype = 9; Two two = 10;
    }
    message Update { Masked masked = 1; google.protobuf.FieldMask update_mask = 2; }
    service S { rpc M(Update) returns (Update) { option (google.api.http) = {patch: "/m" body: "masked"}; } }
"#;

#[tokio::test]
async fn query_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let mut tally = Tally::default();
    for name in ["Proto3Message", "ParameterValues"] {
        let api = Api::declared(&declare(name, &file["schemas"][name]));
        for case in core_cases(&file, &["query"]) {
            if case["schema"] == name {
                tally.note(case, run(&api, case).await);
            }
        }
    }
    let api = Api::declared(&declare(
        "A",
        &json!({"fields": {"A.int64_field": "int64", "A.uint64_field": "uint64"}}),
    ));
    for case in core_cases(&file, &["bind_scalar"]) {
        tally.note(case, run(&api, case).await);
    }
    tally.finish("query, bind_scalar");
}

#[tokio::test]
async fn patch_mask_cases() {
    let Some(file) = load("transcoding.json") else { return };
    let api = Api::declared(&format!("syntax = \"proto3\"; package examplepb; {IMPORTS} {MASKED}"));
    // Not every path that a body leads to has a JSON form, so that the mask is not echoed.
    api.reply(Reply::Json(json!({})));
    let mut tally = Tally::default();
    for case in core_cases(&file, &["patch_mask"]) {
        let body = case["body"].as_str().unwrap();
        let answer = api.call("PATCH", "/m", body).await;
        let expected = case["expect"]["bindings"]["update_mask"].as_array().unwrap();
        let expected: Vec<_> = expected.iter().map(|path| path.as_str().unwrap()).collect();
        let paths = api.mask_paths();
        let fits = answer.status == 200 && paths == expected;
        tally.note(case, check(fits, || format!("{body} -> {paths:?} {}", answer.text)));
    }
    tally.finish("patch_mask");
}

async fn run(api: &Api, case: &Value) -> Result<(), String> {
    let query = case["query"].as_str().unwrap();
    let answer = api.get(&format!("/q?{query}")).await;
    let expect = &case["expect"];
    let fits = if expect["error"].is_null() {
        answer.status == 200 && same_json(&answer.json, &expect["bindings"])
    } else {
        answer.status == 400
    };
    check(fits, || format!("{query} -> {}", answer.text))
}

/// A proto file from the fields of a schema, where a dotted name is a member of a oneof, or of a
/// nested message when it is in capitals.
fn declare(name: &str, schema: &Value) -> String {
    let mut proto = format!("syntax = \"proto3\"; package t; {IMPORTS}");
    for (key, values) in schema.as_object().unwrap() {
        if let Some(name) = key.strip_prefix("enum ") {
            let values = values.as_array().unwrap().iter().map(|v| v.as_str().unwrap());
            let _ = write!(proto, "enum {name} {{ {}; }}", values.collect::<Vec<_>>().join("; "));
        }
    }
    let mut oneofs = std::collections::BTreeMap::<&str, String>::new();
    let _ = write!(proto, "message {name} {{ ");
    for (number, (path, kind)) in (1..).zip(schema["fields"].as_object().unwrap()) {
        let mut kind = kind.as_str().unwrap().to_owned();
        if let Some((nested, fields)) = kind.split_once('{') {
            let (field, inner) = fields.trim_end_matches('}').split_once(':').unwrap();
            let _ = write!(proto, "message {nested} {{ {inner} {field} = 1; }} ");
            kind = nested.to_owned();
        }
        match path.split_once('.') {
            Some((oneof, field)) => {
                let _ = write!(oneofs.entry(oneof).or_default(), "{kind} {field} = {number}; ");
            }
            None => {
                let _ = write!(proto, "{kind} {path} = {number}; ");
            }
        }
    }
    for (oneof, fields) in oneofs {
        let _ = match oneof {
            "A" => write!(proto, "message Inner {{ {fields} }} Inner A = 1; "),
            _ => write!(proto, "oneof {oneof} {{ {fields} }} "),
        };
    }
    let _ = write!(
        proto,
        "}} service S {{ rpc M({name}) returns ({name}) {{ option (google.api.http) = {{get: \"/q\"}}; }} }}"
    );
    proto
}
