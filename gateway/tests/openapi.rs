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
    assert_eq!(json(lend)["example"], json!({"period": "1.5s", "name": "Name"}));
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
        json!({
            "anyOf": [{"type": "string", "const": ""}, {"type": "string", "format": "uri"}],
        })
    );
    let both = json!([{"pattern": "[0-9]$"}, {"pattern": "^QA-"}]);
    assert_eq!(book("mark")["anyOf"][1], json!({"type": "string", "allOf": both}));
}

#[test]
fn a_field_whose_zero_value_breaks_a_rule_is_required() {
    assert_eq!(schema("Book")["required"], json!(["title", "kind", "price", "language"]));
}

#[test]
fn a_required_text_is_not_empty_whatever_its_rules_spare() {
    assert_eq!(book("language"), json!({"type": "string", "minLength": 2, "maxLength": 35}));
}

#[test]
fn a_response_has_every_field_that_is_always_sent() {
    assert_eq!(schema("CountBooksResponse")["required"], json!(["count"]));
    let document = Document::builder(&POOL).emit_unpopulated(false).build();
    assert_eq!(document["components"]["schemas"]["CountBooksResponse"].get("required"), None);
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

#[test]
fn every_example_keeps_its_schema() {
    let mut count = 0;
    visit(&DOCUMENT, "#", &mut |place, holder| {
        let Some(example) = holder.get("example") else { return };
        // References lead into the document, so the schema is judged as a part of it.
        let schema = json!({"components": DOCUMENT["components"], "allOf": [holder["schema"]]});
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{place}: {example} breaks its schema: {errors:?}");
        count += 1;
    });
    assert!(count > 10, "there are examples to judge, and not only {count}");
}

/// Shows every object of the document to `look`, with its place.
fn visit(value: &Value, place: &str, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            look(place, value);
            for (name, member) in members.iter().filter(|(name, _)| *name != "example") {
                visit(member, &format!("{place}/{name}"), look);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, place, look)),
        _ => {}
    }
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
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let names: Vec<&String> = schemas.keys().collect();
    assert_eq!(names, ["Error", "ErrorDetail", "Part", "Problem", "ReadFileResponse"]);
}

#[test]
fn equal_descriptors_give_equal_documents() {
    let build = || Document::builder(&POOL).build().to_string();
    assert_eq!(build(), build());
}
