//! Replicas of a server, as far as Redis is concerned.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use veza::{
    adapter::{
        memory::{limiter::Gcra, presence::Local},
        redis::{Options, Redis, limiter::Leased, presence::Shared},
        system::SystemClock,
    },
    port::{
        limiter::{Budget, Decision, Limiter, Quotas},
        presence::Presence,
    },
};

/// How long something may take that happens by itself. Only what never happens uses it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A replica. Its work ends when it goes out of scope.
pub struct Replica {
    pub limiter: Leased,
    pub presence: Shared,
    /// Shows whether Redis answers.
    pub up: Gauge,
    _work: JoinSet<()>,
}

/// A Redis at this URL, of which nobody is sooner disappointed than a busy machine takes to answer.
pub fn options(url: &str) -> Options {
    Options {
        url: url.to_owned().into(),
        prefix: "test".into(),
        connections_max: 8,
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
    }
}

impl Replica {
    /// A replica on which so many calls a minute may be made, and sign-ins.
    pub async fn start(options: &Options, per_minute: u32, sign_in_per_minute: u32) -> Self {
        let [general, sign_in] =
            [per_minute, sign_in_per_minute].map(|number| NonZeroU32::new(number).unwrap());
        let quotas = Quotas { general, sign_in, validation: general };
        let clock = Arc::new(SystemClock::default());
        let up = Gauge::default();
        let redis = Redis::connect(options, up.clone()).await.unwrap();
        let local = Arc::new(Gcra::new(Arc::clone(&clock) as _, quotas));
        let presence = Shared::new(Arc::clone(&redis), Local::new(Arc::clone(&clock) as _));
        let limiter = Leased::new(Arc::clone(&redis), local, clock, quotas);
        let mut work = JoinSet::new();
        work.spawn(redis.watch(CancellationToken::new()));
        work.spawn(limiter.clone().sweep(CancellationToken::new()));
        Self { limiter, presence, up, _work: work }
    }

    /// Counts a call, which has to be decided in time whatever Redis does.
    pub async fn count(&self, budget: Budget) -> Decision {
        time::timeout(PATIENCE, self.limiter.count(budget)).await.expect("a decision").unwrap()
    }

    /// Whether a call may go on.
    pub async fn allows(&self, budget: Budget) -> bool {
        self.count(budget).await.retry_after.is_none()
    }

    /// Notes users, and counts how many were active in the last minute, hour and day.
    pub async fn note(&self, users: std::ops::Range<u128>) -> [u64; 3] {
        users.for_each(|number| self.presence.note(Uuid::from_u128(number).into()));
        let active = self.presence.count().await;
        [active.minute, active.hour, active.day]
    }

    /// Waits until Redis counts as up, or as down.
    pub async fn wait_until_up(&self, up: bool) {
        let changed = async {
            while (self.up.get() == 1) != up {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        time::timeout(PATIENCE, changed).await.unwrap_or_else(|_| panic!("Redis never is {up}"));
    }
}

/// The budget of a user.
pub fn user(number: u128) -> Budget {
    Budget::User(Uuid::from_u128(number).into())
}
