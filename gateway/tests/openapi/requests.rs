//! What is shown of requests: paths, parameters, bodies and headers.

use serde_json::{Value, json};

use crate::{DOCUMENT, has_reference, operation, parameter, schema};

#[test]
fn paths_of_one_shape_are_one_path() {
    let path = DOCUMENT["paths"]["/v1/books/{id}"].as_object().unwrap();
    assert_eq!(path.keys().collect::<Vec<_>>(), ["get", "patch", "put"]);
    assert_eq!(DOCUMENT["paths"].get("/v1/books/{book.id}"), None);
}

#[test]
fn path_parameters_take_the_rules_of_their_fields() {
    let uuid = json!({"type": "string", "format": "uuid", "minLength": 1});
    let get = parameter(operation("get", "/v1/books/{id}"), "id");
    assert_eq!((&get["required"], &get["schema"]), (&json!(true), &uuid));
    let lend = parameter(operation("post", "/v1/books/{id}:lend"), "id");
    assert_eq!(lend["schema"], uuid, "a path has no zero value to spare");
    let path = parameter(operation("get", "/v1/files/{path}"), "path");
    assert_eq!(path["description"], "The path of the file. May contain slashes.");
    let shelf = parameter(operation("get", "/v1/shelves/{shelvesId}/books"), "shelvesId");
    assert_eq!(shelf["in"], "path");
}

#[test]
fn a_path_parameter_without_rules_takes_those_of_the_same_path() {
    let get = parameter(operation("get", "/v1/books/{id}"), "id");
    for method in ["put", "patch"] {
        assert_eq!(parameter(operation(method, "/v1/books/{id}"), "id"), get);
    }
}

#[test]
fn leaf_fields_that_are_left_become_query_parameters() {
    let list = operation("get", "/v1/shelves/{shelvesId}/books");
    let names: Vec<&str> = list["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["pageSize", "filter.kind", "filter.sinceTime", "tags", "readMask", "labels"]
    );
    assert_eq!(parameter(list, "labels")["style"], "deepObject");
    assert_eq!(
        parameter(list, "pageSize")["schema"],
        json!({"type": "integer", "format": "int32", "minimum": 0, "maximum": 100})
    );
}

#[test]
fn a_body_is_a_field_or_what_the_path_leaves() {
    let json = |operation: &Value| operation["requestBody"]["content"]["application/json"].clone();
    let update = operation("put", "/v1/books/{id}");
    assert_eq!(update["requestBody"]["required"], true);
    let book = json(update);
    // The id is output only, so that no client sends it and the schema can be shared.
    assert_eq!(book["schema"], json!({"$ref": "#/components/schemas/Book"}));
    assert_eq!(book["example"].get("etag"), None);
    assert_eq!(book["example"]["kind"], "KIND_HARD");

    let lend = operation("post", "/v1/books/{id}:lend");
    let names = json(lend)["schema"]["properties"].as_object().unwrap().clone();
    assert_eq!(names.keys().collect::<Vec<_>>(), ["card", "name", "period"]);
    assert_eq!(
        json(lend)["schema"]["oneOf"],
        json!([{"required": ["name"]}, {"required": ["card"]}])
    );
    assert_eq!(json(lend)["example"], json!({"period": "1.5s", "name": "Ann"}));
}

#[test]
fn a_patch_may_leave_out_what_a_whole_resource_must_have() {
    let schema_of = |method| {
        let update = operation(method, "/v1/books/{id}");
        update["requestBody"]["content"]["application/json"]["schema"]["$ref"].clone()
    };
    assert_eq!(schema_of("put"), "#/components/schemas/Book");
    assert_eq!(schema_of("patch"), "#/components/schemas/BookPatch");
    let (whole, patch) = (schema("Book"), schema("BookPatch"));
    assert_eq!(whole["required"], json!(["title", "kind", "price", "language"]));
    // Those that the rules demand are demanded of a patch as well.
    assert_eq!(patch["required"], json!(["title", "kind", "price"]));
    assert_eq!(patch["properties"]["language"], whole["properties"]["language"]);
    assert_eq!(patch["properties"]["prequel"]["$ref"], "#/components/schemas/BookPatch");
}

#[test]
fn a_mask_says_what_its_absence_means_over_http() {
    let mask = |method| parameter(operation(method, "/v1/books/{id}"), "updateMask");
    let description = |method| mask(method)["description"].as_str().unwrap().to_owned();
    for method in ["put", "patch"] {
        let text = description(method);
        assert!(text.starts_with("The fields to change, separated by commas, of `title`, `kind`,"));
        assert!(!text.contains("`id`") && !text.contains("gRPC"), "{text}");
    }
    assert!(description("patch").ends_with("Without it, those that the body names."));
    assert!(description("put").ends_with("and one that the body does not name is cleared."));
}

#[test]
fn a_stream_of_requests_is_sent_in_lines() {
    let count = operation("post", "/v1/books:count");
    let content = &count["requestBody"]["content"];
    assert_eq!(content.as_object().unwrap().len(), 1);
    let lines = &content["application/x-ndjson"]["schema"];
    assert_eq!(lines["$ref"], "#/components/schemas/CountBooksRequest");
    let answer = &count["responses"]["200"]["content"];
    assert_eq!(
        answer["application/json"]["schema"]["$ref"],
        "#/components/schemas/CountBooksResponse"
    );
}

#[test]
fn versions_and_retries_have_their_headers() {
    let get = operation("get", "/v1/books/{id}");
    assert!(has_reference(get, "#/components/parameters/IfNoneMatch"));
    assert!(get["responses"]["200"]["headers"]["ETag"].is_object());
    let put = operation("put", "/v1/books/{id}");
    assert!(has_reference(put, "#/components/parameters/IfMatch"));
    assert!(has_reference(put, "#/components/parameters/IdempotencyKey"));
    assert!(!has_reference(put, "#/components/parameters/IfNoneMatch"));
}
