//! The one error type: what can go wrong, each with a stable reason. How a transport shows it is `rpc::status`'s matter.

use std::time::Duration;

use super::reason::Reason;

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request's bytes are not a message of its type.
    #[error("the request is not a valid message: {0}")]
    MalformedRequest(String),
    /// The request has more bytes than are read.
    #[error("the request is larger than the server reads")]
    BodyTooLarge,
    /// Fields have values that are not allowed.
    #[error("{}", summarize(.0))]
    InvalidFields(Vec<Violation>),
    /// A page token was not made by this server for this caller, method and filter.
    #[error("the page token does not belong to this list; begin again without one")]
    InvalidPageToken,
    /// No credentials were given.
    #[error("sign in first: send `authorization: Bearer <access token>`")]
    MissingToken,
    /// Credentials were given, and are no good.
    #[error(transparent)]
    BadToken(#[from] BadToken),
    /// Identifier and password do not belong together. The same for known and unknown accounts.
    #[error("the identifier or the password is wrong")]
    WrongCredentials,
    /// The refresh token is not one of ours, has expired, or its session has ended.
    #[error("the refresh token is not valid; sign in again")]
    InvalidRefreshToken,
    /// The refresh token was used before: its session is over.
    #[error("the refresh token was used before, so its session has been ended; sign in again")]
    RefreshTokenReused,
    /// A token that is good once is none of ours, was used, or has expired; or what it was made for is no longer so.
    #[error("the link or token is not valid, was used before, or has expired; ask for a new one")]
    InvalidOneTimeToken,
    /// The password was right, and the address of the account has to be verified before anybody signs in.
    #[error("verify your e-mail address first: the link is in the mail that we have sent you")]
    EmailNotVerified,
    /// The ticket of a sign-in that waits for a second factor is not one of ours, was used, or has expired.
    #[error("the sign-in has expired or is over; begin again with Login")]
    InvalidMfaTicket,
    /// A code of an app or a recovery code is not the right one, or was used before.
    #[error("the code is wrong, or was used before")]
    WrongMfaCode,
    /// The account has a second factor, which must be shown, too.
    #[error("this account has a second factor: send a code of it, too")]
    MfaCodeRequired,
    /// The account has a second factor already.
    #[error("a second factor is enabled already; disable it first to set up another one")]
    MfaAlreadyEnabled,
    /// The account has no second factor.
    #[error("no second factor is enabled; set one up first, or leave its code out")]
    MfaNotEnabled,
    /// No authenticator app waits to be confirmed.
    #[error("no authenticator app waits to be confirmed; begin with EnrollTotp")]
    TotpNotEnrolled,
    /// The password is one that only an account with a second factor may have.
    #[error("the password is too short to be the only factor; change it to a longer one first")]
    PasswordTooShort,
    /// The account was made through a provider, and nobody has chosen a password.
    #[error("this account has no password; sign in through its provider again")]
    PasswordNotSet,
    /// The caller must prove anew who they are.
    #[error(
        "prove again who you are, with Reauthenticate or by signing in, and repeat this within five minutes"
    )]
    ReauthenticationRequired,
    /// A page of another origin asks for this.
    #[error("pages of this origin may not call; the server's CORS_ORIGINS lists those that may")]
    CrossOrigin,
    /// Programs may not do this with an API key.
    #[error("this cannot be done with an API key; sign in and send an access token")]
    ApiKeyNotAllowed,
    /// The account has as many API keys as it may have.
    #[error("there are {max} API keys already, which is the most; delete one first")]
    TooManyApiKeys {
        /// How many it may have.
        max: i64,
    },
    /// The caller may not do this.
    #[error("the permission `{permission}` is needed for this")]
    PermissionDenied {
        /// The permission that is missing.
        permission: &'static str,
    },
    /// The caller may not do this to what is somebody else's.
    #[error(
        "only the owner of this {resource}, or a holder of the permission `{permission}`, may do this"
    )]
    NotOwner {
        /// What kind of thing, as `room`.
        resource: &'static str,
        /// The permission that would do instead.
        permission: &'static str,
    },
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no such {resource}")]
    NotFound {
        /// What kind of thing, as `room`.
        resource: &'static str,
    },
    /// Somebody else has this value already.
    #[error("this {field} is already in use")]
    Taken {
        /// The field, as `email`.
        field: &'static str,
    },
    /// The resource has changed since the version that the caller named.
    #[error("the resource has changed in the meantime; read it again and repeat the change")]
    StaleEtag,
    /// Without this account nobody could administer the server.
    #[error("this is the last administrator; make another one first")]
    LastAdministrator,
    /// A request id was used before, for another request.
    #[error("this request id was used for a different request; make a new one")]
    RequestIdReused,
    /// The caller has used up a budget.
    #[error("too many requests; retry in {} s", retry_after.as_secs_f64().ceil())]
    RateLimited {
        /// When the next call has a chance.
        retry_after: Duration,
    },
    /// A bounded queue is full, or a resource that is needed cannot be had now.
    #[error("the server is busy; retry shortly")]
    Busy,
    /// So many events wait to be published that no more are recorded.
    #[error("the server cannot hand on what happens, and records no more of it; retry shortly")]
    OutboxFull,
    /// A sign-in through a provider is unknown, over, or that of another browser.
    #[error("this sign-in was begun too long ago, in another browser, or is over; begin it again")]
    SignInExpired,
    /// Whoever was to sign in through a provider was not let in there.
    #[error("the provider did not let you in, or you did not let it tell who you are")]
    SignInDenied,
    /// The account that an identity belongs to cannot be used.
    #[error("the account that this identity belongs to cannot be used")]
    AccountUnusable,
    /// A provider does not know whether an e-mail address belongs to whoever has it there.
    #[error("the provider does not vouch for your e-mail address; verify it there, and try again")]
    ProviderEmailUnverified,
    /// An unknown identity has the e-mail address of an account.
    #[error("there is an account with your e-mail address; sign in to it, and link this identity")]
    LinkRequired,
    /// Without this identity nobody could sign in to the account.
    #[error("this is the last way to sign in; set a password or link another identity first")]
    LastWayToSignIn,
    /// A provider of identities does not answer.
    #[error("the provider does not answer; retry shortly, or sign in another way")]
    ProviderUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A provider of identities says what cannot be believed.
    #[error("the provider gave an answer that cannot be trusted; sign in another way")]
    ProviderUntrusted(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something that the call depends on does not answer.
    #[error("the service is not available; retry shortly")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database could not let a change pass beside another one; the same change may pass when it is made again.
    /// Changes are made again before a caller hears of it.
    #[error("the service is not available; retry shortly")]
    LostRace {
        /// How it was lost.
        race: Race,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server stops, and with it its streams.
    #[error("the server stops; begin the stream again, where it ended")]
    Stopping,
    /// A stream was not read as fast as there was something to tell.
    #[error("the stream was not read fast enough; begin it again where it ended")]
    SlowReader,
    /// The call's time was up.
    #[error("the deadline passed before the call was done")]
    DeadlineExceeded,
    /// The message is compressed in a way that is not read here.
    #[error("compressed messages are not accepted; send them as they are")]
    UnsupportedEncoding,
    /// The method does not exist.
    #[error("there is no such method")]
    UnknownMethod,
    /// A defect. The source is for the log and is never shown to a caller.
    #[error("an internal error; the log has it under the trace id of this call")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How a change lost against another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Race {
    /// There is no order in which both could have been made.
    Serialization,
    /// Each waited for the other.
    Deadlock,
}

/// What is wrong with the credentials of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadToken {
    /// They are of a scheme that is not taken here.
    #[error("the authorization scheme is not Bearer; send `authorization: Bearer <access token>`")]
    Scheme,
    /// The access token is not one of ours, or was changed.
    #[error("the access token is not valid")]
    Invalid,
    /// The access token's hour is over.
    #[error("the access token has expired; exchange the refresh token for a new one")]
    Expired,
    /// The session was ended, or its user may no longer use it.
    #[error("the session has ended; sign in again")]
    Ended,
    /// What begins like an API key is none: its checksum does not fit.
    #[error("the API key is not whole, or mistyped: its checksum does not fit")]
    MistypedKey,
    /// The API key is not one of ours.
    #[error("the API key was not made by this server")]
    UnknownKey,
    /// The API key's time is over.
    #[error("the API key has expired; make a new one")]
    ExpiredKey,
    /// The API key was deleted, or its owner may no longer use their account.
    #[error("the API key was deleted, or the account that it acts for cannot be used")]
    EndedKey,
    /// The API key may not be used from where the call comes from.
    #[error("the API key may not be used from this address")]
    KeyNetwork,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, as `user.display_name`.
    pub field: String,
    /// What is allowed, as a phrase: `must be a UUID`.
    pub description: String,
}

impl Error {
    /// One field with a value that is not allowed.
    pub fn invalid_field(field: impl Into<String>, description: impl Into<String>) -> Self {
        let violation = Violation { field: field.into(), description: description.into() };
        Self::InvalidFields(vec![violation])
    }

    /// A defect with its cause.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// The stable name of the failure, for programs: it never changes once released.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind().name()
    }

    /// Its reason in the table of all of them.
    #[must_use]
    pub fn kind(&self) -> Reason {
        match self {
            Self::MalformedRequest(_) => Reason::MalformedRequest,
            Self::BodyTooLarge => Reason::BodyTooLarge,
            Self::InvalidFields(_) => Reason::InvalidFields,
            Self::InvalidPageToken => Reason::InvalidPageToken,
            Self::MissingToken => Reason::MissingToken,
            Self::BadToken(why) => why.kind(),
            Self::WrongCredentials => Reason::WrongCredentials,
            Self::InvalidRefreshToken => Reason::InvalidRefreshToken,
            Self::RefreshTokenReused => Reason::RefreshTokenReused,
            Self::InvalidOneTimeToken => Reason::InvalidOneTimeToken,
            Self::EmailNotVerified => Reason::EmailNotVerified,
            Self::InvalidMfaTicket => Reason::InvalidMfaTicket,
            Self::WrongMfaCode => Reason::WrongMfaCode,
            Self::MfaCodeRequired => Reason::MfaCodeRequired,
            Self::MfaAlreadyEnabled => Reason::MfaAlreadyEnabled,
            Self::MfaNotEnabled => Reason::MfaNotEnabled,
            Self::TotpNotEnrolled => Reason::TotpNotEnrolled,
            Self::PasswordTooShort => Reason::PasswordTooShort,
            Self::PasswordNotSet => Reason::PasswordNotSet,
            Self::ReauthenticationRequired => Reason::ReauthenticationRequired,
            Self::CrossOrigin => Reason::CrossOrigin,
            Self::ApiKeyNotAllowed => Reason::ApiKeyNotAllowed,
            Self::TooManyApiKeys { .. } => Reason::TooManyApiKeys,
            Self::PermissionDenied { .. } | Self::NotOwner { .. } => Reason::PermissionDenied,
            Self::NotFound { .. } => Reason::NotFound,
            Self::Taken { field: "email" } => Reason::EmailTaken,
            Self::Taken { field: "username" } => Reason::UsernameTaken,
            Self::Taken { field: "identity" | "provider" } => Reason::IdentityTaken,
            Self::Taken { .. } => Reason::Taken,
            Self::StaleEtag => Reason::StaleEtag,
            Self::LastAdministrator => Reason::LastAdministrator,
            Self::RequestIdReused => Reason::RequestIdReused,
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::Busy => Reason::Busy,
            Self::OutboxFull => Reason::OutboxFull,
            Self::SignInExpired => Reason::SignInExpired,
            Self::SignInDenied => Reason::SignInDenied,
            Self::AccountUnusable => Reason::AccountUnusable,
            Self::ProviderEmailUnverified => Reason::ProviderEmailUnverified,
            Self::LinkRequired => Reason::LinkRequired,
            Self::LastWayToSignIn => Reason::LastWayToSignIn,
            Self::ProviderUnavailable(_) => Reason::ProviderUnavailable,
            Self::ProviderUntrusted(_) => Reason::ProviderUntrusted,
            Self::Unavailable(_) | Self::LostRace { .. } | Self::Stopping => Reason::Unavailable,
            Self::SlowReader => Reason::SlowReader,
            Self::DeadlineExceeded => Reason::DeadlineExceeded,
            Self::UnsupportedEncoding => Reason::UnsupportedEncoding,
            Self::UnknownMethod => Reason::UnknownMethod,
            Self::Internal(_) => Reason::Internal,
        }
    }
}

impl BadToken {
    /// Whether somebody has shown an API key that was made here, and that is not good all the same.
    #[must_use]
    pub fn is_of_known_key(self) -> bool {
        matches!(self, Self::ExpiredKey | Self::EndedKey | Self::KeyNetwork)
    }

    /// Its reason in the table of all of them.
    #[must_use]
    pub fn kind(self) -> Reason {
        match self {
            Self::Scheme => Reason::UnsupportedScheme,
            Self::Invalid => Reason::InvalidToken,
            Self::Expired => Reason::ExpiredToken,
            Self::Ended => Reason::SessionEnded,
            Self::MistypedKey | Self::UnknownKey => Reason::InvalidApiKey,
            Self::ExpiredKey => Reason::ExpiredApiKey,
            Self::EndedKey => Reason::ApiKeyEnded,
            Self::KeyNetwork => Reason::ApiKeyNetwork,
        }
    }
}

/// The first of the fields that are wrong, and how many more there are, for those who see nothing but the message.
fn summarize(violations: &[Violation]) -> String {
    let Some((Violation { field, description }, more)) = violations.split_first() else {
        return "the request has invalid fields".to_owned();
    };
    match more.len() {
        0 => format!("{field}: {description}"),
        count => format!("{field}: {description} (and {count} more)"),
    }
}
