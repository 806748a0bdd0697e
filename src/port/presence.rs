//! Who is active, as a number.

use async_trait::async_trait;

use crate::domain::{id::Id, user::User};

/// How many different users were active lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Active {
    /// In the last minute.
    pub minute: u64,
    /// In the last hour.
    pub hour: u64,
    /// In the last 24 hours.
    pub day: u64,
}

/// Counts users who are active.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Notes that a user is active. Every call does, so it waits for nothing.
    fn note(&self, user: Id<User>);

    /// Takes up what was noted since the last time, and counts. One worker does it, every few seconds.
    async fn count(&self) -> Active;
}
