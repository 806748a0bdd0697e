//! The codes of `google.rpc.Code` and what they are in HTTP, as `google/rpc/code.proto` has it.

use http::StatusCode;

/// A code of `google.rpc.Code`, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(i32);

/// Number, name, and HTTP status of every code.
const CODES: [(Code, &str, StatusCode); 17] = [
    (Code::OK, "OK", StatusCode::OK),
    (Code::CANCELLED, "CANCELLED", CLIENT_CLOSED_REQUEST),
    (Code::UNKNOWN, "UNKNOWN", StatusCode::INTERNAL_SERVER_ERROR),
    (Code::INVALID_ARGUMENT, "INVALID_ARGUMENT", StatusCode::BAD_REQUEST),
    (Code::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", StatusCode::GATEWAY_TIMEOUT),
    (Code::NOT_FOUND, "NOT_FOUND", StatusCode::NOT_FOUND),
    (Code(6), "ALREADY_EXISTS", StatusCode::CONFLICT),
    (Code(7), "PERMISSION_DENIED", StatusCode::FORBIDDEN),
    (Code::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED", StatusCode::TOO_MANY_REQUESTS),
    (Code(9), "FAILED_PRECONDITION", StatusCode::BAD_REQUEST),
    (Code::ABORTED, "ABORTED", StatusCode::CONFLICT),
    (Code::OUT_OF_RANGE, "OUT_OF_RANGE", StatusCode::BAD_REQUEST),
    (Code::UNIMPLEMENTED, "UNIMPLEMENTED", StatusCode::NOT_IMPLEMENTED),
    (Code::INTERNAL, "INTERNAL", StatusCode::INTERNAL_SERVER_ERROR),
    (Code::UNAVAILABLE, "UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE),
    (Code(15), "DATA_LOSS", StatusCode::INTERNAL_SERVER_ERROR),
    (Code::UNAUTHENTICATED, "UNAUTHENTICATED", StatusCode::UNAUTHORIZED),
];

/// 499, which has no name in HTTP: nobody is there to read it.
const CLIENT_CLOSED_REQUEST: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::REQUEST_TIMEOUT,
};

impl Code {
    pub(crate) const OK: Self = Self(0);
    pub(crate) const CANCELLED: Self = Self(1);
    pub(crate) const UNKNOWN: Self = Self(2);
    pub(crate) const INVALID_ARGUMENT: Self = Self(3);
    pub(crate) const DEADLINE_EXCEEDED: Self = Self(4);
    pub(crate) const OUT_OF_RANGE: Self = Self(11);
    pub(crate) const RESOURCE_EXHAUSTED: Self = Self(8);
    pub(crate) const NOT_FOUND: Self = Self(5);
    pub(crate) const PERMISSION_DENIED: Self = Self(7);
    pub(crate) const ABORTED: Self = Self(10);
    pub(crate) const UNIMPLEMENTED: Self = Self(12);
    pub(crate) const INTERNAL: Self = Self(13);
    pub(crate) const UNAVAILABLE: Self = Self(14);
    pub(crate) const UNAUTHENTICATED: Self = Self(16);

    /// Every code but OK, by number.
    pub(crate) fn failures() -> impl Iterator<Item = Self> {
        CODES.into_iter().map(|(code, ..)| code).filter(|&code| code != Self::OK)
    }

    /// Numbers that nobody knows count as `UNKNOWN`, as in gRPC itself.
    pub(crate) fn from_number(number: i32) -> Self {
        CODES.iter().map(|&(code, ..)| code).find(|code| code.0 == number).unwrap_or(Self::UNKNOWN)
    }

    /// What an HTTP answer means that did not come from a gRPC server, by gRPC's own table.
    pub(crate) fn from_http(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::INTERNAL,
            StatusCode::UNAUTHORIZED => Self::UNAUTHENTICATED,
            StatusCode::FORBIDDEN => Self::PERMISSION_DENIED,
            StatusCode::NOT_FOUND => Self::UNIMPLEMENTED,
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    pub(crate) fn number(self) -> i32 {
        self.0
    }

    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn http_status(self) -> StatusCode {
        self.row().2
    }

    fn row(self) -> (Self, &'static str, StatusCode) {
        let unknown = CODES[2];
        CODES.into_iter().find(|&(code, ..)| code == self).unwrap_or(unknown)
    }
}
