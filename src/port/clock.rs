//! Time and fresh ids: the two things that would make every run different.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time of day in UTC, truncated to microseconds, which is what databases keep.
    fn now(&self) -> Timestamp;

    /// The time since some fixed moment: never goes back, whatever happens to the time of day.
    fn monotonic(&self) -> Duration;
}

/// Makes ids.
pub trait Ids: Send + Sync {
    /// A UUIDv7 (RFC 9562), greater than every one before it from the same process.
    fn uuid(&self) -> Uuid;
}
