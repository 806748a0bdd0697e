//! Budgets of calls.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::domain::{Result, id::Id, user::User};

/// Which budget a call is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Everything a user does.
    User(Id<User>),
    /// Everything that comes from an address without credentials. An IPv6 address stands for its /64.
    Address(IpAddr),
    /// Signing in and up from an address.
    SignIn(IpAddr),
}

impl Budget {
    /// The name of its kind in headers and metrics.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Address(_) => "address",
            Self::SignIn(_) => "sign_in",
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
}

/// Counts calls.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts one call against a budget.
    async fn count(&self, budget: Budget) -> Result<Decision>;
}
