//! The clock of the machine, and ids that no other machine makes.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::{
    domain::Timestamp,
    port::clock::{Clock, Ids},
};

/// The clock of the machine.
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine for the time"
    )]
    fn now(&self) -> Timestamp {
        let now = time::OffsetDateTime::now_utc();
        // Databases keep microseconds: what is read back must equal what was written.
        now.replace_nanosecond(now.nanosecond() / 1000 * 1000).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Random ids in order of time.
#[derive(Default)]
pub struct UuidV7;

impl Ids for UuidV7 {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
