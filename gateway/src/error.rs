//! The errors of the gateway itself: requests that no service would understand. How an error is
//! written as JSON, the service's own included, is not decided here.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;

use crate::reason::Reason;
use crate::status::Code;

/// How many wrong fields one error names; more would teach the client nothing.
pub(crate) const VIOLATIONS_MAX: usize = 20;
/// How many are looked at, those among them that were named before.
const LOOKED_AT_MAX: usize = 100;
/// How much of a name that the client made up an error repeats.
const EXCERPT_CHARS_MAX: usize = 100;

/// A request that the gateway could not hand to the service, or an answer that it could not hand
/// back.
///
/// The request's body yields it to the wrapped service when the body turns out bad while it is
/// read, so that a host can map it to a status of its own.
#[derive(Clone, Debug)]
pub struct Error(Box<Parts>);

/// One field that is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in proto names, such as `user.emails[1]`; a name nobody knows as it
    /// was given.
    pub field: String,
    /// What it must be, as a phrase: `must be a string`.
    pub description: String,
}

#[derive(Clone, Debug)]
struct Parts {
    reason: Reason,
    message: String,
    violations: Vec<Violation>,
}

impl Error {
    /// The number of `google.rpc.Code`.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.0.reason.code()
    }

    /// The HTTP status, which tells more than the code does: 413 and 415 are both
    /// `INVALID_ARGUMENT`.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        self.0.reason.http_status()
    }

    /// A stable name for the kind of error, in upper snake case (AIP-193): `ErrorInfo.reason`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.0.reason.name()
    }

    /// What went wrong, for a developer to read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fields that are wrong, if any are.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    pub(crate) fn rpc_code(&self) -> Code {
        self.0.reason.rpc_code()
    }

    pub(crate) fn route_not_found() -> Self {
        Self::new(Reason::ROUTE_NOT_FOUND, "no method is reached by this path")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(Reason::METHOD_NOT_ALLOWED, "the path exists, but not for this HTTP method")
    }

    pub(crate) fn not_acceptable(offers: &[&str]) -> Self {
        let message = format!("the answer can be {}", offers.join(" or "));
        Self::new(Reason::NOT_ACCEPTABLE, message)
    }

    pub(crate) fn service_unreachable() -> Self {
        let message = "the service behind this API cannot be reached; try again later";
        Self::new(Reason::SERVICE_UNREACHABLE, message)
    }

    /// Both sides of the method stream, for which there is no form in HTTP.
    pub(crate) fn bidirectional() -> Self {
        let message = "both sides of this method stream, which needs gRPC";
        Self::new(Reason::BIDIRECTIONAL_STREAMING, message)
    }

    pub(crate) fn range_not_satisfiable(length: usize) -> Self {
        let message = format!("the file has {length} bytes, none of them in the range");
        Self::new(Reason::RANGE_NOT_SATISFIABLE, message)
    }

    pub(crate) fn unsupported_media_type(message: &str) -> Self {
        Self::new(Reason::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(crate) fn uri_too_long(bytes_max: usize) -> Self {
        let message = format!("path and query have more than {bytes_max} bytes");
        Self::new(Reason::URI_TOO_LONG, message)
    }

    pub(crate) fn body_too_large(bytes_max: usize) -> Self {
        let message = format!("the body has more than {bytes_max} bytes");
        Self::new(Reason::BODY_TOO_LARGE, message)
    }

    /// Text that cannot be read at all.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(Reason::MALFORMED_REQUEST, message)
    }

    /// Text that can be read, but one field does not fit the request message.
    pub(crate) fn invalid_field(field: impl Into<String>, description: impl fmt::Display) -> Self {
        let violation = Violation { field: field.into(), description: description.to_string() };
        Self::invalid_fields(vec![violation])
    }

    fn invalid_fields(violations: Vec<Violation>) -> Self {
        let first = violations.first().map(Violation::to_string).unwrap_or_default();
        let message = match violations.len() {
            0 | 1 => first,
            count => format!("{first} (and {} more)", count - 1),
        };
        let mut error = Self::new(Reason::INVALID_FIELDS, message);
        error.0.violations = violations;
        error
    }

    /// `If-Match` that could hold for no version at all (RFC 9110, section 13.1.1).
    pub(crate) fn precondition_failed(message: &str) -> Self {
        Self::new(Reason::PRECONDITION_FAILED, message)
    }

    /// An answer of the service that breaks the rules of gRPC, or has no JSON form.
    pub(crate) fn invalid_response(message: &str) -> Self {
        Self::new(Reason::INVALID_RESPONSE, message)
    }

    /// Says which message of a stream is wrong, counted from 1.
    pub(crate) fn in_message(mut self, count: u64) -> Self {
        self.0.message = format!("message {count}: {}", self.0.message);
        self
    }

    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { reason, message: message.into(), violations: Vec::new() }))
    }
}

/// What is wrong with the parts of a request: gathered while it is read, and told together.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    named: Vec<Violation>,
    looked_at: usize,
}

impl Violations {
    /// Adds one, unless it is there already, or there are enough of them.
    pub(crate) fn push(&mut self, field: impl Into<String>, description: impl fmt::Display) {
        if self.is_full() {
            return;
        }
        self.looked_at += 1;
        let violation = Violation { field: field.into(), description: description.to_string() };
        if !self.named.contains(&violation) {
            self.named.push(violation);
        }
    }

    /// Takes over those of an error about fields. Any other error stays one, for it is about more.
    pub(crate) fn absorb<T: Default>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Err(error) if !error.0.violations.is_empty() => {
                for violation in error.0.violations {
                    self.push(violation.field, violation.description);
                }
                Ok(T::default())
            }
            result => result,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.named.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.named.len() == VIOLATIONS_MAX || self.looked_at == LOOKED_AT_MAX
    }

    /// One error for all of them.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        if self.named.is_empty() { Ok(()) } else { Err(Error::invalid_fields(self.named)) }
    }
}

/// The beginning of a text that the client made up, which an error is not to repeat at any length.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.description)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
