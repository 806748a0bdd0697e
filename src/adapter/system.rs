//! The clock of the machine, and ids that no other machine makes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::{ContextV7, Uuid};

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

/// How many bits of an id tell the time below its millisecond: clocks are truncated to microseconds.
const PRECISION_BITS: usize = 10;

/// Ids that begin with the time of a clock, so that those of all who go by one clock are in the order of creation. While
/// it stands, or has gone back, they count on from the last one.
pub struct UuidV7 {
    clock: Arc<dyn Clock>,
    context: Mutex<ContextV7>,
}

impl UuidV7 {
    /// Ids by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let context = ContextV7::new().with_additional_precision_bits(PRECISION_BITS);
        Self { clock, context: Mutex::new(context) }
    }
}

impl Ids for UuidV7 {
    fn uuid(&self) -> Uuid {
        let now = self.clock.now();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, now.nanosecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells these times, and then the last one for ever.
    struct Told(Mutex<Vec<Timestamp>>);

    impl Clock for Told {
        fn now(&self) -> Timestamp {
            let mut times = self.0.lock().unwrap();
            if times.len() > 1 { times.remove(0) } else { times[0] }
        }
        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn ids(times: &[Timestamp]) -> UuidV7 {
        UuidV7::new(Arc::new(Told(Mutex::new(times.to_vec()))))
    }

    const NOON: Timestamp = time::macros::datetime!(2026-11-01 12:00 UTC);

    #[test]
    fn ids_rise_also_while_the_clock_stands_or_goes_back() {
        let ids = ids(&[NOON, NOON, NOON - Duration::from_hours(1), NOON]);
        let made: Vec<_> = (0..10_000).map(|_| ids.uuid()).collect();
        assert!(made.is_sorted_by(|one, next| one < next));
        assert_eq!(made[0].get_version_num(), 7);
    }

    #[test]
    fn ids_of_two_makers_with_one_clock_are_in_the_order_of_time() {
        let times = |from: u64| (0..100).map(move |n| NOON + Duration::from_micros(from + 10 * n));
        let [one, other] = [0, 5].map(|from| ids(&times(from).collect::<Vec<_>>()));
        let made: Vec<_> = (0..100).flat_map(|_| [one.uuid(), other.uuid()]).collect();
        assert!(made.is_sorted());
    }
}
