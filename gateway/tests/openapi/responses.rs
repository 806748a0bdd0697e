//! What is shown of responses: messages, streams, files and failures.

use gateway::openapi::Document;
use serde_json::{Value, json};

use crate::{DOCUMENT, POOL, has_reference, operation, parameter, schema};

#[test]
fn a_stream_is_events_lines_or_an_array() {
    let watch = operation("get", "/v1/loans:watch");
    let content = watch["responses"]["200"]["content"].as_object().unwrap();
    let types: Vec<&String> = content.keys().collect();
    assert_eq!(types, ["application/json", "application/x-ndjson", "text/event-stream"]);
    let item = json!([
        {"$ref": "#/components/schemas/WatchLoansResponse"},
        {"$ref": "#/components/schemas/Error"},
    ]);
    assert_eq!(content["application/json"]["schema"]["items"]["anyOf"], item);
    for line_or_event in ["application/x-ndjson", "text/event-stream"] {
        assert_eq!(content[line_or_event]["schema"]["anyOf"], item);
    }
    assert!(has_reference(watch, "#/components/parameters/LastEventId"));
    let parameter = &DOCUMENT["components"]["parameters"]["LastEventId"];
    assert_eq!((&parameter["name"], &parameter["in"]), (&json!("Last-Event-ID"), &json!("header")));
}

#[test]
fn a_stream_goes_on_only_by_a_field_that_was_declared() {
    let document = Document::builder(&POOL).build().to_string();
    assert!(!document.contains("Last-Event-ID"));
}

#[test]
fn streams_in_both_directions_are_not_implemented() {
    let talk = operation("post", "/v1/desks/{title}:talk");
    let responses = talk["responses"].as_object().unwrap();
    assert_eq!(responses.keys().collect::<Vec<_>>(), ["400", "414", "501"]);
    assert_eq!(talk.get("requestBody"), None);
    assert_eq!(parameter(talk, "title")["in"], "path");
}

#[test]
fn a_file_is_bytes_of_any_type_and_can_be_read_in_parts() {
    let bytes = json!({"*/*": {"schema": {"contentMediaType": "application/octet-stream"}}});
    let download = operation("get", "/v1/books/{id}/scan");
    for status in ["200", "206"] {
        assert_eq!(download["responses"][status]["content"], bytes);
        assert!(download["responses"][status]["headers"]["Accept-Ranges"].is_object());
    }
    assert!(download["responses"]["206"]["headers"]["Content-Range"].is_object());
    assert!(download["responses"]["416"].is_object());
    assert!(has_reference(download, "#/components/parameters/Range"));
    assert!(download["responses"]["406"].is_null());

    // Of a stream, the length is not known.
    let stream = operation("get", "/v1/scans");
    assert_eq!(stream["responses"]["200"]["content"], bytes);
    assert!(!has_reference(stream, "#/components/parameters/Range"));
    assert_eq!(
        (&stream["responses"]["206"], &stream["responses"]["416"]),
        (&json!(null), &json!(null))
    );

    let upload = operation("post", "/v1/books/{id}/scan");
    assert_eq!(upload["requestBody"], json!({"required": true, "content": bytes}));
    assert_eq!(parameter(upload, "caption")["in"], "query");
    assert_eq!(upload["responses"].get("206"), None);
    let scan = schema("UploadScanResponse")["properties"]["scan"]["$ref"].as_str();
    assert_eq!(scan, Some("#/components/schemas/HttpBody"), "inside of JSON it is JSON");
}

#[test]
fn a_response_is_the_message_or_its_field() {
    let schema = |operation: &Value| {
        operation["responses"]["200"]["content"]["application/json"]["schema"].clone()
    };
    let get = operation("get", "/v1/books/{id}");
    assert_eq!(schema(get), json!({"$ref": "#/components/schemas/Book"}));
    let lend = operation("post", "/v1/books/{id}:lend");
    assert_eq!(schema(lend)["$ref"], "#/components/schemas/Loan");
}

#[test]
fn failures_are_those_that_can_happen() {
    const COMMON: &str = "413 414 415 429 500 501 503 504 default";
    let statuses = |method, path| {
        let responses = operation(method, path)["responses"].as_object().unwrap();
        responses.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        statuses("get", "/v1/books/{id}"),
        format!("200 304 400 401 403 404 406 408 {COMMON}")
    );
    assert_eq!(
        statuses("put", "/v1/books/{id}"),
        format!("200 400 401 403 404 406 408 409 412 {COMMON}")
    );
}

#[test]
fn failures_are_errors_or_problem_details() {
    let schema = |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
    assert_eq!(
        DOCUMENT["components"]["responses"]["NotFound"]["content"],
        json!({
            "application/json": schema("Error"),
            "application/problem+json": schema("Problem"),
        })
    );
}
