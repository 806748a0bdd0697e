//! JSON in and out, by protobuf's own conformance suite.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Tally, check, load, same_json};
use crate::support::Api;

const ALL_TYPES: &str = "protobuf_test_messages.proto3.TestAllTypesProto3";

#[tokio::test]
async fn json_mapping_cases() {
    let (Some(file), Some(schema)) = (load("json_mapping.json"), load("schema_all_types.json"))
    else {
        return;
    };
    let api = Api::declared(&declare(&schema));
    let mut tally = Tally::default();
    for case in file["cases"].as_array().unwrap() {
        let body = case["json"].as_str().unwrap();
        let answer = api.call("POST", "/echo", body).await;
        let expect = &case["expect"];
        let fits = if expect["error"].is_null() {
            answer.status == 200 && same_json(&answer.json, &expect["canonical"])
        } else {
            answer.status == 400
        };
        tally.note(case, check(fits, || format!("{body} -> {}", answer.text)));
    }
    tally.finish("json_mapping");
}

/// The schema as a proto file with a method that echoes its message.
fn declare(schema: &Value) -> String {
    let mut proto = String::from("syntax = \"proto3\"; package protobuf_test_messages.proto3;\n");
    for file in ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"] {
        let _ = writeln!(proto, "import \"google/protobuf/{file}.proto\";");
    }
    proto.push_str("import \"google/api/annotations.proto\";\n");
    let package = format!("{}.", schema["package"].as_str().unwrap());
    for message in schema["messages"].as_array().unwrap() {
        let name = message["full_name"].as_str().unwrap().strip_prefix(&package).unwrap();
        if !name.contains('.') {
            declare_message(schema, &package, name, &mut proto);
        }
    }
    declare_enums(schema, &package, &mut proto);
    let _ = write!(
        proto,
        "service S {{ rpc M({ALL_TYPES}) returns ({ALL_TYPES}) {{ \
         option (google.api.http) = {{post: \"/echo\" body: \"*\"}}; }} }}"
    );
    proto
}

fn declare_message(schema: &Value, package: &str, name: &str, proto: &mut String) {
    let message = find(schema, &format!("{package}{name}"));
    let _ = writeln!(proto, "message {} {{", name.rsplit('.').next().unwrap());
    let inside = format!("{package}{name}.");
    for nested in schema["messages"].as_array().unwrap() {
        let full_name = nested["full_name"].as_str().unwrap();
        if full_name.starts_with(&inside) && nested["map_entry"] == false {
            declare_message(schema, package, full_name.strip_prefix(package).unwrap(), proto);
        }
    }
    declare_enums(schema, &inside, proto);
    let mut oneof = None;
    for field in message["fields"].as_array().unwrap() {
        if field["oneof"].as_str() != oneof {
            proto.push_str(if oneof.is_some() { "}\n" } else { "" });
            oneof = field["oneof"].as_str();
            let _ = oneof.map(|oneof| writeln!(proto, "oneof {oneof} {{"));
        }
        declare_field(schema, field, proto);
    }
    proto.push_str(if oneof.is_some() { "}}\n" } else { "}\n" });
}

fn declare_field(schema: &Value, field: &Value, proto: &mut String) {
    let (name, number) = (field["name"].as_str().unwrap(), &field["number"]);
    let entry = field["message"].as_str().map(|message| find(schema, message));
    let label = if field["repeated"] == true { "repeated " } else { "" };
    let kind = match entry {
        Some(entry) if entry["map_entry"] == true => {
            let [key, value] = [0, 1].map(|index| type_name(&entry["fields"][index]));
            format!("map<{key}, {value}>")
        }
        _ => format!("{label}{}", type_name(field)),
    };
    let packed = match field["packed"].as_bool() {
        Some(packed) => format!(" [packed = {packed}]"),
        None => String::new(),
    };
    let _ = writeln!(proto, "{kind} {name} = {number}{packed};");
}

fn declare_enums(schema: &Value, inside: &str, proto: &mut String) {
    for declared in schema["enums"].as_array().unwrap() {
        let full_name = declared["full_name"].as_str().unwrap();
        let Some(name) = full_name.strip_prefix(inside).filter(|name| !name.contains('.')) else {
            continue;
        };
        let _ = writeln!(proto, "enum {name} {{");
        if declared["allow_alias"] == true {
            proto.push_str("option allow_alias = true;");
        }
        for value in declared["values"].as_array().unwrap() {
            let _ = writeln!(proto, "{} = {};", value[0].as_str().unwrap(), value[1]);
        }
        proto.push_str("}\n");
    }
}

fn type_name(field: &Value) -> String {
    let named = field["message"].as_str().or(field["enum"].as_str());
    named.map_or_else(|| field["type"].as_str().unwrap().to_owned(), |name| format!(".{name}"))
}

/// A message of the schema; nothing for the well-known ones.
fn find<'s>(schema: &'s Value, full_name: &str) -> &'s Value {
    let mut messages = schema["messages"].as_array().unwrap().iter();
    messages.find(|message| message["full_name"] == full_name).unwrap_or(&Value::Null)
}
