//! Permissions and sets of them. Which role holds which is data, in the store.

use serde::{Deserialize, Serialize};

/// The right to do one kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Permission {
    /// See accounts.
    UsersRead,
    /// See the e-mail addresses of accounts.
    UsersReadPrivate,
    /// Change anybody's account.
    UsersUpdate,
    /// Delete anybody's account.
    UsersDelete,
    /// Bar anybody from using their account.
    UsersSuspend,
    /// See anybody's sessions.
    SessionsReadAny,
    /// End anybody's sessions.
    SessionsRevokeAny,
    /// Make API keys that act for oneself.
    ApiKeysOwn,
    /// See and delete anybody's API keys.
    ApiKeysAny,
    /// See rooms.
    RoomsRead,
    /// Create rooms.
    RoomsCreate,
    /// Change anybody's room.
    RoomsUpdateAny,
    /// Delete anybody's room.
    RoomsDeleteAny,
    /// See streams.
    StreamsRead,
    /// Create streams.
    StreamsCreate,
    /// Change anybody's stream.
    StreamsUpdateAny,
    /// Delete anybody's stream.
    StreamsDeleteAny,
    /// Ask about the access tokens of others.
    TokensValidate,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::UsersRead,
        Self::UsersReadPrivate,
        Self::UsersUpdate,
        Self::UsersDelete,
        Self::UsersSuspend,
        Self::SessionsReadAny,
        Self::SessionsRevokeAny,
        Self::ApiKeysOwn,
        Self::ApiKeysAny,
        Self::RoomsRead,
        Self::RoomsCreate,
        Self::RoomsUpdateAny,
        Self::RoomsDeleteAny,
        Self::StreamsRead,
        Self::StreamsCreate,
        Self::StreamsUpdateAny,
        Self::StreamsDeleteAny,
        Self::TokensValidate,
    ];

    /// The name that the protos, the store and the API use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UsersRead => "users.read",
            Self::UsersReadPrivate => "users.read_private",
            Self::UsersUpdate => "users.update",
            Self::UsersDelete => "users.delete",
            Self::UsersSuspend => "users.suspend",
            Self::SessionsReadAny => "sessions.read_any",
            Self::SessionsRevokeAny => "sessions.revoke_any",
            Self::ApiKeysOwn => "api_keys.own",
            Self::ApiKeysAny => "api_keys.any",
            Self::RoomsRead => "rooms.read",
            Self::RoomsCreate => "rooms.create",
            Self::RoomsUpdateAny => "rooms.update_any",
            Self::RoomsDeleteAny => "rooms.delete_any",
            Self::StreamsRead => "streams.read",
            Self::StreamsCreate => "streams.create",
            Self::StreamsUpdateAny => "streams.update_any",
            Self::StreamsDeleteAny => "streams.delete_any",
            Self::TokensValidate => "tokens.validate",
        }
    }

    /// The permission of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    /// Those that it has.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.has(*permission))
    }

    /// Those that both have.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Whether it has this one.
    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_found_by_its_own_name() {
        for permission in Permission::ALL {
            assert_eq!(Permission::from_name(permission.name()), Some(permission));
        }
        assert_eq!(Permission::from_name("users.fly"), None);
    }

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let set: Permissions =
            [Permission::UsersRead, Permission::StreamsDeleteAny].into_iter().collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Permission::UsersRead, Permission::StreamsDeleteAny]
        );
    }
}
