//! Tries at a second factor of late: a code of six digits is guessed sooner than a password, so there are fewer of them,
//! whoever makes them and wherever they come from.

use std::time::Duration;

use super::{Tally, Timestamp, tally::between};

/// How many tries at the second factor of an account may fail before no more are judged.
const FAILURES_MAX: i64 = 10;

/// How long nobody may have failed before tries are judged again: so there are never more than [`FAILURES_MAX`] in as long.
const QUIET: Duration = Duration::from_mins(15);

impl Tally {
    /// How long the next try at a second factor has to wait.
    pub(super) fn wait_for_quiet(&self, now: Timestamp) -> Duration {
        if self.failures < FAILURES_MAX {
            return Duration::ZERO;
        }
        between(now, self.try_time + QUIET)
    }

    /// Says that it may be forgotten after the quiet.
    pub(super) fn settle_after_quiet(&mut self, now: Timestamp) {
        let until = if self.failures == 0 { now } else { self.try_time + QUIET };
        self.expire_time = Some(until);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Counted, Limits, Refused, Scope, Tallies},
        *,
    };

    const LIMITS: Limits =
        Limits { delay_max: Duration::from_mins(30), failures_per_hour: 1_000_000 };
    const START: Timestamp = time::macros::datetime!(2026-11-01 12:00 UTC);

    /// A try from a network that nobody has tried in.
    fn attempt(recent: &mut Tally, now: Timestamp) -> Result<(Tallies, Counted), Refused> {
        let fresh = Tally::fresh(now);
        let kept = if recent.expire_time.is_some_and(|end| end <= now) { fresh } else { *recent };
        let account = [fresh; 2];
        let mut tallies = Tallies { here: fresh, account, network: fresh, recent: Some(kept) };
        let counted = tallies.count(now, &LIMITS, false)?;
        *recent = tallies.recent.unwrap();
        Ok((tallies, counted))
    }

    #[test]
    fn authn_07_no_quarter_of_an_hour_has_more_than_ten_failures_of_a_second_factor() {
        for pause in [1, 60, 89, 91, 200, 899, 900, 901].map(Duration::from_secs) {
            let (mut recent, mut now, mut judged) = (Tally::fresh(START), START, Vec::new());
            for _ in 0..1000 {
                if attempt(&mut recent, now).is_ok() {
                    judged.push(now);
                }
                now += pause;
            }
            assert!(judged.len() > 10, "{pause:?}");
            let most = judged.windows(11).map(|eleven| eleven[10] - eleven[0]).min().unwrap();
            assert!(most >= QUIET, "{pause:?}: eleven in {most}");
        }
    }

    #[test]
    fn authn_07_a_right_code_gives_nobody_more_tries() {
        let mut recent = Tally::fresh(START);
        for _ in 0..9 {
            attempt(&mut recent, START).unwrap();
        }
        for _ in 0..100 {
            let (mut tallies, counted) = attempt(&mut recent, START).unwrap();
            tallies.forgive(START, counted);
            recent = tallies.recent.unwrap();
        }
        attempt(&mut recent, START).unwrap();
        let refused = attempt(&mut recent, START).unwrap_err();
        assert_eq!((refused.scope, refused.retry_after), (Scope::SecondFactor, QUIET));
    }
}
