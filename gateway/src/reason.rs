//! THE table of the gateway's own errors: the stable name of each, its code, its HTTP status, what it means, and what to do.

use http::StatusCode;

use crate::status::Code;

/// A kind of error of the gateway itself, as a host may want to document it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(&'static Row);

#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: &'static str,
    code: Code,
    http_status: StatusCode,
    meaning: &'static str,
    remedy: &'static str,
}

macro_rules! reasons {
    ($($reason:ident, $code:ident, $status:ident, $meaning:literal, $remedy:literal;)*) => {
        impl Reason {
            $(pub(crate) const $reason: Self = Self(&Row {
                name: stringify!($reason),
                code: Code::$code,
                http_status: StatusCode::$status,
                meaning: $meaning,
                remedy: $remedy,
            });)*

            /// Each of them.
            pub const ALL: &'static [Self] = &[$(Self::$reason),*];
        }
    };
}

reasons! {
    ROUTE_NOT_FOUND, NOT_FOUND, NOT_FOUND,
        "No method is reached by this path.",
        "Check the path against the OpenAPI document.";
    METHOD_NOT_ALLOWED, UNIMPLEMENTED, METHOD_NOT_ALLOWED,
        "The path exists, but not for this HTTP method.",
        "Use one of the methods that the header `allow` names.";
    NOT_ACCEPTABLE, INVALID_ARGUMENT, NOT_ACCEPTABLE,
        "The answer has no form that the header `accept` allows.",
        "Accept `application/json`.";
    SERVICE_UNREACHABLE, UNAVAILABLE, SERVICE_UNAVAILABLE,
        "The service behind the API cannot be reached.",
        "Retry later, after growing pauses.";
    BIDIRECTIONAL_STREAMING, UNIMPLEMENTED, NOT_IMPLEMENTED,
        "Both sides of the method stream, which HTTP has no form for.",
        "Call it by gRPC.";
    RANGE_NOT_SATISFIABLE, OUT_OF_RANGE, RANGE_NOT_SATISFIABLE,
        "No byte of the file is in the range that was asked for.",
        "Ask for a range within the length that the header `content-range` names.";
    UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT, UNSUPPORTED_MEDIA_TYPE,
        "The body is of a type that is not read here.",
        "Send JSON with the content type `application/json`.";
    URI_TOO_LONG, INVALID_ARGUMENT, URI_TOO_LONG,
        "Path and query are longer than is read.",
        "Ask for less at a time.";
    BODY_TOO_LARGE, RESOURCE_EXHAUSTED, PAYLOAD_TOO_LARGE,
        "The body is larger than is read.",
        "Send less at a time.";
    MALFORMED_REQUEST, INVALID_ARGUMENT, BAD_REQUEST,
        "The body cannot be read as a message of its type.",
        "Correct the client: the message says what could not be read.";
    INVALID_FIELDS, INVALID_ARGUMENT, BAD_REQUEST,
        "Fields have values that are not allowed.",
        "Correct the fields that the detail BadRequest names.";
    PRECONDITION_FAILED, ABORTED, PRECONDITION_FAILED,
        "The header `if-match` could hold for no version at all.",
        "Send the etag of the version that was read.";
    INVALID_RESPONSE, INTERNAL, INTERNAL_SERVER_ERROR,
        "The answer of the service breaks the rules of gRPC, or has no form in JSON.",
        "Report it: it is a defect.";
}

impl Reason {
    /// The stable name, in upper snake case (AIP-193): `ErrorInfo.reason`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The number of `google.rpc.Code`.
    #[must_use]
    pub fn code(self) -> i32 {
        self.0.code.number()
    }

    /// The HTTP status, which tells more than the code does: 413 and 415 are both
    /// `INVALID_ARGUMENT`.
    #[must_use]
    pub fn http_status(self) -> StatusCode {
        self.0.http_status
    }

    /// What it means, in a sentence.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.0.meaning
    }

    /// What to do, in a sentence.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.0.remedy
    }

    pub(crate) fn rpc_code(self) -> Code {
        self.0.code
    }
}

/// The name of a number of `google.rpc.Code`; a number that nobody knows counts as `UNKNOWN`.
#[must_use]
pub fn code_name(code: i32) -> &'static str {
    Code::from_number(code).name()
}

/// The HTTP status that stands for a number of `google.rpc.Code`, unless an error says more.
#[must_use]
pub fn http_status(code: i32) -> StatusCode {
    Code::from_number(code).http_status()
}
