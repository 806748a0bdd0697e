//! Tries to guess the password of an account, or its second factor: how they are counted, and how long the next one has to wait.
//!
//! Whoever has signed in from a network, an IPv4 address or a /64 of IPv6, is known there and has tries of their own: what
//! strangers use up elsewhere does not keep them out.

mod recent;
mod tally;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;
pub use tally::Tally;
use tally::between;

/// How many tries at an account may fail in one network before the next one has to wait. The same whether somebody is known
/// there or not, or one could find out who signs in from the network that one shares with them.
const HERE_FREE: i64 = 5;

/// How many tries at an account may fail, wherever they come from, before the next one of a stranger has to wait.
const STRANGERS_FREE: i64 = 10;

/// How many tries at an account fail in a row before no more of strangers are judged.
const STRANGERS_MAX: i64 = 80;

/// How many tries at an account of those who are known there fail in a row before they have only those of strangers. Together
/// they are the 100 of NIST SP 800-63B.
const KNOWN_MAX: i64 = 20;

/// How long no stranger may have tried for whoever signs in to clear them of suspicion. When no more of their tries are judged
/// they are told to come back after as long.
const REST: Duration = DAY;

/// How long failures in one network are remembered.
const HERE_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long failures at an account are remembered.
const ACCOUNT_KEPT: Duration = Duration::from_hours(365 * 24);

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What an operator sets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long the next try waits at most for those that failed at the account.
    pub delay_max: Duration,
    /// How many tries of one network may fail in an hour, whatever the accounts.
    pub failures_per_hour: u32,
}

/// What is remembered of the tries at one account, as far as it matters to a try from one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tallies {
    /// At this account from this network.
    pub here: Tally,
    /// At this account from networks in which somebody is known, and from all others.
    pub account: [Tally; 2],
    /// From this network at any account.
    pub network: Tally,
    /// At the second factor of this account of late; none where it is not about one.
    pub recent: Option<Tally>,
}

/// Who tries, and a place in what is kept for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Side {
    Known = 0,
    Strange = 1,
}

/// A try that was counted, and may be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    side: Side,
    /// Whether the tries before it on the same side were long ago.
    was_at_rest: bool,
}

/// Which count refused a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// That of the account in this network.
    Here,
    /// That of the account.
    Account,
    /// That of the network.
    Network,
    /// That of the second factor of the account.
    SecondFactor,
}

impl Scope {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Here => "account_and_address",
            Self::Account => "account",
            Self::Network => "address",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// A try that is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// By which count.
    pub scope: Scope,
    /// When the next one has a chance.
    pub retry_after: Duration,
}

impl Tallies {
    /// Counts a try before it is judged, so that of many at once none is judged that was not counted. Whoever is signed in to
    /// this account is known, wherever they are.
    ///
    /// # Errors
    /// [`Refused`] by whichever count has the longest wait.
    pub fn count(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        is_signed_in: bool,
    ) -> Result<Counted, Refused> {
        self.leak(now, limits);
        let is_known = is_signed_in || now < self.here.known_until;
        // When those who are known have used up their tries, they have those of strangers.
        let has_tries = self.account[0].failures < KNOWN_MAX;
        let side = if is_known && has_tries { Side::Known } else { Side::Strange };
        let of_late = self.recent.map_or(Duration::ZERO, |recent| recent.wait_for_quiet(now));
        let waits = [
            (Scope::SecondFactor, of_late),
            (Scope::Network, self.wait_of_network(now, limits)),
            (Scope::Account, self.wait_of_account(now, limits, side)),
            (Scope::Here, self.here.wait(now, HERE_FREE, limits.delay_max)),
        ];
        if let Some((scope, retry_after)) = waits.into_iter().max_by_key(|(_, wait)| *wait)
            && !retry_after.is_zero()
        {
            return Err(Refused { scope, retry_after });
        }
        let account = &mut self.account[side as usize];
        let was_at_rest = account.is_at_rest(now);
        account.count(now);
        self.here.count(now);
        self.network.failures += 1;
        if let Some(recent) = &mut self.recent {
            recent.count(now);
        }
        self.settle(now);
        Ok(Counted { side, was_at_rest })
    }

    /// A try was right: what failed here before was the same person's, who is known here from now on. What failed of late at a
    /// second factor still counts: signing in must not give others more tries.
    pub fn forgive(&mut self, now: Timestamp, counted: Counted) {
        let own = std::mem::replace(&mut self.here, Tally::known(now)).failures;
        let account = &mut self.account[counted.side as usize];
        account.take_back(if counted.was_at_rest { account.failures } else { own });
        let strangers = &mut self.account[Side::Strange as usize];
        if counted.side == Side::Known && strangers.is_at_rest(now) {
            strangers.failures = 0;
        }
        self.network.take_back(1);
        self.take_back_recent();
        self.settle(now);
    }

    /// A try was counted and could not be judged.
    pub fn take_back(&mut self, now: Timestamp, counted: Counted) {
        self.here.take_back(1);
        self.account[counted.side as usize].take_back(1);
        self.network.take_back(1);
        self.take_back_recent();
        self.settle(now);
    }

    fn take_back_recent(&mut self) {
        if let Some(recent) = &mut self.recent {
            recent.take_back(1);
        }
    }

    /// Strangers wait for the failures of those who are known, too: where nobody is known, all are strangers, and who waits
    /// differently would tell which accounts there are.
    fn wait_of_account(&self, now: Timestamp, limits: &Limits, side: Side) -> Duration {
        let [known, strange] = self.account;
        let all = Tally {
            failures: known.failures + strange.failures,
            try_time: known.try_time.max(strange.try_time),
            ..strange
        };
        match side {
            Side::Known => Duration::ZERO,
            Side::Strange if all.failures >= STRANGERS_MAX => REST,
            Side::Strange => all.wait(now, STRANGERS_FREE, limits.delay_max),
        }
    }

    fn wait_of_network(&self, now: Timestamp, limits: &Limits) -> Duration {
        if self.network.failures < i64::from(limits.failures_per_hour) {
            return Duration::ZERO;
        }
        between(now, self.network.try_time + leak_every(limits))
    }

    /// Failures of a network are forgotten one after the other.
    fn leak(&mut self, now: Timestamp, limits: &Limits) {
        let (network, every) = (&mut self.network, leak_every(limits));
        let due = between(network.try_time, now).as_nanos() / every.as_nanos();
        match u32::try_from(due) {
            Ok(due) if i64::from(due) < network.failures => {
                network.failures -= i64::from(due);
                network.try_time += every * due;
            }
            _ => (network.failures, network.try_time) = (0, now),
        }
    }

    /// Says what may be forgotten when.
    fn settle(&mut self, now: Timestamp) {
        let kept = |tally: &Tally, time: Duration| {
            if tally.failures == 0 { now } else { tally.try_time + time }
        };
        self.here.expire_time = Some(kept(&self.here, HERE_KEPT).max(self.here.known_until));
        // A row at its end is kept until somebody sees to it.
        let is_open = self.account[0].failures + self.account[1].failures < STRANGERS_MAX;
        for tally in &mut self.account {
            tally.expire_time = is_open.then(|| kept(tally, ACCOUNT_KEPT));
        }
        // All of an hour's failures are forgotten in an hour.
        self.network.expire_time = Some(kept(&self.network, HOUR));
        if let Some(recent) = &mut self.recent {
            recent.settle_after_quiet(now);
        }
    }
}

/// How often one failure of a network is forgotten.
fn leak_every(limits: &Limits) -> Duration {
    HOUR / limits.failures_per_hour.max(1)
}

#[cfg(test)]
mod tests {
    use super::{tally::DELAY_MIN, *};

    const LIMITS: Limits =
        Limits { delay_max: Duration::from_mins(30), failures_per_hour: 1_000_000 };
    const START: Timestamp = time::macros::datetime!(2026-11-01 12:00 UTC);

    /// An account and the networks that try at it.
    struct Guessed {
        now: Timestamp,
        networks: Vec<(Tally, Tally)>,
        account: [Tally; 2],
    }

    impl Guessed {
        /// Somebody is known in the first `known` of the networks.
        fn new(networks: usize, known: usize) -> Self {
            let fresh = Tally::fresh(START);
            let here = |place| if place < known { Tally::known(START) } else { fresh };
            let networks = (0..networks).map(|place| (here(place), fresh)).collect();
            Self { now: START, networks, account: [fresh; 2] }
        }

        fn with<T>(&mut self, place: usize, act: impl FnOnce(&mut Tallies) -> T) -> T {
            let (here, network) = self.networks[place];
            // As a store does.
            let kept = |tally: Tally| match tally.expire_time {
                Some(expire) if expire <= self.now => Tally::fresh(self.now),
                _ => tally,
            };
            let account = self.account.map(kept);
            let (here, network) = (kept(here), kept(network));
            let mut tallies = Tallies { here, account, network, recent: None };
            let done = act(&mut tallies);
            self.networks[place] = (tallies.here, tallies.network);
            self.account = tallies.account;
            done
        }

        fn fail(&mut self, place: usize, limits: &Limits) -> Result<Counted, Refused> {
            let now = self.now;
            self.with(place, |tallies| tallies.count(now, limits, false))
        }

        fn succeed(&mut self, place: usize) {
            let counted = self.fail(place, &LIMITS).unwrap();
            let now = self.now;
            self.with(place, |tallies| tallies.forgive(now, counted));
        }
    }

    #[test]
    fn authn_04_no_account_has_more_than_a_hundred_failures_in_a_row_in_years() {
        for (networks, known) in [(1, 0), (1, 1), (7, 2), (50, 0), (50, 20)] {
            let mut account = Guessed::new(networks, known);
            let mut judged = 0;
            // Every half hour from everywhere, for two months, and then once a week for six years.
            for step in 0..3200 {
                let places = 0..networks;
                judged += places.filter(|place| account.fail(*place, &LIMITS).is_ok()).count();
                account.now += if step < 2900 { LIMITS.delay_max } else { DAY * 7 };
            }
            assert!((80..=100).contains(&judged), "{judged} in {networks}, {known} known");
        }
    }

    #[test]
    fn authn_04_whoever_signs_in_forgives_their_own_network_and_no_other() {
        let mut account = Guessed::new(3, 0);
        for place in [0, 1, 0, 1, 0, 1, 0, 1] {
            account.fail(place, &LIMITS).unwrap();
        }
        account.succeed(0);
        assert_eq!(account.account[1].failures, 4);
        assert_eq!([0, 1].map(|place| account.networks[place].0.failures), [0, 4]);
        account.now += REST;
        account.succeed(0);
        assert_eq!(account.account[1].failures, 0);
    }

    #[test]
    fn authn_04_a_try_that_could_not_be_judged_does_not_count() {
        let mut account = Guessed::new(1, 0);
        for _ in 0..1000 {
            let counted = account.fail(0, &LIMITS).unwrap();
            account.with(0, |tallies| tallies.take_back(START, counted));
        }
        let (here, network) = account.networks[0];
        assert_eq!([here, network, account.account[1]].map(|one| one.failures), [0; 3]);
    }

    #[test]
    fn authn_04_an_address_forgets_its_failures_one_by_one_whatever_else_happens() {
        let limits = Limits { failures_per_hour: 60, ..LIMITS };
        let mut account = Guessed::new(1, 0);
        let spray = |account: &mut Guessed| {
            // Another account each time.
            account.networks[0].0 = Tally::fresh(account.now);
            account.account = [Tally::fresh(account.now); 2];
            account.fail(0, &limits)
        };
        for _ in 0..60 {
            spray(&mut account).unwrap();
        }
        for _ in 0..100 {
            let refused = spray(&mut account).unwrap_err();
            assert_eq!((refused.scope, refused.retry_after), (Scope::Network, DELAY_MIN * 60));
            account.now += refused.retry_after;
            spray(&mut account).unwrap();
        }
        // Half of them are forgotten in half an hour, also when tries come in between that are right.
        for _ in 0..60 {
            account.now += Duration::from_secs(30);
            if let Ok(counted) = spray(&mut account) {
                let now = account.now;
                account.with(0, |tallies| tallies.forgive(now, counted));
            }
        }
        assert_eq!(account.networks[0].1.failures, 30);
    }
}
