//! THE error map: how each failure looks on the wire. REST and gRPC-web show the same, made from this.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tonic::{
    Code, Status,
    metadata::{Ascii, MetadataValue},
};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::domain::{Error, error::BadToken, reason::Reason, session::FRESH_FOR};

/// The domain of every reason (AIP-193).
pub const DOMAIN: &str = "veza";

/// When to come back after a failure that passes by itself.
const RETRY_SOON: Duration = Duration::from_secs(1);

/// The code of gRPC that a reason has.
#[must_use]
pub fn code(reason: Reason) -> Code {
    match reason {
        Reason::MalformedRequest
        | Reason::InvalidFields
        | Reason::InvalidPageToken
        | Reason::InvalidOneTimeToken
        | Reason::SignInExpired => Code::InvalidArgument,
        Reason::MissingToken
        | Reason::UnsupportedScheme
        | Reason::InvalidToken
        | Reason::ExpiredToken
        | Reason::SessionEnded
        | Reason::InvalidApiKey
        | Reason::ExpiredApiKey
        | Reason::ApiKeyEnded
        | Reason::ApiKeyNetwork
        | Reason::WrongCredentials
        | Reason::InvalidRefreshToken
        | Reason::RefreshTokenReused
        | Reason::InvalidMfaTicket
        | Reason::WrongMfaCode
        | Reason::MfaCodeRequired
        | Reason::ReauthenticationRequired => Code::Unauthenticated,
        Reason::ApiKeyNotAllowed
        | Reason::CrossOrigin
        | Reason::SignInDenied
        | Reason::AccountUnusable
        | Reason::PermissionDenied => Code::PermissionDenied,
        Reason::NotFound => Code::NotFound,
        Reason::EmailTaken
        | Reason::UsernameTaken
        | Reason::IdentityTaken
        | Reason::Taken
        | Reason::RequestIdReused
        | Reason::MfaAlreadyEnabled => Code::AlreadyExists,
        Reason::StaleEtag => Code::Aborted,
        Reason::LastAdministrator
        | Reason::ProviderEmailUnverified
        | Reason::LinkRequired
        | Reason::LastWayToSignIn
        | Reason::TooManyApiKeys
        | Reason::EmailNotVerified
        | Reason::MfaNotEnabled
        | Reason::TotpNotEnrolled
        | Reason::PasswordNotSet
        | Reason::PasswordTooShort => Code::FailedPrecondition,
        Reason::BodyTooLarge | Reason::RateLimited | Reason::SlowReader => Code::ResourceExhausted,
        Reason::Busy
        | Reason::OutboxFull
        | Reason::ProviderUnavailable
        | Reason::ProviderUntrusted
        | Reason::Unavailable => Code::Unavailable,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        Reason::UnsupportedEncoding | Reason::UnknownMethod => Code::Unimplemented,
        Reason::Internal => Code::Internal,
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (reason, message) = (error.kind(), error.to_string());
        let mut details = ErrorDetails::with_error_info(reason.name(), DOMAIN, metadata(&error));
        match &error {
            Error::InvalidFields(violations) => {
                details.set_bad_request(
                    violations
                        .iter()
                        .map(|broken| FieldViolation::new(&broken.field, &broken.description))
                        .collect::<Vec<_>>(),
                );
            }
            Error::RateLimited { retry_after } => {
                details.set_retry_info(Some(*retry_after));
            }
            Error::Busy
            | Error::OutboxFull
            | Error::ProviderUnavailable(_)
            | Error::Unavailable(_)
            | Error::LostRace { .. }
            | Error::Stopping => {
                details.set_retry_info(Some(RETRY_SOON));
            }
            _ => {}
        }
        let mut status = Self::with_error_details(code(reason), message, details);
        if let Some(challenge) = challenge(&error) {
            status.metadata_mut().insert("www-authenticate", challenge);
        }
        if let Error::Unavailable(source)
        | Error::ProviderUnavailable(source)
        | Error::ProviderUntrusted(source)
        | Error::LostRace { source, .. }
        | Error::Internal(source) = error
        {
            // For the log of the call; only code, message and details are sent.
            status.set_source(Arc::from(source));
        }
        status
    }
}

/// The name of the reason that an answer has, ours or one of the gateway's.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// How to authenticate (RFC 6750, section 3; RFC 9470). An error is named only to whoever has tried it in this way.
fn challenge(error: &Error) -> Option<MetadataValue<Ascii>> {
    const REALM: &str = "Bearer realm=\"veza\"";
    match error {
        Error::MissingToken | Error::BadToken(BadToken::Scheme) => {
            Some(MetadataValue::from_static(REALM))
        }
        Error::BadToken(why) => {
            let error = format!("{REALM}, error=\"invalid_token\", error_description=\"{why}\"");
            error.parse().ok()
        }
        Error::ReauthenticationRequired => {
            let (what, max_age) = ("insufficient_user_authentication", FRESH_FOR.as_secs());
            format!("{REALM}, error=\"{what}\", max_age={max_age}").parse().ok()
        }
        _ => None,
    }
}

/// What a program can use of a failure beside its reason.
fn metadata(error: &Error) -> HashMap<String, String> {
    let pairs = match error {
        Error::PermissionDenied { permission } => vec![("permission", *permission)],
        Error::NotOwner { resource, permission } => {
            vec![("permission", *permission), ("relation", "owner"), ("resource", *resource)]
        }
        Error::NotFound { resource } => vec![("resource", *resource)],
        Error::Taken { field } => vec![("field", *field)],
        _ => Vec::new(),
    };
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A refusal of the gRPC library itself, which has no details, with the reason that other transports give: it could not
/// read a message, or would not.
#[must_use]
pub fn restate(status: &Status) -> Option<Status> {
    if !status.details().is_empty() {
        return None;
    }
    match status.code() {
        Code::OutOfRange => Some(Error::BodyTooLarge.into()),
        Code::Unimplemented => Some(Error::UnsupportedEncoding.into()),
        Code::Internal | Code::Unknown => {
            Some(Error::MalformedRequest(status.message().to_owned()).into())
        }
        _ => None,
    }
}

/// The failure of the gateway to make a message of a REST call, as the service that asked for the message sees it.
#[must_use]
pub fn from_gateway(error: &gateway::Error) -> Status {
    let mut details = ErrorDetails::with_error_info(error.reason(), DOMAIN, HashMap::new());
    for broken in error.violations() {
        details.add_bad_request_violation(&broken.field, &broken.description);
    }
    Status::with_error_details(Code::from(error.code()), error.message(), details)
}
