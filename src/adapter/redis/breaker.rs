//! A circuit breaker: whether a dependency is worth waiting for. It is closed while the dependency answers, opens at the
//! first failure, and stays open until the one who probes has closed it.
//!
//! Libraries for this (recloser, failsafe, reliakit-circuit) decide by rates of failures, and let callers through to find
//! out whether the dependency is back. Here no caller may wait for a dependency that is down, and whoever holds something
//! of before must see that it is of before: a state of one number does both.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use crate::port::backoff::Backoff;

/// How long an open breaker waits before it is probed.
const PAUSE: Backoff =
    Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };

/// Whether a dependency answers.
pub struct Breaker {
    /// How often it has changed: even while it is closed, odd while it is open.
    changes: AtomicU64,
    /// How many probes have failed since it opened.
    failed: AtomicU32,
}

/// The right to ask a dependency, given while the breaker is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass(u64);

impl Breaker {
    /// A breaker of a dependency that has not answered yet.
    pub fn open() -> Self {
        Self { changes: AtomicU64::new(1), failed: AtomicU32::new(0) }
    }

    /// Whether the dependency must not be asked.
    pub fn is_open(&self) -> bool {
        self.pass().is_none()
    }

    /// The right to ask the dependency; none while it is down.
    pub fn pass(&self) -> Option<Pass> {
        let changes = self.changes();
        changes.is_multiple_of(2).then_some(Pass(changes))
    }

    /// Notes that the dependency failed whoever had this pass; whether that opened the breaker. A failure of before the
    /// breaker was closed again says nothing of the dependency that answers now.
    pub fn fail(&self, pass: Pass) -> bool {
        self.failed.store(0, Ordering::Relaxed);
        self.change(pass.0)
    }

    /// Notes that a probe was answered; whether that closed the breaker.
    pub fn close(&self) -> bool {
        let changes = self.changes();
        !changes.is_multiple_of(2) && self.change(changes)
    }

    /// Notes that a probe was not answered.
    pub fn stay_open(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait before the next probe.
    pub fn pause(&self) -> Duration {
        PAUSE.pause(self.failed.load(Ordering::Relaxed))
    }

    /// How often it has changed so far.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn change(&self, from: u64) -> bool {
        let changed =
            self.changes.compare_exchange(from, from + 1, Ordering::AcqRel, Ordering::Acquire);
        changed.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> (Breaker, Pass) {
        let breaker = Breaker::open();
        assert!(breaker.close());
        let pass = breaker.pass().unwrap();
        (breaker, pass)
    }

    #[test]
    fn the_first_failure_opens_it_and_a_probe_closes_it() {
        let (breaker, pass) = closed();
        assert!(!breaker.is_open());
        assert!(breaker.fail(pass));
        assert!(breaker.is_open());
        breaker.stay_open();
        assert!(breaker.is_open());
        assert!(breaker.close());
        assert!(!breaker.is_open());
    }

    #[test]
    fn each_change_is_told_once() {
        let (breaker, pass) = closed();
        assert!(!breaker.close());
        assert_eq!([breaker.fail(pass), breaker.fail(pass)], [true, false]);
        assert_eq!([breaker.close(), breaker.close()], [true, false]);
    }

    #[test]
    fn a_failure_of_before_does_not_open_it_again() {
        let (breaker, before) = closed();
        breaker.fail(before);
        breaker.close();
        assert!(!breaker.fail(before));
        assert!(!breaker.is_open());
    }

    #[test]
    fn probes_become_rare_while_it_stays_open_and_frequent_again() {
        let breaker = Breaker::open();
        (0..100).for_each(|_| breaker.stay_open());
        assert!(breaker.pause() >= PAUSE.longest / 2);
        assert!(breaker.close());
        assert!(breaker.fail(breaker.pass().unwrap()));
        assert!(breaker.pause() <= PAUSE.first);
    }
}
