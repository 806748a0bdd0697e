//! The responses of an operation by status.

use serde_json::{Map, Value, json};

use super::failure;

/// What decides how an operation can answer.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read once each")]
pub(super) struct Facts {
    pub(super) has_path_parameter: bool,
    /// Whether the request can name the version that it was made from.
    pub(super) is_conditional: bool,
    pub(super) is_write: bool,
    /// Whether the response has a version.
    pub(super) has_etag: bool,
    /// Whether the response is bytes of any media type.
    pub(super) is_file: bool,
    /// Whether a part of the bytes can be asked for.
    pub(super) has_ranges: bool,
}

/// The failures of the gateway, and of a service by google.rpc.Code: status, component, description. 499 is not among
/// them, for it answers a client that has given up.
const FAILURES: [(&str, &str, &str); 18] = [
    ("400", "BadRequest", "The request is malformed, or a field breaks its rules."),
    ("401", "Unauthenticated", "The credentials are missing, wrong or expired."),
    ("403", "PermissionDenied", "The caller may not do this."),
    ("404", "NotFound", "There is no such resource, or the caller may not see it."),
    ("406", "NotAcceptable", "The client accepts no media type of the answer."),
    ("408", "RequestTimeout", "The request body did not arrive in time."),
    ("409", "Conflict", "The request conflicts with the state of the resource."),
    ("412", "PreconditionFailed", "The resource is no longer of the version in `If-Match`."),
    ("413", "ContentTooLarge", "The request body is too large."),
    ("414", "UriTooLong", "Path and query are too long."),
    ("415", "UnsupportedMediaType", "The request body is compressed, or of another media type."),
    ("416", "RangeNotSatisfiable", "The range lies outside of the content."),
    ("429", "TooManyRequests", "The caller has made too many requests."),
    ("500", "Internal", "The server has a defect."),
    ("501", "Unimplemented", "The server does not implement the method."),
    ("503", "Unavailable", "The server cannot answer now; the same request may succeed later."),
    ("504", "DeadlineExceeded", "The time of the call was up before it was done."),
    ("default", "Failure", "Any other failure."),
];

/// All responses of an operation: the successful one with its content, and the failures.
pub(super) fn all(description: &str, content: &Value, facts: &Facts) -> Value {
    let mut responses = Map::new();
    let mut names = vec!["RateLimit", "RateLimit-Policy", "X-Request-Id"];
    if facts.has_etag {
        names.push("ETag");
    }
    if facts.is_file {
        names.push("Accept-Ranges");
    }
    if facts.has_ranges {
        let headers = headers(&[&names[..], &["Content-Range"]].concat());
        let part = "The range of the content that was asked for.";
        let part = json!({"description": part, "headers": headers, "content": content});
        responses.insert("206".into(), part);
    }
    let success =
        json!({"description": description, "headers": headers(&names), "content": content});
    responses.insert("200".into(), success);
    if facts.has_etag && !facts.is_write {
        let headers = headers(&["ETag", "X-Request-Id"]);
        let description = "The resource still has the version in `If-None-Match`.";
        responses.insert("304".into(), json!({"description": description, "headers": headers}));
    }
    for (status, component, _) in FAILURES {
        let happens = match status {
            "404" => facts.has_path_parameter,
            // Nobody knows before what a file is.
            "406" => !facts.is_file,
            "409" => facts.is_write,
            "412" => facts.is_write && facts.is_conditional,
            "416" => facts.has_ranges,
            _ => true,
        };
        if happens {
            responses.insert(status.into(), refer(component));
        }
    }
    Value::Object(responses)
}

/// The answers to a method that streams both ways, for which HTTP has no form: what can be wrong with the path comes
/// first.
pub(super) fn of_bidirectional() -> Value {
    json!({
        "400": refer("BadRequest"),
        "414": refer("UriTooLong"),
        "501": refer("Unimplemented"),
    })
}

/// The shared responses, by the names of their components.
pub(super) fn components() -> Map<String, Value> {
    let component = |(_, name, description): (&str, &str, &str)| {
        let own: &[&str] = match name {
            "Unauthenticated" => &["WWW-Authenticate"],
            "RangeNotSatisfiable" => &["Content-Range"],
            "TooManyRequests" => &["RateLimit", "RateLimit-Policy", "Retry-After"],
            "Unavailable" | "Failure" => &["Retry-After"],
            _ => &[],
        };
        let headers = headers(&[own, &["X-Request-Id"]].concat());
        let content = failure::content();
        let response = json!({"description": description, "headers": headers, "content": content});
        (name.to_owned(), response)
    };
    FAILURES.into_iter().map(component).collect()
}

fn refer(component: &str) -> Value {
    json!({"$ref": format!("#/components/responses/{component}")})
}

fn headers(names: &[&str]) -> Map<String, Value> {
    let refer =
        |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
    names.iter().map(refer).collect()
}
