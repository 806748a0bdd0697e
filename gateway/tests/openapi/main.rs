//! What the OpenAPI document says of a small library.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod requests;
mod responses;
mod schemas;

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
        .resume_fields(["resume_token"])
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
            "CreateBook",
            "LibraryService_GetBook",
            "UpdateBook_patch",
            "UpdateBook",
            "DownloadScan",
            "UploadScan",
            "LendBook",
            "CountBooks",
            "Talk",
            "ReadFile",
            "WatchLoans",
            "PeopleService_GetBook",
            "DownloadScans",
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
fn marks_and_links_of_comments_are_left_out_of_plain_text() {
    let create = operation("post", "/v1/books");
    assert_eq!(create["summary"], "Puts a Book in place; see the rules of the house");
    assert_eq!(
        create["description"],
        "Puts a Book in place; see the `rules` of [the house](https://example.org/rules).\n\nRefers to Card too."
    );
}

#[test]
fn an_http_method_that_openapi_does_not_know_leaves_nothing() {
    assert_eq!(DOCUMENT["paths"].get("/v1/ashes"), None);
    for message in ["BurnBooksRequest", "Ashes"] {
        assert!(schema(message).is_null(), "{message}");
    }
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
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let names: Vec<&String> = schemas.keys().collect();
    assert_eq!(names, ["Error", "ErrorDetail", "Part", "Problem", "ReadFileResponse"]);
}

#[test]
fn equal_descriptors_give_equal_documents() {
    let build = || Document::builder(&POOL).build().to_string();
    assert_eq!(build(), build());
}
