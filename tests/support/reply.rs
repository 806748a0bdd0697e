//! The answer to a call, in one shape for every transport, and what tests ask of it.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use veza::{domain::reason::Reason, rpc::status};

use super::client::Transport;

/// The codes of gRPC in the order of their numbers, with the HTTP status that REST gives them.
const CODES: [(&str, u16); 17] = [
    ("OK", 200),
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
];

/// Codes that admit a defect: no answer in any test may have them.
const DEFECTS: [&str; 3] = ["UNKNOWN", "INTERNAL", "DATA_LOSS"];

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct Reply {
    /// How the call was made.
    pub transport: Transport,
    /// What was called, for messages of failed tests.
    pub call: String,
    /// The status of the HTTP response that carried the answer.
    pub http_status: StatusCode,
    /// The headers of the response, and its trailers.
    pub headers: HeaderMap,
    /// The code, as `NOT_FOUND`.
    pub code: String,
    /// The stable reason of a failure.
    pub reason: Option<String>,
    /// The text of a failure.
    pub message: String,
    /// The `google.rpc` details of a failure, as JSON.
    pub details: Vec<Value>,
    /// The response message as JSON, with every field; null for a failure.
    pub body: Value,
}

impl Reply {
    /// The message of the answer to a call that went well.
    #[track_caller]
    pub fn ok(&self) -> &Value {
        assert_eq!(self.code, "OK", "{}: {self:#?}", self.call);
        &self.body
    }

    /// Demands that the call failed with this code and reason.
    #[track_caller]
    pub fn refused(&self, code: &str, reason: &str) -> &Self {
        let found = (self.code.as_str(), self.reason.as_deref().unwrap_or_default());
        assert_eq!(found, (code, reason), "{}: {self:#?}", self.call);
        self
    }

    /// Demands that the call failed because of the value of this one field.
    #[track_caller]
    pub fn invalid(&self, field: &str) -> &Self {
        self.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
        assert_eq!(self.violations(), [field], "{self:#?}");
        self
    }

    /// The fields that the answer complains about.
    pub fn violations(&self) -> Vec<&str> {
        let list = self.detail("google.rpc.BadRequest").map(|detail| &detail["fieldViolations"]);
        let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|violation| violation["field"].as_str()).collect()
    }

    /// What the answer says is allowed in the first of these fields.
    pub fn description(&self) -> &str {
        let detail = self.detail("google.rpc.BadRequest");
        let text = detail.and_then(|detail| detail["fieldViolations"][0]["description"].as_str());
        text.unwrap_or_default()
    }

    /// The detail of this type.
    pub fn detail(&self, message: &str) -> Option<&Value> {
        self.details.iter().find(|detail| {
            detail["@type"].as_str().is_some_and(|name| name.rsplit('/').next() == Some(message))
        })
    }

    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Demands what holds for every answer there is.
    #[track_caller]
    pub(super) fn checked(self) -> Self {
        assert!(!DEFECTS.contains(&self.code.as_str()), "a defect shows: {self:#?}");
        if self.code != "OK" {
            assert!(!self.message.is_empty(), "a failure without a message: {self:#?}");
            let reason = self.reason.as_deref().unwrap_or_default();
            let listed: Vec<_> = listed(reason).collect();
            assert!(!listed.is_empty(), "a failure whose reason is not listed: {self:#?}");
            let status = (self.transport == Transport::Rest).then_some(self.http_status);
            let fits = |(code, listed): &(&str, StatusCode)| {
                *code == self.code && status.is_none_or(|status| says(reason, status, *listed))
            };
            assert!(listed.iter().any(fits), "not as it is listed, {listed:?}: {self:#?}");
        }
        self
    }
}

/// The codes and statuses that are listed for a reason.
fn listed(reason: &str) -> impl Iterator<Item = (&'static str, StatusCode)> {
    let own = Reason::ALL.into_iter().filter(move |own| own.name() == reason).map(|own| {
        let code = status::code(own).into();
        (gateway::code_name(code), gateway::http_status(code))
    });
    let gateways = gateway::Reason::ALL.iter().filter(move |own| own.name() == reason);
    own.chain(gateways.map(|own| (gateway::code_name(own.code()), own.http_status())))
}

/// Whether a status of HTTP says what is listed, or more: which version is wanted may have been said in HTTP's own way.
fn says(reason: &str, status: StatusCode, listed: StatusCode) -> bool {
    status == listed || (reason == "STALE_ETAG" && status == StatusCode::PRECONDITION_FAILED)
}

/// The name of a code that has this number.
pub fn code_name(number: usize) -> &'static str {
    CODES.get(number).map_or("NO_SUCH_CODE", |(name, _)| name)
}

/// The number of a code, and the HTTP status that REST gives it.
pub fn code_number_and_status(name: &str) -> Option<(usize, u16)> {
    let number = CODES.iter().position(|(known, _)| *known == name)?;
    Some((number, CODES[number].1))
}
