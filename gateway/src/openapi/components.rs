//! The components that operations share, as far as something refers to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{failure, response};

/// One strong entity tag, or any: a weak one never matches.
const ONE_TAG: &str = r#"^(\*|"[!#-~]*")$"#;

/// The components of a document with these paths.
pub(super) fn components(paths: &Value, mut schemas: BTreeMap<String, Value>) -> Value {
    let mut used = BTreeSet::new();
    references(paths, &mut used);
    let responses = keep(response::components(), "responses", &used);
    references(&json!(responses), &mut used);
    schemas.extend(failure::schemas());
    // A schema may be used by others alone, and those by nobody.
    let mut count = 0;
    while count < used.len() {
        count = used.len();
        for (name, schema) in &schemas {
            if used.contains(&format!("#/components/schemas/{name}")) {
                references(schema, &mut used);
            }
        }
    }
    json!({
        "schemas": keep(schemas.into_iter().collect(), "schemas", &used),
        "responses": responses,
        "parameters": keep(parameters(), "parameters", &used),
        "headers": keep(headers(), "headers", &used),
        "securitySchemes": {
            "bearerAuth": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token (RFC 6750).",
            },
        },
    })
}

fn parameters() -> Map<String, Value> {
    let header = |(key, name, description): (&str, &str, &str)| {
        let schema = json!({"type": "string"});
        let header =
            json!({"name": name, "in": "header", "description": description, "schema": schema});
        (key.to_owned(), header)
    };
    let headers = [
        (
            "IfMatch",
            "If-Match",
            "The `ETag` of the version that the change was made from: the request is refused when it is no longer the current one.",
        ),
        (
            "IfNoneMatch",
            "If-None-Match",
            "The `ETag` of a version at hand: the answer is 304 while it is still the current one.",
        ),
        (
            "IdempotencyKey",
            "Idempotency-Key",
            "An id made by the caller, which does what `requestId` does: a retry answers the first result.",
        ),
        (
            "LastEventId",
            "Last-Event-ID",
            "The id of the last event that was received: the stream goes on after it. Browsers send it by themselves.",
        ),
        ("Range", "Range", "The bytes to answer, as `bytes=0-1023` (RFC 9110)."),
    ];
    let mut headers: Map<String, Value> = headers.into_iter().map(header).collect();
    headers["IfMatch"]["schema"] = json!({"type": "string", "minLength": 1, "pattern": ONE_TAG});
    headers
}

fn headers() -> Map<String, Value> {
    let text = |(name, description): (&str, &str)| {
        let header = json!({"description": description, "schema": {"type": "string"}});
        (name.to_owned(), header)
    };
    let texts = [
        ("Accept-Ranges", "The unit of ranges: `bytes`, or `none` where there are none."),
        ("Content-Range", "Where the range lies in the content, and how long that is (RFC 9110)."),
        ("ETag", "The version of the resource (RFC 9110)."),
        ("RateLimit", "What is left of the quota, and when it is filled again."),
        ("RateLimit-Policy", "The quota that applies."),
        ("WWW-Authenticate", "How to authenticate (RFC 9110)."),
        ("X-Request-Id", "The id of the request, for support."),
    ];
    let mut headers: Map<String, Value> = texts.into_iter().map(text).collect();
    headers.insert(
        "Retry-After".to_owned(),
        json!({
            "description": "How many seconds to wait before trying again.",
            "schema": {"type": "integer", "minimum": 0},
        }),
    );
    headers
}

/// The members of a map of components that something refers to.
fn keep(components: Map<String, Value>, kind: &str, used: &BTreeSet<String>) -> Map<String, Value> {
    let is_used = |name: &str| used.contains(&format!("#/components/{kind}/{name}"));
    components.into_iter().filter(|(name, _)| is_used(name)).collect()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
