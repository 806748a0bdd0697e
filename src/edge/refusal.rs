//! What HTTP clients are told when no service is asked: the shape of every error (AIP-193).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;
use tonic::Code;

/// An error with the status of HTTP that its code has.
pub fn json(code: Code, reason: &str, domain: &str, message: &str) -> Response {
    let code = i32::from(code);
    json_with(gateway::http_status(code), gateway::code_name(code), reason, domain, message)
}

/// An error with a status of HTTP that says more than any code does.
pub fn json_with(
    status: StatusCode,
    code: &str,
    reason: &str,
    domain: &str,
    message: &str,
) -> Response {
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason, "domain": domain, "metadata": {},
    });
    let error = json!({
        "code": status.as_u16(), "status": code, "message": message, "details": [info],
    });
    (status, Json(json!({ "error": error }))).into_response()
}
