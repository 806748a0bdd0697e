//! THE table of the reasons why calls fail: their stable names, what each means, and what a program or its developer can do.

macro_rules! reasons {
    ($($reason:ident = $name:literal, $meaning:literal, $remedy:literal;)*) => {
        /// Why a call failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $(#[doc = $meaning] $reason,)*
        }

        impl Reason {
            /// Each of them, in the order in which they are shown.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$reason),*];

            /// The stable name: it never changes once released.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }

            /// The reason of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|reason| reason.name() == name)
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$reason => $meaning,)*
                }
            }

            /// What to do, in a sentence.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Self::$reason => $remedy,)*
                }
            }
        }
    };
}

reasons! {
    MalformedRequest = "MALFORMED_REQUEST",
        "The bytes of the request are not a message of its type.",
        "Correct the client: the message says what could not be read.";
    BodyTooLarge = "BODY_TOO_LARGE",
        "The request is larger than the server reads.",
        "Send less at a time.";
    InvalidFields = "INVALID_FIELDS",
        "Fields have values that are not allowed.",
        "Correct the fields that the detail BadRequest names.";
    InvalidPageToken = "INVALID_PAGE_TOKEN",
        "The page token does not belong to this list of this caller.",
        "Begin the list again without a page token.";
    MissingToken = "MISSING_TOKEN",
        "The method needs somebody who is signed in.",
        "Sign in and send `authorization: Bearer <access token>`.";
    UnsupportedScheme = "UNSUPPORTED_SCHEME",
        "The credentials are of a scheme that is not taken.",
        "Send `authorization: Bearer <access token>`.";
    InvalidToken = "INVALID_TOKEN",
        "The access token was not made by this server for this server, or its key is out of use.",
        "Exchange the refresh token for a new access token.";
    ExpiredToken = "EXPIRED_TOKEN",
        "The access token has expired.",
        "Exchange the refresh token for a new access token.";
    SessionEnded = "SESSION_ENDED",
        "The session of the access token has ended.",
        "Sign in again.";
    InvalidApiKey = "INVALID_API_KEY",
        "The API key was not made by this server, or is not whole.",
        "Compare it with what was shown when it was made: its checksum tells a mistake of copying.";
    ExpiredApiKey = "EXPIRED_API_KEY",
        "The API key has expired.",
        "Make a new one.";
    ApiKeyEnded = "API_KEY_ENDED",
        "The API key was deleted, or the account that it acts for cannot be used.",
        "Make a new one, or have the account let in again.";
    ApiKeyNetwork = "API_KEY_NETWORK",
        "The API key may not be used from the address that the call came from.",
        "Call from one of the networks of the key, or make one for where you call from.";
    WrongCredentials = "WRONG_CREDENTIALS",
        "The identifier or the password is wrong.",
        "Ask for both again.";
    InvalidRefreshToken = "INVALID_REFRESH_TOKEN",
        "The refresh token is none of this server's, has expired, or its session has ended.",
        "Sign in again.";
    RefreshTokenReused = "REFRESH_TOKEN_REUSED",
        "The refresh token was exchanged before, so somebody may have a copy: its session has been ended.",
        "Sign in again, and use each refresh token once.";
    InvalidOneTimeToken = "INVALID_ONE_TIME_TOKEN",
        "A token that is good once, as that of a link in a mail, is none of this server's, was used, or has expired.",
        "Ask for a new one.";
    EmailNotVerified = "EMAIL_NOT_VERIFIED",
        "The password is right, and the e-mail address has to be verified before its owner can sign in.",
        "Tell the user to follow the link in the mail that was sent just now, and to sign in again.";
    InvalidMfaTicket = "INVALID_MFA_TICKET",
        "The ticket of a sign-in that waits for a second factor is none, was used, or has expired.",
        "Begin again with Login.";
    WrongMfaCode = "WRONG_MFA_CODE",
        "The code of the second factor is wrong, or was used before.",
        "Ask for the next code, or for a recovery code.";
    MfaCodeRequired = "MFA_CODE_REQUIRED",
        "The account has a second factor, and the call carries no code of it.",
        "Ask for a code, and repeat the call with it.";
    MfaAlreadyEnabled = "MFA_ALREADY_ENABLED",
        "The account has a second factor already.",
        "Disable it first to set up another one.";
    MfaNotEnabled = "MFA_NOT_ENABLED",
        "The account has no second factor.",
        "Set one up with EnrollTotp and ConfirmTotp.";
    TotpNotEnrolled = "TOTP_NOT_ENROLLED",
        "No authenticator app of the account waits to be confirmed.",
        "Begin with EnrollTotp.";
    PasswordTooShort = "PASSWORD_TOO_SHORT",
        "The password is too short to be the only factor.",
        "Change it to a longer one first.";
    PasswordNotSet = "PASSWORD_NOT_SET",
        "The account has no password: its owner signs in through a provider.",
        "Have them sign in through it again, which is a fresh proof, or set a password with the link of RequestPasswordReset.";
    ReauthenticationRequired = "REAUTHENTICATION_REQUIRED",
        "The method asks for a proof of who the caller is that is not older than five minutes.",
        "Call Reauthenticate, or sign in again, and repeat the call.";
    CrossOrigin = "CROSS_ORIGIN",
        "A page of an origin that is not listed asks for this.",
        "Call from the page's own server, or have the operator list its origin in CORS_ORIGINS.";
    ApiKeyNotAllowed = "API_KEY_NOT_ALLOWED",
        "The method is for people who are signed in, and not for API keys.",
        "Sign in and send an access token.";
    TooManyApiKeys = "TOO_MANY_API_KEYS",
        "The account has as many API keys as it may have.",
        "Delete one that is not needed first.";
    PermissionDenied = "PERMISSION_DENIED",
        "The caller may not do this.",
        "Ask an administrator for the permission that the detail ErrorInfo names, or the owner.";
    NotFound = "NOT_FOUND",
        "There is no such thing, or the caller may not know of it.",
        "Check the id.";
    EmailTaken = "EMAIL_TAKEN",
        "Somebody has this e-mail address already.",
        "Sign in instead, or choose another address.";
    UsernameTaken = "USERNAME_TAKEN",
        "Somebody has this username already.",
        "Choose another one.";
    Taken = "TAKEN",
        "Somebody has this value already.",
        "Choose another one.";
    IdentityTaken = "IDENTITY_TAKEN",
        "The identity belongs to another account, or the account has another identity of the same provider.",
        "Unlink the one that is in the way first.";
    SignInExpired = "SIGN_IN_EXPIRED",
        "The sign-in through a provider was begun too long ago, in another browser, or is over.",
        "Begin it again, in one browser that keeps cookies.";
    SignInDenied = "SIGN_IN_DENIED",
        "The provider did not let the person in, or they did not let it tell who they are.",
        "Begin again, or sign in another way.";
    AccountUnusable = "ACCOUNT_UNUSABLE",
        "The account that the identity belongs to is suspended or deleted.",
        "Ask an administrator.";
    ProviderEmailUnverified = "PROVIDER_EMAIL_UNVERIFIED",
        "A new account needs an e-mail address that the provider vouches for.",
        "Verify the address at the provider, and begin again.";
    LinkRequired = "LINK_REQUIRED",
        "An account has the e-mail address of the identity, and the two are not linked.",
        "Sign in to the account in another way, and call LinkIdentity.";
    LastWayToSignIn = "LAST_WAY_TO_SIGN_IN",
        "Without the identity nobody could sign in to the account.",
        "Set a password or link another identity first.";
    ProviderUnavailable = "PROVIDER_UNAVAILABLE",
        "The provider of identities does not answer in time.",
        "Begin again shortly, or sign in another way.";
    ProviderUntrusted = "PROVIDER_UNTRUSTED",
        "The answer of the provider of identities cannot be trusted, or is none.",
        "Begin again, or sign in another way; the log of the server says what was wrong.";
    StaleEtag = "STALE_ETAG",
        "The resource has changed since the version that the caller named.",
        "Read it again and repeat the change.";
    LastAdministrator = "LAST_ADMINISTRATOR",
        "Without this account nobody could administer the server.",
        "Make another administrator first.";
    RequestIdReused = "REQUEST_ID_REUSED",
        "The request id was used before for another request.",
        "Make a new request id for each request, and keep it only for retries.";
    RateLimited = "RATE_LIMITED",
        "The caller has used up a budget.",
        "Wait as long as the detail RetryInfo says.";
    Busy = "BUSY",
        "The server has as much to do as it can bear.",
        "Retry shortly, after growing pauses.";
    OutboxFull = "OUTBOX_FULL",
        "The server cannot hand on what happens, and records no more of it.",
        "Retry later, after growing pauses.";
    Unavailable = "UNAVAILABLE",
        "Something that the call depends on does not answer, or the server stops. Whether the change was made is not known.",
        "Retry shortly, changes with the same request id.";
    SlowReader = "SLOW_READER",
        "The stream was not read as fast as there was something to tell.",
        "Begin it again with the last resume token, and read faster.";
    DeadlineExceeded = "DEADLINE_EXCEEDED",
        "The time of the call was up. Whether the change was made is not known.",
        "Retry, changes with the same request id.";
    UnsupportedEncoding = "UNSUPPORTED_ENCODING",
        "The message is compressed.",
        "Send messages as they are.";
    UnknownMethod = "UNKNOWN_METHOD",
        "There is no such method.",
        "Check the name of the method, and the version of the server.";
    Internal = "INTERNAL",
        "A defect of the server.",
        "Report it with the trace id of the call; the log has the cause under it.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_reason_has_a_name_of_its_own_in_upper_snake_case() {
        let names: HashSet<_> = Reason::ALL.into_iter().map(Reason::name).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for name in names {
            assert!(name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_'), "{name}");
        }
    }
}
