//! What is shown of messages: types, rules and examples.

use gateway::openapi::Document;
use serde_json::{Value, json};

use crate::{DOCUMENT, POOL, book, schema};

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
