//! Errors as JSON, in one of two shapes with the same contents: that of AIP-193,
//! `{"error": {"code", "status", "message", "details"}}`, or problem details (RFC 9457).

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use crate::accept;
use crate::body::Body;
use crate::error::Error;
use crate::json::{PrintOptions, Printer, put_string};
use crate::rpc_status::RpcStatus;
use crate::status::Code;
use crate::tables::Tables;
use crate::wire::text_and_bytes;

/// What the service might have told its developers, and nobody else.
const DEBUG_INFO: &str = "google.rpc.DebugInfo";
const ERROR_INFO: &str = "google.rpc.ErrorInfo";

/// An error with everything that a client may know of it.
pub(crate) struct Told<'e> {
    code: Code,
    http_status: StatusCode,
    message: &'e str,
    /// `ErrorInfo.reason` and `ErrorInfo.domain`, when there is an `ErrorInfo`.
    info: Option<(&'e str, &'e str)>,
    /// The details as members of a JSON array.
    details: Vec<u8>,
}

impl<'e> Told<'e> {
    /// An error of the gateway's own.
    pub(crate) fn of_gateway(error: &'e Error, domain: &'e str) -> Self {
        let mut out = Vec::with_capacity(256);
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
        Self {
            code: error.rpc_code(),
            http_status: error.http_status(),
            message: error.message(),
            info: Some((error.reason(), domain)),
            details: out,
        }
    }

    /// An error of the service. Details of a type that neither its descriptors nor the built-in
    /// ones know are left out, for nobody could read them.
    pub(crate) fn of_service(
        status: &'e RpcStatus,
        http_status: StatusCode,
        tables: &Tables,
        built_in: &Tables,
    ) -> Self {
        let mut out = Vec::new();
        for detail in &status.details {
            let json = [tables, built_in].into_iter().find_map(|t| detail_json(t, detail));
            if let Some(json) = json {
                if !out.is_empty() {
                    out.push(b',');
                }
                out.extend_from_slice(&json);
            }
        }
        Self {
            code: status.code,
            http_status,
            message: &status.message,
            info: status.details.iter().find_map(|detail| error_info(detail)),
            details: out,
        }
    }

    /// The whole answer, in the shape that the client asked for.
    pub(crate) fn into_response(self, asked: &HeaderMap) -> Response<Body> {
        let (media_type, json) = if accept::wants_problems(asked) {
            (accept::PROBLEM, self.problem())
        } else {
            (accept::JSON, self.object())
        };
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = self.http_status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }

    /// The shape of AIP-193, which also ends streams.
    pub(crate) fn object(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.message.len() + self.details.len());
        out.extend_from_slice(br#"{"error":{"code":"#);
        out.extend_from_slice(self.http_status.as_str().as_bytes());
        put_text(&mut out, "status", self.code.name());
        put_text(&mut out, "message", self.message);
        self.put_details(&mut out);
        out.extend_from_slice(b"}}");
        out
    }

    fn problem(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192 + self.message.len() + self.details.len());
        out.extend_from_slice(br#"{"type":"about:blank","status":"#);
        out.extend_from_slice(self.http_status.as_str().as_bytes());
        // A problem of no type of its own has the title of its status.
        put_text(&mut out, "title", self.http_status.canonical_reason().unwrap_or_default());
        put_text(&mut out, "detail", self.message);
        put_text(&mut out, "code", self.code.name());
        if let Some((reason, domain)) = self.info {
            put_text(&mut out, "reason", reason);
            put_text(&mut out, "domain", domain);
        }
        self.put_details(&mut out);
        out.push(b'}');
        out
    }

    fn put_details(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","details":["#);
        out.extend_from_slice(&self.details);
        out.push(b']');
    }
}

fn put_text(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b',');
    put_string(out, name);
    out.push(b':');
    put_string(out, value);
}

fn detail_json(tables: &Tables, detail: &[u8]) -> Option<Vec<u8>> {
    let (type_url, _) = text_and_bytes(detail).ok()?;
    if type_url.rsplit_once('/')?.1 == DEBUG_INFO {
        return None;
    }
    let options = PrintOptions { emit_unpopulated: false };
    let mut printer = Printer::new(tables, options, Vec::new());
    printer.any(detail).ok()?;
    Some(printer.out)
}

/// Reason and domain of an `ErrorInfo`.
fn error_info(detail: &[u8]) -> Option<(&str, &str)> {
    let (type_url, wire) = text_and_bytes(detail).ok()?;
    if type_url.rsplit_once('/')?.1 != ERROR_INFO {
        return None;
    }
    let (reason, domain) = text_and_bytes(wire).ok()?;
    Some((reason, str::from_utf8(domain).ok()?))
}
