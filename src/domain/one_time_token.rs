//! Tokens that are good once and for a short time: what each kind is for, and for how long.

use std::time::Duration;

/// What a token lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Choose a new password, after a mail.
    PasswordReset,
    /// Show that an e-mail address is theirs, after a mail.
    EmailVerification,
    /// Go on signing in with a second factor, after the first.
    SecondFactor,
    /// Come back from a provider of identities: the `state` of OAuth 2.0 (RFC 6749, section 10.12).
    OAuthState,
    /// Fetch the tokens of a sign-in that a provider has vouched for.
    OAuthCode,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PasswordReset,
        Self::EmailVerification,
        Self::SecondFactor,
        Self::OAuthState,
        Self::OAuthCode,
    ];

    /// The name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::SecondFactor => "second_factor",
            Self::OAuthState => "oauth_state",
            Self::OAuthCode => "oauth_code",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How long one is good.
    #[must_use]
    pub fn lifetime(self) -> Duration {
        match self {
            Self::PasswordReset => Duration::from_mins(15),
            Self::EmailVerification => Duration::from_hours(24),
            Self::SecondFactor => Duration::from_mins(5),
            Self::OAuthState => Duration::from_mins(10),
            Self::OAuthCode => Duration::from_mins(1),
        }
    }
}
