//! Errors as JSON, in the form of AIP-193: `{"error": {"code", "status", "message", "details"}}`.

use http::StatusCode;

use crate::error::Error;
use crate::json::{PrintOptions, Printer, any_parts, put_string};
use crate::rpc_status::RpcStatus;
use crate::status::Code;
use crate::tables::Tables;

/// What the service might have told its developers, and nobody else.
const DEBUG_INFO: &str = "google.rpc.DebugInfo";

/// Writes an error of the gateway's own.
pub(crate) fn of_gateway(error: &Error, domain: &str) -> Vec<u8> {
    let mut out = begin(error.rpc_code(), error.http_status(), error.message());
    out.extend_from_slice(br#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"#);
    put_string(&mut out, error.reason());
    out.extend_from_slice(br#","domain":"#);
    put_string(&mut out, domain);
    out.extend_from_slice(br#","metadata":{}}"#);
    if !error.violations().is_empty() {
        out.extend_from_slice(br#",{"@type":"type.googleapis.com/google.rpc.BadRequest","#);
        out.extend_from_slice(br#""fieldViolations":["#);
        for (index, violation) in error.violations().iter().enumerate() {
            out.extend_from_slice(if index > 0 { br#",{"field":"# } else { br#"{"field":"# });
            put_string(&mut out, &violation.field);
            out.extend_from_slice(br#","description":"#);
            put_string(&mut out, &violation.description);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
    end(out)
}

/// Writes an error of the service. Details of a type that neither its descriptors nor the built-in
/// ones know are left out, for nobody could read them.
pub(crate) fn of_service(
    status: &RpcStatus,
    http_status: StatusCode,
    tables: &Tables,
    built_in: &Tables,
) -> Vec<u8> {
    let mut out = begin(status.code, http_status, &status.message);
    let mut is_first = true;
    for detail in &status.details {
        let Some(json) = [tables, built_in].into_iter().find_map(|t| detail_json(t, detail)) else {
            continue;
        };
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        out.extend_from_slice(&json);
    }
    end(out)
}

fn detail_json(tables: &Tables, detail: &[u8]) -> Option<Vec<u8>> {
    let (type_url, _) = any_parts(detail).ok()?;
    if type_url.rsplit_once('/')?.1 == DEBUG_INFO {
        return None;
    }
    let options = PrintOptions { emit_unpopulated: false };
    let mut printer = Printer::new(tables, options, Vec::new());
    printer.any(detail).ok()?;
    Some(printer.out)
}

fn begin(code: Code, http_status: StatusCode, message: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(br#"{"error":{"code":"#);
    out.extend_from_slice(http_status.as_str().as_bytes());
    out.extend_from_slice(br#","status":"#);
    put_string(&mut out, code.name());
    out.extend_from_slice(br#","message":"#);
    put_string(&mut out, message);
    out.extend_from_slice(br#","details":["#);
    out
}

fn end(mut out: Vec<u8>) -> Vec<u8> {
    out.extend_from_slice(b"]}}");
    out
}
