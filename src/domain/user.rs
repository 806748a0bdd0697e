//! Accounts.

use serde::{Deserialize, Serialize};

use super::{
    id::Id,
    resource::Meta,
    text::{Email, Name, Text, Username},
};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: Id<User>,
    /// The name that others see.
    pub username: Username,
    /// The address.
    pub email: Email,
    /// Whether the address was proved to belong to the user.
    pub email_verified: bool,
    /// What the user says of themselves.
    pub profile: Profile,
    /// Whether the account may be used.
    pub state: State,
    /// The names of the roles held everywhere, sorted.
    pub roles: Vec<String>,
    /// Life and version.
    pub meta: Meta,
}

/// What a user says of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name to show.
    pub display_name: Name<0, 100>,
    /// Where the picture is; empty for none.
    pub avatar_url: Text<0, 2048>,
    /// A few words.
    pub bio: Text<0, 1000>,
    /// The preferred language, a BCP 47 tag; empty for none.
    pub locale: Text<0, 35>,
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// In use.
    Active,
    /// Waiting for its e-mail address to be verified.
    Pending,
    /// Barred by an administrator.
    Suspended,
    /// Deleted, and soon gone.
    Deleted,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::Pending, Self::Suspended, Self::Deleted];

    /// The name in the store and in filters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Suspended => "SUSPENDED",
            Self::Deleted => "DELETED",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// New values for some fields of an account; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The new name.
    pub username: Option<Username>,
    /// The new name to show.
    pub display_name: Option<Name<0, 100>>,
    /// The new picture.
    pub avatar_url: Option<Text<0, 2048>>,
    /// The new words.
    pub bio: Option<Text<0, 1000>>,
    /// The new language.
    pub locale: Option<Text<0, 35>>,
}

impl User {
    /// Applies a change and returns the names of the fields whose values differ from before.
    pub fn apply(&mut self, change: Change) -> Vec<&'static str> {
        let mut changed = Vec::new();
        replace(&mut self.username, change.username, "username", &mut changed);
        replace(&mut self.profile.display_name, change.display_name, "display_name", &mut changed);
        replace(&mut self.profile.avatar_url, change.avatar_url, "avatar_url", &mut changed);
        replace(&mut self.profile.bio, change.bio, "bio", &mut changed);
        replace(&mut self.profile.locale, change.locale, "locale", &mut changed);
        changed
    }
}

/// Puts a new value in place of the old one and notes the field's name when they differ.
pub(super) fn replace<T: PartialEq>(
    old: &mut T,
    new: Option<T>,
    name: &'static str,
    changed: &mut Vec<&'static str>,
) {
    if let Some(new) = new
        && *old != new
    {
        *old = new;
        changed.push(name);
    }
}
