//! Mails: what the server writes to people about, to whom, and what becomes of it.

use std::{fmt, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Timestamp, device::Device, id::Id, text::Email, user::User};

/// How long it is worth telling somebody what happened to their account.
const NOTICE_LIFETIME: Duration = Duration::from_hours(72);

/// How long it is known what became of a mail, after the time at which it would have expired.
pub const KEPT: Duration = Duration::from_hours(168);

/// How many mails of one kind an account gets in an hour at most, so that nobody is flooded by whoever plays with their
/// account. Each kind has its own count, or many of one that anybody can cause would keep back another that warns of it.
pub const HOURLY_MAX: i64 = 10;

/// What a mail is about. Links carry their token in the fragment, which browsers send to no server; so it must be made of
/// characters that a URL takes as they are.
#[derive(Debug, Clone)]
pub enum Mail {
    /// Asks whether the address is theirs.
    VerifyEmail {
        /// What proves it.
        token: SecretString,
        /// Until when it is good.
        expire_time: Timestamp,
    },
    /// Lets them choose a new password.
    ResetPassword {
        /// What lets them.
        token: SecretString,
        /// Until when it is good.
        expire_time: Timestamp,
    },
    /// Somebody wanted to sign up with the address of an account.
    AccountExists,
    /// Somebody signed in on a device that the account was not used on before.
    NewDevice {
        /// What the client called it.
        client_name: String,
    },
    /// A refresh token was used a second time, so its session was ended.
    RefreshTokenReused {
        /// What the session was begun on.
        device: Device,
    },
    /// The password was changed.
    PasswordChanged,
    /// The address was changed; for the old one.
    EmailChanged,
    /// Signing in takes a second factor from now on.
    SecondFactorEnabled,
    /// Signing in takes the password alone from now on.
    SecondFactorDisabled,
    /// There are new recovery codes, and the old ones are void.
    RecoveryCodesRegenerated,
    /// An account elsewhere lets them sign in from now on.
    ProviderLinked {
        /// Where, as `GitHub`.
        provider: String,
    },
    /// An account elsewhere no longer lets them sign in.
    ProviderUnlinked {
        /// Where, as `GitHub`.
        provider: String,
    },
    /// A program may act for them from now on.
    ApiKeyCreated {
        /// What they called it.
        name: String,
    },
    /// Shows an operator that mails arrive.
    Test,
}

impl Mail {
    /// The name of the kind of [`Self::ResetPassword`].
    pub const RESET_PASSWORD: &str = "reset_password";

    /// The name of the kind of [`Self::VerifyEmail`].
    pub const VERIFY_EMAIL: &str = "verify_email";

    /// The name of its kind, in the store and in lists.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => Self::VERIFY_EMAIL,
            Self::ResetPassword { .. } => Self::RESET_PASSWORD,
            Self::AccountExists => "account_exists",
            Self::NewDevice { .. } => "new_device",
            Self::RefreshTokenReused { .. } => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::SecondFactorDisabled => "second_factor_disabled",
            Self::RecoveryCodesRegenerated => "recovery_codes_regenerated",
            Self::ProviderLinked { .. } => "provider_linked",
            Self::ProviderUnlinked { .. } => "provider_unlinked",
            Self::ApiKeyCreated { .. } => "api_key_created",
            Self::Test => "test",
        }
    }

    /// When it is no longer worth sending: with its token, or when its news is old.
    #[must_use]
    pub fn expire_time(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::VerifyEmail { expire_time, .. } | Self::ResetPassword { expire_time, .. } => {
                *expire_time
            }
            _ => now + NOTICE_LIFETIME,
        }
    }
}

/// Who gets a mail.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Whose account it is about.
    pub user_id: Id<User>,
    /// Where it goes.
    pub email: Email,
    /// What they are called.
    pub name: String,
}

impl Recipient {
    /// Somebody at the address of their account.
    #[must_use]
    pub fn of(user: &User) -> Self {
        let name = match &*user.profile.display_name {
            "" => &*user.username,
            name => name,
        };
        Self { user_id: user.id, email: user.email.clone(), name: name.to_owned() }
    }
}

/// What a mail says, ready to be sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Who it is addressed to, by name.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

impl fmt::Debug for Letter {
    /// A letter may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(..)")
    }
}

/// What has become of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits to be sent.
    Pending,
    /// A mail server has it.
    Sent,
    /// It was written to the log, because there is no mail server.
    Logged,
    /// A mail server refused it for good, or too often.
    Failed,
    /// It could not be sent while it was worth it.
    Expired,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Sent, Self::Logged, Self::Failed, Self::Expired];

    /// The name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Sent => "SENT",
            Self::Logged => "LOGGED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
