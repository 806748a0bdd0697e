//! Budgets in memory, by the generic cell rate algorithm (GCRA): a full budget may be spent at once and comes back
//! evenly.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use governor::{
    Quota, RateLimiter, clock, middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use crate::{
    domain::Result,
    port::{
        clock::Clock,
        limiter::{Backend, Budget, Decision, Limiter},
    },
};

/// How often, in calls, budgets that are whole again are forgotten.
const SWEEP_EVERY: u32 = 1 << 16;

type Budgets = RateLimiter<Budget, DashMapStateStore<Budget>, Time, StateInformationMiddleware>;

/// Budgets of this process.
pub struct Gcra {
    clock: Arc<dyn Clock>,
    general: Rate,
    sign_in: Rate,
    counted: AtomicU32,
}

struct Rate {
    per_minute: NonZeroU32,
    budgets: Budgets,
}

impl Gcra {
    /// Budgets of so many calls a minute.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        per_minute: NonZeroU32,
        sign_in_per_minute: NonZeroU32,
    ) -> Self {
        let rate = |per_minute| {
            let quota = Quota::per_minute(per_minute);
            let time = Time(Arc::clone(&clock));
            let budgets: Budgets = RateLimiter::new(quota, DashMapStateStore::default(), time);
            Rate { per_minute, budgets }
        };
        let (general, sign_in) = (rate(per_minute), rate(sign_in_per_minute));
        Self { clock, general, sign_in, counted: AtomicU32::new(0) }
    }

    fn sweep(&self) {
        for rate in [&self.general, &self.sign_in] {
            rate.budgets.retain_recent();
            rate.budgets.shrink_to_fit();
        }
    }
}

#[async_trait]
impl Limiter for Gcra {
    async fn count(&self, budget: Budget) -> Result<Decision> {
        if self.counted.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.sweep();
        }
        let budget = budget.by_network();
        let rate = match budget {
            Budget::User(_) | Budget::ApiKey(_) | Budget::Address(_) => &self.general,
            Budget::SignIn(_) => &self.sign_in,
        };
        let (remaining, retry_after) = match rate.budgets.check_key(&budget) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(refused) => (0, Some(refused.wait_time_from(self.clock.monotonic()))),
        };
        Ok(Decision::new(rate.per_minute.get(), remaining, retry_after, Backend::Memory))
    }
}

/// The clock port, as the algorithm asks for it.
#[derive(Clone)]
struct Time(Arc<dyn Clock>);

impl clock::Clock for Time {
    type Instant = Duration;
    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> crate::domain::Timestamp {
            crate::domain::Timestamp::UNIX_EPOCH
        }
        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn api_07_the_call_after_the_last_is_refused_until_time_has_passed() {
        let hand = Arc::new(Hand::default());
        let [many, few] = [1000, 5].map(|n| NonZeroU32::new(n).unwrap());
        let limiter = Gcra::new(Arc::clone(&hand) as _, many, few);
        let ann = Budget::User(uuid::Uuid::from_u128(1).into());
        for left in (0..1000).rev() {
            let decision = limiter.count(ann).await.unwrap();
            assert_eq!((decision.remaining, decision.retry_after), (left, None));
        }
        let refused = limiter.count(ann).await.unwrap();
        assert_eq!(refused.retry_after, Some(Duration::from_millis(60)));
        assert_eq!(refused.reset_after, Duration::from_mins(1));

        let bob = Budget::User(uuid::Uuid::from_u128(2).into());
        assert_eq!(limiter.count(bob).await.unwrap().retry_after, None);

        *hand.0.lock().unwrap() += Duration::from_millis(60);
        assert_eq!(limiter.count(ann).await.unwrap().retry_after, None);
        assert!(limiter.count(ann).await.unwrap().retry_after.is_some());
    }

    #[tokio::test]
    async fn addresses_of_one_ipv6_network_share_a_budget() {
        let [many, few] = [1000, 1].map(|n| NonZeroU32::new(n).unwrap());
        let limiter = Gcra::new(Arc::new(Hand::default()), many, few);
        let [one, other, else_where] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|ip| Budget::SignIn(ip.parse().unwrap()));
        assert_eq!(limiter.count(one).await.unwrap().retry_after, None);
        assert!(limiter.count(other).await.unwrap().retry_after.is_some());
        assert_eq!(limiter.count(else_where).await.unwrap().retry_after, None);
    }
}
