//! The responses of an operation, and the components that all operations share.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What decides which failures an operation can answer with.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read once each")]
pub(super) struct Facts {
    pub(super) has_path_parameter: bool,
    pub(super) has_body: bool,
    /// Whether the request can name the version that it was made from.
    pub(super) is_conditional: bool,
    pub(super) is_write: bool,
    /// Whether the response has a version.
    pub(super) has_etag: bool,
}

/// The failures that clients tell apart: status, component, description.
const FAILURES: [(&str, &str, &str); 10] = [
    ("400", "BadRequest", "The request is malformed, or a field breaks its rules."),
    ("401", "Unauthenticated", "The credentials are missing, wrong or expired."),
    ("403", "PermissionDenied", "The caller may not do this."),
    ("404", "NotFound", "There is no such resource, or the caller may not see it."),
    ("409", "Conflict", "The request conflicts with the state of the resource."),
    ("412", "PreconditionFailed", "The resource is no longer of the version in `If-Match`."),
    ("413", "ContentTooLarge", "The request body is too large."),
    ("415", "UnsupportedMediaType", "The request body is not JSON."),
    ("429", "TooManyRequests", "The caller has made too many requests."),
    ("default", "Failure", "Any other failure."),
];

/// The codes of google.rpc.Code but for OK.
const CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The successful response.
pub(super) fn success(description: &str, content: Value, has_etag: bool) -> Value {
    let mut headers = headers(&["RateLimit", "RateLimit-Policy", "X-Request-Id"]);
    if has_etag {
        headers.extend(self::headers(&["ETag"]));
    }
    let mut success = json!({"description": description, "headers": headers});
    success["content"] = content;
    success
}

/// All responses of an operation by status.
pub(super) fn all(success: Value, facts: &Facts) -> Value {
    let mut responses = Map::from_iter([("200".to_owned(), success)]);
    if facts.has_etag && !facts.is_write {
        let headers = headers(&["ETag", "X-Request-Id"]);
        let description = "The resource still has the version in `If-None-Match`.";
        responses.insert("304".into(), json!({"description": description, "headers": headers}));
    }
    for (status, component, _) in FAILURES {
        let happens = match status {
            "404" => facts.has_path_parameter,
            "409" => facts.is_write,
            "412" => facts.is_write && facts.is_conditional,
            "413" | "415" => facts.has_body,
            _ => true,
        };
        if happens {
            let reference = format!("#/components/responses/{component}");
            responses.insert(status.into(), json!({"$ref": reference}));
        }
    }
    Value::Object(responses)
}

/// The components: all schemas, and of the rest what the paths use.
pub(super) fn components(paths: &Value, mut schemas: BTreeMap<String, Value>) -> Value {
    schemas.insert("Error".into(), error_schema());
    let mut used = BTreeSet::new();
    references(paths, &mut used);
    let responses = keep(failures(), "responses", &used);
    references(&json!(responses), &mut used);
    json!({
        "schemas": schemas,
        "responses": responses,
        "parameters": keep(shared_parameters(), "parameters", &used),
        "headers": keep(shared_headers(), "headers", &used),
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

fn headers(names: &[&str]) -> Map<String, Value> {
    let refer =
        |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    names.iter().map(refer).collect()
}

fn failures() -> Value {
    let response = |(_, name, description): (&str, &str, &str)| {
        let mut headers = headers(&["X-Request-Id"]);
        let own: &[&str] = match name {
            "Unauthenticated" => &["WWW-Authenticate"],
            "TooManyRequests" => &["RateLimit", "RateLimit-Policy", "Retry-After"],
            "Failure" => &["Retry-After"],
            _ => &[],
        };
        headers.extend(self::headers(own));
        let content =
            json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        let response = json!({"description": description, "headers": headers, "content": content});
        (name.to_owned(), response)
    };
    Value::Object(FAILURES.into_iter().map(response).collect())
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "A failure, as AIP-193 defines it.",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "status", "message"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status.", "examples": [404]},
                "status": {
                    "type": "string",
                    "description": "The name of the gRPC status.",
                    "enum": CODES,
                },
                "message": {"type": "string", "description": "What went wrong, for developers."},
                "details": {
                    "type": "array",
                    "description": "Messages of google.rpc, as ErrorInfo, BadRequest or RetryInfo.",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {
                            "type": "string",
                            "description": "The URL of the type.",
                            "examples": ["type.googleapis.com/google.rpc.ErrorInfo"],
                        }},
                        "additionalProperties": true,
                    },
                },
            },
        }},
    })
}

fn shared_parameters() -> Value {
    let header = |name: &str, description: &str| {
        let schema = json!({"type": "string"});
        json!({"name": name, "in": "header", "description": description, "schema": schema})
    };
    json!({
        "IfMatch": header(
            "If-Match",
            "The `ETag` of the version that the change was made from: the request is refused when it is no longer the current one.",
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            "The `ETag` of a version at hand: the answer is 304 while it is still the current one.",
        ),
        "IdempotencyKey": header(
            "Idempotency-Key",
            "An id made by the caller, which does what `request_id` does: a retry answers the first result.",
        ),
    })
}

fn shared_headers() -> Value {
    let text =
        |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "ETag": text("The version of the resource (RFC 9110)."),
        "RateLimit": text("What is left of the quota, and when it is filled again."),
        "RateLimit-Policy": text("The quota that applies."),
        "Retry-After": {
            "description": "How many seconds to wait before trying again.",
            "schema": {"type": "integer", "minimum": 0},
        },
        "WWW-Authenticate": text("How to authenticate (RFC 9110)."),
        "X-Request-Id": text("The id of the request, for support."),
    })
}

/// The members of a map of components that something refers to.
fn keep(components: Value, kind: &str, used: &BTreeSet<String>) -> Map<String, Value> {
    let Value::Object(components) = components else { return Map::new() };
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
