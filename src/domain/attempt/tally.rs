//! What is remembered of tries of one kind.

use std::time::Duration;

use super::{REST, Timestamp};

/// How long the first try waits that has to wait at all; each one after it waits twice as long.
pub(super) const DELAY_MIN: Duration = Duration::from_secs(1);

/// How long somebody stays known in a network after having signed in from it.
const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// What is remembered of the tries of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How many have failed, or are not judged yet.
    pub failures: i64,
    /// When the last one was. Of a network, until when its failures have been forgotten bit by bit.
    pub try_time: Timestamp,
    /// Until when whoever tries is known.
    pub known_until: Timestamp,
    /// When all this may be forgotten; never where there is none.
    pub expire_time: Option<Timestamp>,
}

impl Tally {
    /// Nothing has happened yet.
    #[must_use]
    pub fn fresh(now: Timestamp) -> Self {
        let none = Timestamp::UNIX_EPOCH;
        Self { failures: 0, try_time: none, known_until: none, expire_time: Some(now) }
    }

    /// Somebody has signed in here.
    #[must_use]
    pub fn known(now: Timestamp) -> Self {
        let known_until = now + KNOWN_FOR;
        Self { known_until, expire_time: Some(known_until), ..Self::fresh(now) }
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        self.failures += 1;
        self.try_time = now;
    }

    pub(super) fn take_back(&mut self, failures: i64) {
        self.failures = (self.failures - failures).max(0);
    }

    pub(super) fn is_at_rest(&self, now: Timestamp) -> bool {
        self.try_time + REST <= now
    }

    /// How long the next try has to wait, if the first `free` fail without a consequence.
    pub(super) fn wait(&self, now: Timestamp, free: i64, longest: Duration) -> Duration {
        let Ok(doublings) = u32::try_from(self.failures - free) else { return Duration::ZERO };
        let delay = 1_u32.checked_shl(doublings).map_or(longest, |times| DELAY_MIN * times);
        between(now, self.try_time + delay.min(longest))
    }
}

/// The time from one moment to a later one.
pub(super) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    (later - earlier).try_into().unwrap_or_default()
}
