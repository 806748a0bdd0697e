//! How a failure looks: in the form of AIP-193, or as problem details (RFC 9457) for clients that ask for them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::status::Code;

/// The names of the schemas, which no message takes.
pub(super) const SCHEMAS: [&str; 3] = ["Error", "ErrorDetail", "Problem"];

/// The content of a response that tells of a failure.
pub(super) fn content() -> Value {
    json!({
        "application/json": {"schema": {"$ref": "#/components/schemas/Error"}},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    })
}

/// The schemas that the content refers to.
pub(super) fn schemas() -> BTreeMap<String, Value> {
    SCHEMAS.map(str::to_owned).into_iter().zip([error(), detail(), problem()]).collect()
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "A failure, as AIP-193 defines it.",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "status", "message", "details"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status.", "examples": [404]},
                "status": code(),
                "message": {"type": "string", "description": "What went wrong, for developers."},
                "details": details(),
            },
        }},
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A failure as problem details (RFC 9457), for clients whose `Accept` prefers them.",
        "required": ["type", "title", "status", "detail", "code", "details"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "The kind of failure; `about:blank` where the status says it all.",
                "examples": ["about:blank"],
            },
            "title": {
                "type": "string",
                "description": "The kind of failure in words.",
                "examples": ["Not Found"],
            },
            "status": {"type": "integer", "description": "The HTTP status.", "examples": [404]},
            "detail": {"type": "string", "description": "What went wrong, for developers."},
            "instance": {
                "type": "string",
                "format": "uri-reference",
                "description": "What it happened to.",
            },
            "code": code(),
            "reason": {
                "type": "string",
                "description": "The stable name of the cause, for programs: that of `ErrorInfo`.",
                "examples": ["INVALID_FIELDS"],
            },
            "domain": {"type": "string", "description": "Who gives the reason its meaning."},
            "details": details(),
        },
    })
}

fn code() -> Value {
    json!({
        "type": "string",
        "description": "The name of the gRPC status.",
        "enum": Code::failures().map(Code::name).collect::<Vec<_>>(),
    })
}

fn details() -> Value {
    json!({
        "type": "array",
        "description": "What programs can use of the failure.",
        "items": {"$ref": "#/components/schemas/ErrorDetail"},
    })
}

fn detail() -> Value {
    json!({
        "type": "object",
        "description": "A message of google.rpc, as ErrorInfo, BadRequest or RetryInfo.",
        "required": ["@type"],
        "properties": {
            "@type": {
                "type": "string",
                "description": "The URL of the type.",
                "examples": ["type.googleapis.com/google.rpc.ErrorInfo"],
            },
            "reason": {
                "type": "string",
                "description": "Of an ErrorInfo: the stable name of the cause, for programs.",
                "examples": ["INVALID_FIELDS"],
            },
            "domain": {
                "type": "string",
                "description": "Of an ErrorInfo: who gives the reason its meaning.",
            },
            "metadata": {
                "type": "object",
                "description": "Of an ErrorInfo: what else programs can use.",
                "additionalProperties": {"type": "string"},
            },
            "fieldViolations": {
                "type": "array",
                "description": "Of a BadRequest: the fields at fault.",
                "items": {
                    "type": "object",
                    "properties": {
                        "field": {"type": "string", "description": "The path of the field."},
                        "description": {"type": "string", "description": "What is wrong with it."},
                    },
                },
            },
            "retryDelay": {
                "type": "string",
                "description": "Of a RetryInfo: how long to wait before trying again.",
                "examples": ["1s"],
            },
        },
        "additionalProperties": true,
    })
}
