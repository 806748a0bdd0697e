//! API keys: what lets a program act for an account.

use std::net::IpAddr;

use super::{
    Timestamp,
    id::Id,
    network::Network,
    permission::{Permission, Permissions},
    text::Name,
    user::User,
};

/// How many keys an account has at most that can be used.
pub const PER_USER_MAX: i64 = 50;

/// An API key. Its secret is derived from the id, and not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id.
    pub id: Id<ApiKey>,
    /// Whom it acts for.
    pub user_id: Id<User>,
    /// What its owner calls it.
    pub display_name: Name<1, 100>,
    /// What it may be used for, as far as its owner may do that.
    pub permissions: Permissions,
    /// Where it may be used from; none for everywhere.
    pub allowed_networks: Vec<Network>,
    /// When it expires, if it does.
    pub expire_time: Option<Timestamp>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it was last used, to about a minute.
    pub last_used_time: Option<Timestamp>,
}

/// What somebody wants of a new key.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is called.
    pub display_name: Name<1, 100>,
    /// What it may be used for.
    pub permissions: Vec<Permission>,
    /// Where it may be used from; none for everywhere.
    pub allowed_networks: Vec<Network>,
    /// When it expires, if it does.
    pub expire_time: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it may be used from an address; where none is known, only if it may be used everywhere.
    #[must_use]
    pub fn is_allowed_from(&self, address: Option<IpAddr>) -> bool {
        let is_in = |address| self.allowed_networks.iter().any(|one| one.contains(address));
        self.allowed_networks.is_empty() || address.is_some_and(is_in)
    }

    /// Whether it has expired.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expire_time.is_some_and(|expire_time| expire_time <= now)
    }
}
