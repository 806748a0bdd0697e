//! Coherence: hearing what others change in the store, so that what is remembered of it here is never older than it may be.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::domain::{api_key::ApiKey, id::Id, session::Session, user::User};

/// What somebody has changed in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These sessions have ended.
    SessionsEnded(Vec<Id<Session>>),
    /// This API key was deleted.
    ApiKeyDeleted(Id<ApiKey>),
    /// The user of this session has proved who they are.
    SessionRenewed(Id<Session>),
    /// An account was changed, or what its roles are.
    User(Id<User>),
    /// A signing key was added, or is retired at another time.
    SigningKeys,
}

/// What this process remembers of the store.
pub trait Memory: Send + Sync {
    /// Forgets what a change has made wrong.
    fn learn(&self, change: &Change);

    /// Forgets everything, because changes may have been missed.
    fn forget_everything(&self);
}

/// Whether what is remembered here is as new as the store.
#[async_trait]
pub trait Freshness: Send + Sync {
    /// Waits until every change that anyone was told of before this call has been learned here; false when that cannot be
    /// known in time, and then only the store knows.
    async fn confirm(&self) -> bool;
}

/// The work of hearing what others change.
pub struct Following {
    /// What it is good for.
    pub freshness: Arc<dyn Freshness>,
    /// The work itself: it goes on for as long as it is polled, and never ends.
    pub work: BoxFuture<'static, ()>,
}
