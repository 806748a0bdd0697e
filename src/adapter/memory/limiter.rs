//! Budgets in memory, by the generic cell rate algorithm (GCRA): a full budget may be spent at once and comes back
//! evenly.

use std::{
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
        limiter::{Backend, Budget, Decision, Limiter, Quotas},
    },
};

/// How often, in calls, budgets that are whole again are forgotten.
const SWEEP_EVERY: u32 = 1 << 16;

type Budgets = RateLimiter<Budget, DashMapStateStore<Budget>, Time, StateInformationMiddleware>;

/// Budgets of this process.
pub struct Gcra {
    clock: Arc<dyn Clock>,
    quotas: Quotas,
    /// Those of each kind apart, because the library has one quota for all of a set.
    general: Budgets,
    sign_in: Budgets,
    validation: Budgets,
    counted: AtomicU32,
}

impl Gcra {
    /// Budgets of so many calls a minute.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, quotas: Quotas) -> Self {
        let budgets = |per_minute| {
            let (quota, time) = (Quota::per_minute(per_minute), Time(Arc::clone(&clock)));
            RateLimiter::new(quota, DashMapStateStore::default(), time)
        };
        let [general, sign_in, validation] =
            [quotas.general, quotas.sign_in, quotas.validation].map(budgets);
        Self { clock, quotas, general, sign_in, validation, counted: AtomicU32::new(0) }
    }

    fn sweep(&self) {
        for budgets in [&self.general, &self.sign_in, &self.validation] {
            budgets.retain_recent();
            budgets.shrink_to_fit();
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
        let budgets = match budget {
            Budget::User(_) | Budget::ApiKey(_) | Budget::Address(_) => &self.general,
            Budget::SignIn(_) => &self.sign_in,
            Budget::Validation(_) => &self.validation,
        };
        let (remaining, retry_after) = match budgets.check_key(&budget) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(refused) => (0, Some(refused.wait_time_from(self.clock.monotonic()))),
        };
        let quota = self.quotas.of(budget).get();
        Ok(Decision::new(quota, remaining, retry_after, Backend::Memory))
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
    use std::{num::NonZeroU32, sync::Mutex};

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

    fn quotas(general: u32, sign_in: u32) -> Quotas {
        let [general, sign_in] = [general, sign_in].map(|n| NonZeroU32::new(n).unwrap());
        Quotas { general, sign_in, validation: general }
    }

    #[tokio::test]
    async fn api_07_the_call_after_the_last_is_refused_until_time_has_passed() {
        let hand = Arc::new(Hand::default());
        let limiter = Gcra::new(Arc::clone(&hand) as _, quotas(1000, 5));
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
        let limiter = Gcra::new(Arc::new(Hand::default()), quotas(1000, 1));
        let [one, other, else_where] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|ip| Budget::SignIn(ip.parse().unwrap()));
        assert_eq!(limiter.count(one).await.unwrap().retry_after, None);
        assert!(limiter.count(other).await.unwrap().retry_after.is_some());
        assert_eq!(limiter.count(else_where).await.unwrap().retry_after, None);
    }
}
