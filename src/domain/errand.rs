//! Errands: what somebody asks for and is done after their answer, so that neither the answer nor its time tells what was
//! found.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::text::{Email, Name, Username};

/// How long it is tried to do one: whoever asked has asked again by then.
pub const LIFETIME: Duration = Duration::from_mins(15);

/// What is to be done.
#[derive(Serialize, Deserialize)]
pub enum Errand {
    /// A mail with which a new password can be chosen.
    OfferPasswordReset {
        /// The username or e-mail address, as it was given: perhaps nobody's.
        identifier: String,
    },
    /// A mail with which somebody can make their account.
    SignUp(Draft),
}

/// An account that somebody wants to have.
#[derive(Clone, Serialize, Deserialize)]
pub struct Draft {
    /// The address: perhaps somebody else's.
    pub email: Email,
    /// The name that others are to see.
    pub username: Username,
    /// The name to show.
    pub display_name: Name<0, 100>,
    /// The hash of the password.
    pub password_hash: String,
}

impl fmt::Debug for Errand {
    /// Whom it is about is nobody else's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Errand(..)")
    }
}
