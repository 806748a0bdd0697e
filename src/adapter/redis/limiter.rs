//! Budgets that replicas share: counted in Redis, from which each replica leases cells in batches, so that a call whose
//! budget is known here asks nobody. While Redis is down, each replica counts by itself.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use dashmap::DashMap;
use tokio::{sync::futures::OwnedNotified, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Redis,
    lease::{Lease, Taken},
};
use crate::{
    domain::Result,
    port::{
        clock::Clock,
        limiter::{Backend, Budget, Decision, Limiter, Quotas, WINDOW},
    },
};

/// How many budgets a replica leases at once; the calls of more callers than that are counted here alone.
const LEASES_MAX: usize = 100_000;

/// How many budgets are asked for in one round trip: each takes Redis about ten microseconds.
const BATCH: usize = 100;

/// How many round trips are on their way at once. While they are, those who ask gather for the next one.
const CARRIERS_MAX: u32 = 4;

/// How often leases that nobody uses are given up.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Budgets of all replicas.
#[derive(Clone)]
pub struct Leased(Arc<Inner>);

struct Inner {
    redis: Arc<Redis>,
    clock: Arc<dyn Clock>,
    /// Counts while Redis is down.
    local: Arc<dyn Limiter>,
    quotas: Quotas,
    leases: DashMap<Budget, Lease>,
    queue: Mutex<Queue>,
    carriers: TaskTracker,
}

/// Who is to be asked for at the next round trip: no budget twice.
#[derive(Default)]
struct Queue {
    asked: VecDeque<(Budget, u32)>,
    carriers: u32,
}

/// What is to be done for a call.
enum Step {
    Decided(Decision),
    /// Cells are on their way.
    Wait(OwnedNotified),
    /// Redis is of no use.
    Alone,
}

impl Leased {
    /// Budgets of so many calls a minute; `local` counts while Redis is down.
    #[must_use]
    pub fn new(
        redis: Arc<Redis>,
        local: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
        quotas: Quotas,
    ) -> Self {
        Self(Arc::new(Inner {
            redis,
            clock,
            local,
            quotas,
            leases: DashMap::new(),
            queue: Mutex::default(),
            carriers: TaskTracker::new(),
        }))
    }

    /// Gives up leases that nobody uses, until `stop`.
    pub async fn sweep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(time::sleep(SWEEP_EVERY)).await.is_some() {
            let now = self.0.clock.monotonic();
            self.0.leases.retain(|_, lease| lease.is_alive(now));
            self.0.leases.shrink_to_fit();
        }
        self.0.carriers.close();
        self.0.carriers.wait().await;
    }

    fn step(&self, budget: Budget) -> Step {
        let (quota, now) = (self.0.quotas.of(budget).get(), self.0.clock.monotonic());
        let Some(mut lease) = self.0.leases.get_mut(&budget) else {
            return self.begin(budget, quota, now);
        };
        let decided = |lease: &Lease, retry_after| {
            let remaining = lease.remaining(now, quota, WINDOW);
            Step::Decided(Decision::new(quota, remaining, retry_after, Backend::Redis))
        };
        match lease.take(now) {
            Taken::Cell => {
                if lease.is_low(now) && !self.0.redis.is_down() {
                    self.fetch(budget, &mut lease, quota, now);
                }
                decided(&lease, None)
            }
            Taken::Refused(wait) => decided(&lease, Some(wait)),
            Taken::Empty if self.0.redis.is_down() => Step::Alone,
            Taken::Empty => {
                self.fetch(budget, &mut lease, quota, now);
                Step::Wait(lease.wait().notified_owned())
            }
        }
    }

    /// The first call of a budget for some time.
    fn begin(&self, budget: Budget, quota: u32, now: Duration) -> Step {
        if self.0.redis.is_down() || self.0.leases.len() >= LEASES_MAX {
            return Step::Alone;
        }
        let mut lease = self.0.leases.entry(budget).or_insert_with(|| Lease::new(now));
        self.fetch(budget, &mut lease, quota, now);
        Step::Wait(lease.wait().notified_owned())
    }

    /// Asks Redis for cells, unless that was done already.
    fn fetch(&self, budget: Budget, lease: &mut Lease, quota: u32, now: Duration) {
        let Some(cells) = lease.ask(now, quota) else { return };
        if self.0.enqueue(budget, cells) {
            // A caller who goes away must not take along what others wait for.
            self.0.carriers.spawn(Arc::clone(&self.0).carry());
        }
    }
}

#[async_trait]
impl Limiter for Leased {
    async fn count(&self, budget: Budget) -> Result<Decision> {
        let budget = budget.by_network();
        loop {
            match self.step(budget) {
                Step::Decided(decision) => return Ok(decision),
                Step::Wait(arrived) => arrived.await,
                Step::Alone => {
                    let decision = self.0.local.count(budget).await?;
                    return Ok(Decision { backend: Backend::Fallback, ..decision });
                }
            }
        }
    }
}

impl Inner {
    /// Has a budget asked for; whether that needs another carrier.
    fn enqueue(&self, budget: Budget, cells: u32) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.asked.push_back((budget, cells));
        let is_wanted = queue.carriers < CARRIERS_MAX;
        queue.carriers += u32::from(is_wanted);
        is_wanted
    }

    /// What to ask for next; none when it is time to go.
    fn dequeue(&self) -> Option<Vec<(Budget, u32)>> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = queue.asked.len().min(BATCH);
        if batch == 0 {
            queue.carriers -= 1;
            return None;
        }
        Some(queue.asked.drain(..batch).collect())
    }

    /// Asks Redis for all that is wanted.
    async fn carry(self: Arc<Self>) {
        while let Some(wanted) = self.dequeue() {
            let ask = |(budget, cells): &(Budget, u32)| {
                self.redis.ask(&key(*budget), *cells, self.quotas.of(*budget).get(), WINDOW)
            };
            let asked: Vec<_> = wanted.iter().map(ask).collect();
            let grants = self.redis.take(&asked).await;
            let now = self.clock.monotonic();
            for (number, (budget, _)) in wanted.iter().enumerate() {
                let grant = grants.as_ref().and_then(|grants| grants.get(number));
                if let Some(mut lease) = self.leases.get_mut(budget) {
                    lease.arrive(now, grant.copied());
                }
            }
        }
    }
}

/// The name of a budget in Redis: made of a parsed id or address, never of what a client wrote.
fn key(budget: Budget) -> String {
    let scope = budget.scope();
    match budget {
        Budget::User(id) | Budget::Validation(id) => format!("{scope}:{id}"),
        Budget::ApiKey(id) => format!("{scope}:{id}"),
        Budget::Address(ip) | Budget::SignIn(ip) => format!("{scope}:{ip}"),
    }
}
