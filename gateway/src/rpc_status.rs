//! The outcome of a gRPC call as headers and trailers tell it.

use http::{HeaderMap, HeaderName, StatusCode};
use percent_encoding::percent_decode;

use crate::json::{base64, seconds};
use crate::status::Code;
use crate::wire::{Cursor, WireType, text_and_bytes};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
static GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

const RETRY_INFO: &str = "google.rpc.RetryInfo";

/// A gRPC status that is not OK, with its details.
#[derive(Debug)]
pub(crate) struct RpcStatus {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// Each a `google.protobuf.Any` on the wire.
    pub(crate) details: Vec<Vec<u8>>,
}

impl RpcStatus {
    /// Reads the outcome from headers or trailers; `None` when they have none.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Result<(), Self>> {
        let code = headers.get(&GRPC_STATUS)?.to_str().ok().and_then(|text| text.parse().ok());
        let code = code.map_or(Code::UNKNOWN, Code::from_number);
        if code == Code::OK {
            return Some(Ok(()));
        }
        let message = headers
            .get(&GRPC_MESSAGE)
            .map(|value| percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned());
        let details = headers.get(&GRPC_STATUS_DETAILS).and_then(|value| {
            let status = base64(value.to_str().ok()?.trim()).ok()?;
            Some(details(&status))
        });
        let (message, details) = (message.unwrap_or_default(), details.unwrap_or_default());
        Some(Err(Self { code, message, details }))
    }

    /// The status of an answer that did not come from a gRPC server.
    pub(crate) fn of_http(status: StatusCode) -> Self {
        let message = format!("the service answered with the HTTP status {}", status.as_u16());
        Self { code: Code::from_http(status), message, details: Vec::new() }
    }

    /// The whole seconds to wait before a retry, rounded up, as `google.rpc.RetryInfo` asks.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let retry = self.details.iter().find_map(|detail| {
            let (type_url, value) = text_and_bytes(detail).ok()?;
            (type_url.rsplit_once('/')?.1 == RETRY_INFO).then_some(value)
        })?;
        let mut cursor = Cursor::new(retry);
        while !cursor.is_empty() {
            let (number, wire_type) = cursor.tag().ok()?;
            let payload = cursor.payload(number, wire_type).ok()?;
            if (number, wire_type) == (1, WireType::LengthDelimited) {
                let delay = seconds(payload).ok()?;
                return u64::try_from(delay.seconds + i64::from(delay.nanos > 0)).ok();
            }
        }
        None
    }
}

/// The details of a `google.rpc.Status`; those before an error in it, if it has one.
fn details(status: &[u8]) -> Vec<Vec<u8>> {
    let mut details = Vec::new();
    let mut cursor = Cursor::new(status);
    while !cursor.is_empty() {
        let Ok((number, wire_type)) = cursor.tag() else { break };
        let Ok(payload) = cursor.payload(number, wire_type) else { break };
        if (number, wire_type) == (3, WireType::LengthDelimited) {
            details.push(payload.to_vec());
        }
    }
    details
}
