//! What the OpenAPI document says of a small library.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::LazyLock;

use gateway::openapi::Document;
use prost_reflect::DescriptorPool;
use protox::Compiler;
use serde_json::{Value, json};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut compiler = Compiler::new(["tests/proto", "../proto"]).unwrap();
    compiler.include_imports(true).include_source_info(true).open_file("openapi.proto").unwrap();
    compiler.descriptor_pool()
});

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    Document::builder(&POOL)
        .title("Library")
        .version("1.2.3")
        .description("Books.")
        .license("MIT", "https://example.org/licence")
        .server("https://example.org")
        .build()
});

/// The part of the document at a JSON pointer below an operation.
fn operation(method: &str, path: &str) -> &'static Value {
    &DOCUMENT["paths"][path][method]
}

fn schema(name: &str) -> &'static Value {
    &DOCUMENT["components"]["schemas"][name]
}

fn book(property: &str) -> Value {
    let mut property = schema("Book")["properties"][property].clone();
    property.as_object_mut().unwrap().remove("description");
    property
}

fn parameter(operation: &Value, name: &str) -> Value {
    let parameters = operation["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name).cloned().unwrap_or_default()
}

fn has_reference(operation: &Value, reference: &str) -> bool {
    let parameters = operation["parameters"].as_array().unwrap();
    parameters.iter().any(|parameter| parameter["$ref"] == reference)
}

#[test]
fn the_document_says_what_the_host_says() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    assert_eq!(
        DOCUMENT["info"],
        json!({
            "title": "Library",
            "version": "1.2.3",
            "description": "Books.",
            "license": {"name": "MIT", "url": "https://example.org/licence"},
        })
    );
    assert_eq!(DOCUMENT["servers"], json!([{"url": "https://example.org"}]));
    let bearer = &DOCUMENT["components"]["securitySchemes"]["bearerAuth"];
    assert_eq!((&bearer["type"], &bearer["scheme"]), (&json!("http"), &json!("bearer")));
}

#[test]
fn every_binding_is_an_operation_and_ids_are_unique() {
    let ids: Vec<&str> = DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "LibraryService_GetBook",
            "UpdateBook_patch",
            "UpdateBook",
            "LendBook",
            "ReadFile",
            "PeopleService_GetBook",
            "ListBooks",
        ]
    );
}

#[test]
fn comments_become_texts() {
    assert_eq!(
        DOCUMENT["tags"],
        json!([
            {"name": "LibraryService", "description": "Keeps books."},
            {"name": "PeopleService", "description": "Keeps people."},
        ])
    );
    let list = operation("get", "/v1/shelves/{shelvesId}/books");
    assert_eq!(list["summary"], "Lists the books of a shelf, e.g. the new ones");
    assert_eq!(list["description"], "Lists the books of a shelf, e.g. the new ones. Newest first.");
    assert_eq!(list["responses"]["200"]["description"], "A page of books.");
    assert_eq!(operation("get", "/v1/files/{path}")["summary"], "ReadFile");
}

#[test]
fn paths_of_one_shape_are_one_path() {
    let path = DOCUMENT["paths"]["/v1/books/{id}"].as_object().unwrap();
    assert_eq!(path.keys().collect::<Vec<_>>(), ["get", "patch", "put"]);
    assert_eq!(DOCUMENT["paths"].get("/v1/books/{book.id}"), None);
}

#[test]
fn path_parameters_take_the_rules_of_their_fields() {
    let id = parameter(operation("get", "/v1/books/{id}"), "id");
    assert_eq!(id["required"], true);
    assert_eq!(id["schema"], json!({"type": "string", "format": "uuid", "minLength": 1}));
    let path = parameter(operation("get", "/v1/files/{path}"), "path");
    assert_eq!(path["description"], "The path of the file. May contain slashes.");
    let shelf = parameter(operation("get", "/v1/shelves/{shelvesId}/books"), "shelvesId");
    assert_eq!(shelf["in"], "path");
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
    assert_eq!(book["schema"]["properties"].get("id"), None);
    assert_eq!(book["schema"]["properties"]["title"]["maxLength"], 200);
    assert_eq!(book["example"].get("etag"), None);
    assert_eq!(book["example"]["kind"], "KIND_HARD");

    let lend = operation("post", "/v1/books/{id}:lend");
    let names = json(lend)["schema"]["properties"].as_object().unwrap().clone();
    assert_eq!(names.keys().collect::<Vec<_>>(), ["card", "name", "period"]);
    assert_eq!(
        json(lend)["schema"]["oneOf"],
        json!([{"required": ["name"]}, {"required": ["card"]}])
    );
    assert_eq!(json(lend)["example"], json!({"period": "1.5s", "name": "Name"}));
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
fn types_are_those_of_canonical_json() {
    assert_eq!(
        book("copies"),
        json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"})
    );
    assert_eq!(
        book("printTime"),
        json!({"type": "string", "format": "date-time", "readOnly": true})
    );
    assert_eq!(book("length"), json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"}));
    assert_eq!(book("subtitle"), json!({"type": ["string", "null"], "minLength": 3}));
    assert_eq!(book("data"), json!({"type": "object", "additionalProperties": true}));
    assert_eq!(book("extra")["required"], json!(["@type"]));
    assert_eq!(book("prequel"), json!({"$ref": "#/components/schemas/Book"}));
    assert_eq!(schema("Kind")["enum"], json!(["KIND_UNSPECIFIED", "KIND_HARD", "KIND_SOFT"]));
    assert_eq!(
        schema("Kind")["description"],
        "The kind of paper.\n\n- `KIND_UNSPECIFIED`: Not given.\n- `KIND_HARD`: Hard covers.\n- `KIND_SOFT`: Soft covers."
    );
}

#[test]
fn field_rules_become_keywords() {
    assert_eq!(book("title"), json!({"type": "string", "minLength": 1, "maxLength": 200}));
    assert_eq!(
        book("kind"),
        json!({"$ref": "#/components/schemas/Kind", "not": {"const": "KIND_UNSPECIFIED"}})
    );
    assert_eq!(
        book("price"),
        json!({"type": "number", "format": "double", "exclusiveMinimum": 0.0, "maximum": 1000.0})
    );
    assert_eq!(
        book("cover"),
        json!({"type": "string", "contentEncoding": "base64", "maxLength": 40})
    );
    assert_eq!(
        book("tags"),
        json!({
            "type": "array",
            "items": {"type": "string", "minLength": 2},
            "maxItems": 5,
            "uniqueItems": true,
        })
    );
    assert_eq!(book("counts")["maxProperties"], 9);
    assert_eq!(book("counts")["additionalProperties"]["format"], "int32");
    assert_eq!(book("secret"), json!({"type": "string", "writeOnly": true}));
}

#[test]
fn a_rule_that_spares_the_zero_value_says_so() {
    assert_eq!(
        book("shop"),
        json!({"type": "string", "anyOf": [{"const": ""}, {"format": "uri"}]})
    );
    let both = json!([{"pattern": "[0-9]$"}, {"pattern": "^QA-"}]);
    assert_eq!(book("mark")["anyOf"], json!([{"const": ""}, {"allOf": both}]));
}

#[test]
fn a_field_whose_zero_value_breaks_a_rule_is_required() {
    assert_eq!(schema("Book")["required"], json!(["title", "kind", "price"]));
}

#[test]
fn at_most_one_member_of_a_oneof_is_set() {
    let (name, id) = (json!({"required": ["authorName"]}), json!({"required": ["authorId"]}));
    let neither = json!({"properties": {"authorName": false, "authorId": false}});
    assert_eq!(schema("Book")["oneOf"], json!([name, id, neither]));
}

#[test]
fn names_that_are_not_unique_are_qualified() {
    for name in ["library.v1.Book.Part", "library.v1.ReadFileResponse.Part"] {
        assert!(schema(name).is_object(), "{name}");
    }
    assert!(schema("Part").is_null());
}

#[test]
fn only_messages_of_requests_refuse_unknown_fields() {
    assert_eq!(schema("Book")["additionalProperties"], false);
    assert_eq!(schema("Loan").get("additionalProperties"), None);
}

#[test]
fn failures_are_those_that_can_happen() {
    let statuses = |method, path| {
        let responses = operation(method, path)["responses"].as_object().unwrap();
        responses.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("get", "/v1/books/{id}"), "200 304 400 401 403 404 429 default");
    assert_eq!(
        statuses("put", "/v1/books/{id}"),
        "200 400 401 403 404 409 412 413 415 429 default"
    );
    let failure = &DOCUMENT["components"]["responses"]["NotFound"]["content"]["application/json"];
    assert_eq!(failure["schema"], json!({"$ref": "#/components/schemas/Error"}));
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

#[test]
fn the_host_completes_operations_and_chooses_services() {
    let document = Document::builder(&POOL)
        .services(|service| service.name() == "PeopleService")
        .annotate(|method, operation| operation["x-method"] = json!(method.full_name()))
        .build();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/v1/people/{id}"]);
    assert_eq!(paths["/v1/people/{id}"]["get"]["x-method"], "library.v1.PeopleService.GetBook");
    assert_eq!(document["components"]["schemas"].as_object().unwrap().len(), 3);
}

#[test]
fn equal_descriptors_give_equal_documents() {
    let build = || Document::builder(&POOL).build().to_string();
    assert_eq!(build(), build());
}
