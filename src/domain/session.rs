//! Sessions: one per sign-in, each with one line of refresh tokens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Timestamp, device::Device, id::Id, user::User};

/// How long an access token is good for.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_hours(1);

/// How long a session lives without being refreshed.
pub const IDLE_LIFETIME: Duration = Duration::from_hours(168);

/// How long a session lives however often it is refreshed.
pub const TOTAL_LIFETIME: Duration = Duration::from_hours(2160);

/// How long a proof of who one is counts as fresh.
pub const FRESH_FOR: Duration = Duration::from_mins(5);

/// How somebody proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// By a password.
    Password,
    /// By an identity at a provider.
    Federation,
    /// By a code that is good once, of an app.
    OneTimeCode,
    /// By two things that have nothing to do with each other.
    MultipleFactors,
}

impl Proof {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Password, Self::Federation, Self::OneTimeCode, Self::MultipleFactors];

    /// The name in the store and the API (RFC 8176).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            // RFC 8176 has no name for it.
            Self::Federation => "fed",
            Self::OneTimeCode => "otp",
            Self::MultipleFactors => "mfa",
        }
    }

    /// The proof of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|proof| proof.name() == name)
    }
}

/// One sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id.
    pub id: Id<Session>,
    /// Whose it is.
    pub user_id: Id<User>,
    /// How often it was refreshed: the number of the newest refresh token.
    pub counter: i64,
    /// When it was last refreshed.
    pub refresh_time: Timestamp,
    /// When it ends unless it is refreshed.
    pub expire_time: Timestamp,
    /// What the client called it.
    pub client_name: String,
    /// The address it was begun from.
    pub ip: String,
    /// What the client said it is.
    pub user_agent: String,
    /// When it was begun.
    pub create_time: Timestamp,
    /// When it was ended, if it was.
    pub end_time: Option<Timestamp>,
    /// How its user proved who they are.
    pub proofs: Vec<Proof>,
    /// When they last did.
    pub auth_time: Timestamp,
    /// When it was last used, to about a minute.
    pub last_seen_time: Timestamp,
}

impl Session {
    /// When a session that is used now ends unless it is used again: idle time from now, within its total lifetime.
    #[must_use]
    pub fn expiry(create_time: Timestamp, now: Timestamp) -> Timestamp {
        (now + IDLE_LIFETIME).min(create_time + TOTAL_LIFETIME)
    }

    /// What it was begun on.
    #[must_use]
    pub fn device(&self) -> Device {
        Device { client_name: self.client_name.clone(), user_agent: self.user_agent.clone() }
    }

    /// Whether it can be used.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.end_time.is_none() && now < self.expire_time
    }
}

/// Why sessions were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The user signed out.
    Logout,
    /// The user or an administrator ended it from elsewhere.
    Revoked,
    /// The password was changed.
    PasswordChanged,
    /// An identity was unlinked.
    IdentityUnlinked,
    /// A second factor is asked for since.
    SecondFactorEnabled,
    /// A refresh token was used twice.
    RefreshReuse,
    /// The user began too many others.
    SessionLimit,
    /// The account was deleted.
    UserDeleted,
    /// The account was suspended.
    UserSuspended,
}

impl EndReason {
    /// The name in the store and in events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::RefreshReuse => "refresh_reuse",
            Self::SessionLimit => "session_limit",
            Self::UserDeleted => "user_deleted",
            Self::UserSuspended => "user_suspended",
        }
    }
}
