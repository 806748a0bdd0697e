//! Cells of one budget that a replica has leased from Redis, to be spent without asking again.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::Grant;

/// The part of a quota that a replica may hold and not spend. Cells that one holds are missing to the others, and
/// come on top of what Redis grants meanwhile: with two replicas, the sum is off by twice this at most.
const SHARE: u32 = 100;

/// Leases that were used up faster than this grow, so that whoever calls often seldom waits for Redis.
const QUICK: Duration = Duration::from_secs(5);

/// Leases that took longer than this to be used up shrink, so that cells do not lie idle.
const SLOW: Duration = Duration::from_secs(10);

/// How long a lease lies idle before its cells are given up. They are not given back: nobody who calls that seldom will
/// miss them.
const IDLE: Duration = Duration::from_secs(10);

/// What a replica knows of a budget.
#[derive(Debug)]
pub struct Lease {
    /// Cells that may be spent.
    left: u32,
    /// How many are to be held.
    batch: u32,
    /// How many callers wait for what is on its way.
    waiting: u32,
    /// How many of those who waited last came away empty: they ask again at once, and together.
    unserved: u32,
    /// Whether cells are on their way.
    fetching: bool,
    /// Until when Redis has none.
    empty_until: Duration,
    /// When the budget in Redis is whole again, if nobody else spends it.
    whole_at: Duration,
    asked_at: Duration,
    used_at: Duration,
    arrived: Arc<Notify>,
}

/// What comes of asking for a cell.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// The call may go on.
    Cell,
    /// The budget is used up for so long.
    Refused(Duration),
    /// Redis has to be asked.
    Empty,
}

impl Lease {
    /// A lease of nothing yet.
    pub fn new(now: Duration) -> Self {
        Self {
            left: 0,
            batch: 1,
            waiting: 0,
            unserved: 0,
            fetching: false,
            empty_until: now,
            whole_at: now,
            asked_at: now,
            used_at: now,
            arrived: Arc::default(),
        }
    }

    /// Spends a cell.
    pub fn take(&mut self, now: Duration) -> Taken {
        self.used_at = now;
        if self.left > 0 {
            self.left -= 1;
            return Taken::Cell;
        }
        match self.empty_until.checked_sub(now) {
            Some(wait) if !wait.is_zero() => Taken::Refused(wait),
            _ => Taken::Empty,
        }
    }

    /// Whether it is time to ask for more, before somebody has to wait. Who calls seldom can wait.
    pub fn is_low(&self, now: Duration) -> bool {
        self.batch > 1 && self.left <= self.batch / 4 && self.empty_until <= now
    }

    /// How many cells to ask Redis for now; none when some are on their way.
    pub fn ask(&mut self, now: Duration, quota: u32) -> Option<u32> {
        if self.fetching {
            return None;
        }
        self.fetching = true;
        let share = (quota / SHARE).max(1);
        let lasted = now.saturating_sub(self.asked_at);
        if self.asked_at < self.whole_at && lasted < QUICK {
            self.batch = self.batch.saturating_mul(2).min(share);
        } else if lasted > SLOW {
            self.batch = (self.batch / 2).max(1);
        }
        self.asked_at = now;
        self.waiting = 0;
        Some(self.batch.saturating_sub(self.left).max(self.unserved.min(share)).max(1))
    }

    /// Waits for what is on its way.
    pub fn wait(&mut self) -> Arc<Notify> {
        self.waiting = self.waiting.saturating_add(1);
        Arc::clone(&self.arrived)
    }

    /// Takes what Redis answered; nothing when it did not.
    pub fn arrive(&mut self, now: Duration, grant: Option<Grant>) {
        self.fetching = false;
        if let Some(grant) = grant {
            self.left = self.left.saturating_add(grant.cells);
            self.whole_at = now + grant.whole_after;
            self.empty_until = now + grant.retry_after.unwrap_or_default();
            self.unserved = self.waiting.saturating_sub(grant.cells);
        }
        self.arrived.notify_waiters();
    }

    /// How many calls could be made at once now, as far as is known here.
    pub fn remaining(&self, now: Duration, quota: u32, window: Duration) -> u32 {
        let spent = self.whole_at.saturating_sub(now);
        let free = window.saturating_sub(spent).as_nanos() * u128::from(quota) / window.as_nanos();
        u32::try_from(free).unwrap_or(u32::MAX).saturating_add(self.left).min(quota)
    }

    /// Whether there is anything in it that is worth keeping.
    pub fn is_alive(&self, now: Duration) -> bool {
        self.fetching || self.empty_until > now || now.saturating_sub(self.used_at) < IDLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(1);

    fn grant(cells: u32, left: u32) -> Grant {
        let whole_after = WINDOW / 1000 * (1000 - left);
        let retry_after = (left == 0).then_some(Duration::from_millis(60));
        Grant { cells, left, whole_after, retry_after }
    }

    /// Calls so many times, this far apart, with a Redis that grants everything; how often it was asked.
    fn call(lease: &mut Lease, now: &mut Duration, times: u32, apart: Duration) -> u32 {
        let mut asked = 0;
        for _ in 0..times {
            *now += apart;
            let taken = lease.take(*now);
            if taken == Taken::Empty || lease.is_low(*now) {
                asked += 1;
                let cells = lease.ask(*now, 1000).unwrap();
                lease.arrive(*now, Some(grant(cells, 500)));
            }
            if taken == Taken::Empty {
                assert_eq!(lease.take(*now), Taken::Cell);
            }
            assert!(lease.left <= 10);
        }
        asked
    }

    #[test]
    fn whoever_calls_often_asks_seldom() {
        let mut now = Duration::ZERO;
        let mut lease = Lease::new(now);
        assert!(call(&mut lease, &mut now, 1000, Duration::from_millis(10)) <= 130);
    }

    #[test]
    fn whoever_calls_seldom_holds_no_cells() {
        let mut now = Duration::ZERO;
        let mut lease = Lease::new(now);
        call(&mut lease, &mut now, 100, Duration::from_millis(10));
        call(&mut lease, &mut now, 40, Duration::from_secs(30));
        assert_eq!((lease.left, lease.batch), (0, 1));
    }

    #[test]
    fn a_small_budget_is_never_held() {
        let mut lease = Lease::new(Duration::ZERO);
        for _ in 0..10 {
            assert_eq!(lease.ask(Duration::ZERO, 20), Some(1));
            lease.arrive(Duration::ZERO, Some(grant(1, 5)));
            assert_eq!(lease.take(Duration::ZERO), Taken::Cell);
            assert!(!lease.is_low(Duration::ZERO));
        }
    }

    #[test]
    fn an_empty_budget_is_not_asked_again_before_it_can_have_more() {
        let mut lease = Lease::new(Duration::ZERO);
        lease.ask(Duration::ZERO, 1000);
        lease.arrive(Duration::ZERO, Some(grant(0, 0)));
        assert_eq!(lease.take(Duration::ZERO), Taken::Refused(Duration::from_millis(60)));
        assert_eq!(lease.remaining(Duration::ZERO, 1000, WINDOW), 0);
        assert_eq!(lease.take(Duration::from_millis(59)), Taken::Refused(Duration::from_millis(1)));
        assert_eq!(lease.take(Duration::from_millis(60)), Taken::Empty);
    }

    #[test]
    fn callers_who_come_together_are_served_together() {
        let mut lease = Lease::new(Duration::ZERO);
        assert_eq!(lease.ask(Duration::ZERO, 1000), Some(1));
        for _ in 0..8 {
            assert_eq!(lease.ask(Duration::ZERO, 1000), None);
            lease.wait();
        }
        lease.arrive(Duration::ZERO, Some(grant(1, 900)));
        assert_eq!(lease.take(Duration::ZERO), Taken::Cell);
        assert_eq!(lease.ask(Duration::ZERO, 1000), Some(7));
    }

    #[test]
    fn what_remains_comes_back_with_time() {
        let mut lease = Lease::new(Duration::ZERO);
        lease.arrive(Duration::ZERO, Some(grant(10, 500)));
        let remaining =
            |lease: &Lease, seconds| lease.remaining(Duration::from_secs(seconds), 1000, WINDOW);
        assert_eq!([0, 6, 60].map(|seconds| remaining(&lease, seconds)), [510, 610, 1000]);
    }

    #[test]
    fn an_idle_lease_is_given_up_and_a_refusal_is_not() {
        let mut lease = Lease::new(Duration::ZERO);
        assert!(lease.is_alive(Duration::from_secs(9)));
        assert!(!lease.is_alive(IDLE));
        lease.ask(Duration::ZERO, 1);
        assert!(lease.is_alive(IDLE));
        let refused = Grant { retry_after: Some(WINDOW), ..grant(0, 0) };
        lease.arrive(Duration::ZERO, Some(refused));
        assert!(lease.is_alive(Duration::from_secs(59)));
        assert!(!lease.is_alive(WINDOW));
    }
}
