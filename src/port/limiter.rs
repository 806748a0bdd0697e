//! Budgets of calls.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

use async_trait::async_trait;

use crate::domain::{Result, api_key::ApiKey, id::Id, user::User};

/// The window of every budget.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Which budget a call is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Everything a user does.
    User(Id<User>),
    /// Everything that is done with an API key.
    ApiKey(Id<ApiKey>),
    /// Everything that comes from an address without credentials. An IPv6 address stands for its /64.
    Address(IpAddr),
    /// Signing in and up from an address.
    SignIn(IpAddr),
    /// What a user asks about the tokens of others.
    Validation(Id<User>),
}

/// How many calls a minute a budget of each kind allows.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// A user, an API key, or an address.
    pub general: NonZeroU32,
    /// Signing in and up from an address.
    pub sign_in: NonZeroU32,
    /// What a user asks about the tokens of others.
    pub validation: NonZeroU32,
}

impl Quotas {
    /// How many calls a minute this budget allows.
    #[must_use]
    pub fn of(&self, budget: Budget) -> NonZeroU32 {
        match budget {
            Budget::User(_) | Budget::ApiKey(_) | Budget::Address(_) => self.general,
            Budget::SignIn(_) => self.sign_in,
            Budget::Validation(_) => self.validation,
        }
    }
}

impl Budget {
    /// The name of its kind in headers and metrics.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::ApiKey(_) => "api_key",
            Self::Address(_) => "address",
            Self::SignIn(_) => "sign_in",
            Self::Validation(_) => "validation",
        }
    }

    /// The budget that is counted: whoever has an IPv6 address has a /64 of them.
    #[must_use]
    pub fn by_network(self) -> Self {
        match self {
            Self::User(_) | Self::ApiKey(_) | Self::Validation(_) => self,
            Self::Address(ip) => Self::Address(network(ip)),
            Self::SignIn(ip) => Self::SignIn(network(ip)),
        }
    }
}

/// What is left of a budget after a call was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The calls that the budget allows in its window.
    pub quota: u32,
    /// The length of the window.
    pub window: Duration,
    /// The calls that could be made at once now.
    pub remaining: u32,
    /// When the budget is whole again.
    pub reset_after: Duration,
    /// None: the call may go on. Otherwise it is refused, and this is when the next one has a chance.
    pub retry_after: Option<Duration>,
    /// Who has counted.
    pub backend: Backend,
}

/// Where a budget is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// In this server, which shares it with nobody.
    Memory,
    /// In Redis, which all servers share.
    Redis,
    /// In this server, because Redis is down.
    Fallback,
}

impl Backend {
    /// The name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Fallback => "fallback",
        }
    }
}

impl Decision {
    /// What comes of a call when so many are left of a quota.
    #[must_use]
    pub fn new(
        quota: u32,
        remaining: u32,
        retry_after: Option<Duration>,
        backend: Backend,
    ) -> Self {
        let reset_after = WINDOW / quota.max(1) * (quota - remaining.min(quota));
        Self { quota, window: WINDOW, remaining, reset_after, retry_after, backend }
    }
}

/// Counts calls.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one call against a budget.
    async fn count(&self, budget: Budget) -> Result<Decision>;
}

/// The network that an address stands for: whoever has one address of an IPv6 /64 has all of them.
#[must_use]
pub fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        },
    }
}
