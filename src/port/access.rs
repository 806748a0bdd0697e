//! Turns a bearer token into a principal: what the policy stack asks of the use cases.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Result, caller::Principal};

/// Knows who a bearer token belongs to.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The principal of the token (RFC 6750).
    ///
    /// Errors: `InvalidToken`, `ExpiredToken`, `SessionEnded`, and whatever the store says.
    async fn authenticate(&self, bearer: &str) -> Result<Arc<Principal>>;
}
