//! What the policy stack asks of the use cases: who calls, and to remember whom it turned away.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::domain::{
    Result, Timestamp,
    caller::{Caller, Principal},
    reason::Reason,
};

/// Who a bearer token belongs to.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who.
    pub principal: Arc<Principal>,
    /// Whether what this process remembers was confirmed on the way, see [`Caller::is_confirmed`].
    pub is_confirmed: bool,
    /// When that was found out.
    pub now: Timestamp,
}

/// Knows who a bearer token belongs to.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The principal of the token (RFC 6750), which is an access token or an API key, sent from this address.
    ///
    /// Errors: `BadToken`, and whatever the store says.
    async fn authenticate(&self, bearer: &str, ip: IpAddr) -> Result<Authenticated>;

    /// Waits from now on until something happens to the session or API key or to its user, after which
    /// [`Authenticator::authenticate`] may answer something else. Time that passes is no such thing.
    fn changed(&self, principal: &Principal) -> BoxFuture<'static, ()>;
}

/// Remembers who was turned away.
#[async_trait]
pub trait Auditor: Send + Sync {
    /// Adds to the audit log that the caller may not do this, for the reason that they were told.
    async fn denied(&self, caller: &Caller, action: &'static str, why: Reason) -> Result<()>;

    /// Adds to the audit log that an API key that was made here is no longer good, or not from there: the caller's, by whom
    /// it was sent. Of the same key and reason that is said once in a while, so that nobody can fill the log.
    async fn key_refused(&self, caller: &Caller, bearer: &str) -> Result<()>;
}
