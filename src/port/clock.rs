//! Time and fresh ids: the two things that would make every run different.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{Result, Timestamp};

/// Tells the time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time of day in UTC, truncated to microseconds, which is what databases keep.
    fn now(&self) -> Timestamp;

    /// The time since some fixed moment: never goes back, whatever happens to the time of day.
    fn monotonic(&self) -> Duration;

    /// Looks at the clock that it follows, where it follows one. To be repeated every few seconds.
    async fn synchronize(&self) -> Result<()> {
        Ok(())
    }
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A UUIDv7 (RFC 9562) of the time that it is by the clock, greater than every one that was made here before.
    fn uuid(&self) -> Uuid;
}
