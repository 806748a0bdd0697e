//! How long to wait before what has failed is tried again.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Pauses that double with each failure in a row.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after so many failures in a row, at least half of it and the rest by chance, so that those who failed
    /// together do not come back together.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let half = self.first.saturating_mul(1 << doublings).min(self.longest) / 2;
        // Its keys differ each time.
        let chance = RandomState::new().hash_one(failures) >> 48;
        half + half.mul_f64(f64::from(u16::try_from(chance).unwrap_or(u16::MAX)) / 65_535.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_the_longest_and_differs_each_time() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(4));
        let backoff = Backoff { first, longest };
        for (failures, whole) in [(0, 100), (1, 100), (2, 200), (3, 400), (7, 4_000), (99, 4_000)] {
            let whole = Duration::from_millis(whole);
            let pauses: Vec<_> = (0..50).map(|_| backoff.pause(failures)).collect();
            assert!(pauses.iter().all(|pause| (whole / 2..=whole).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
        }
    }
}
