//! The relay: takes recorded events from the outbox to the bus, at least once and in the order of each resource.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use tokio::{
    sync::Notify,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::loss::Audit;
use crate::{
    domain::{Error, Result, Timestamp},
    port::{
        backoff::Backoff,
        bus::{self, Bus},
        clock::Clock,
        store::{OutboxRow, Published, Store},
    },
    telemetry::metrics::{Metrics, ResultLabel},
};

/// How long a batch is leased: whoever dies with one holds its events back for as long.
const LEASE: Duration = Duration::from_secs(10);

/// How long after the claim a last event may be begun: the bus answers within four seconds, and when the lease is over
/// none is under way.
const BEGIN_WITHIN: Duration = Duration::from_secs(5);

/// How many events are taken at once.
const BATCH: i64 = 500;

/// How many resources have an event under way at a time.
const UNDER_WAY_MAX: usize = 256;

/// How often the outbox is looked at without being woken: for events of another server whose relay died.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long an event waits that the bus did not take.
const RETRY: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(15) };

/// Wakes the relay, and says when it is far behind.
#[derive(Default)]
pub struct Bell {
    rung: Notify,
    is_full: AtomicBool,
}

impl Bell {
    /// Notes whether so much waits that no more may be recorded.
    pub fn set_full(&self, is_full: bool) {
        if self.is_full.swap(is_full, Ordering::Relaxed) != is_full {
            tracing::warn!(
                is_full,
                event = "outbox_full",
                "changes that record events are refused while OUTBOX_PENDING_MAX of them wait"
            );
        }
    }
}

impl bus::Relay for Bell {
    fn wake(&self) {
        self.rung.notify_one();
    }

    fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }
}

/// Carries events from the outbox to the bus.
pub struct Relay {
    /// Where events are recorded.
    pub store: Arc<dyn Store>,
    /// Where they go.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What wakes it.
    pub bell: Arc<Bell>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// Events that were taken out of the outbox.
struct Batch {
    rows: Vec<OutboxRow>,
    /// Until when they are leased, which also tells this lease from later ones.
    until: Timestamp,
    /// When they were claimed, by a clock that nobody sets.
    claimed: Instant,
}

/// What became of a batch, until the outbox knows it.
#[derive(Default)]
struct Outcome {
    published: Vec<Published>,
    /// The events that the bus did not take, by how often they were tried before.
    failed: BTreeMap<i64, Vec<Uuid>>,
    /// The events that were not tried, because an earlier one of their resource failed or time was up.
    untried: Vec<Uuid>,
    until: Option<Timestamp>,
    /// The first of those that failed.
    refused: Option<Refused>,
}

/// An event that the bus did not take.
struct Refused {
    id: Uuid,
    resource: String,
    error: Error,
}

impl Relay {
    /// Carries events until `stop`, and what is there then.
    pub async fn run(self, stop: CancellationToken) {
        let mut outcome = Outcome::default();
        let mut audit = Audit::default();
        let mut failures = 0;
        loop {
            let pause = match self.drain(&mut outcome, &mut audit).await {
                Ok(true) => {
                    failures = 0;
                    LOOK_EVERY
                }
                Ok(false) => {
                    failures += 1;
                    RETRY.pause(failures)
                }
                Err(error) => {
                    failures += 1;
                    self.tell(&error, None);
                    RETRY.pause(failures)
                }
            };
            let rest = async {
                // After a failure nothing but time helps.
                if failures == 0 {
                    let _ = time::timeout(pause, self.bell.rung.notified()).await;
                } else {
                    time::sleep(pause).await;
                }
                // While the bus is away the outbox is left alone.
                self.bus.ready().await;
            };
            if stop.run_until_cancelled(rest).await.is_none() {
                break;
            }
        }
        if let Err(error) = self.drain(&mut outcome, &mut audit).await {
            self.tell(&error, None);
        }
    }

    /// Carries batches until there are no more; false when nothing of one could be published.
    async fn drain(&self, outcome: &mut Outcome, audit: &mut Audit) -> Result<bool> {
        loop {
            if let Some(refused) = outcome.refused.take() {
                self.tell(&refused.error, Some(&refused));
            }
            let is_stuck = !outcome.failed.is_empty() && outcome.published.is_empty();
            let take = !is_stuck && self.bus.is_up() != Some(false);
            let is_due = take && audit.is_due(&*self.bus);
            let batch = self.turn(outcome, take && !is_due).await?;
            *outcome = Outcome::default();
            if is_stuck {
                return Ok(false);
            }
            if is_due {
                // Now that the outbox knows of everything that was published, and before anything else is.
                audit.compare(&*self.store, &*self.bus).await?;
                continue;
            }
            if batch.rows.is_empty() {
                return Ok(true);
            }
            *outcome = self.publish(batch).await;
            self.count("ok", outcome.published.len());
            self.count("error", outcome.failed.values().map(Vec::len).sum());
        }
    }

    /// Tells the outbox what became of the last batch and takes the next one, in one transaction.
    async fn turn(&self, outcome: &Outcome, take: bool) -> Result<Batch> {
        let (claimed, now) = (Instant::now(), self.clock.now());
        let until = now + LEASE;
        let mut batch = Batch { rows: Vec::new(), until, claimed };
        if !take && outcome.until.is_none() {
            return Ok(batch);
        }
        let mut tx = self.store.begin().await?;
        if let Some(until) = outcome.until {
            tx.mark_published(&outcome.published, now).await?;
            for (attempts, ids) in &outcome.failed {
                let failures = u32::try_from(attempts + 1).unwrap_or(u32::MAX);
                let due = now + RETRY.pause(failures);
                tx.release_events(ids, until, Some(due)).await?;
            }
            tx.release_events(&outcome.untried, until, None).await?;
        }
        if take {
            batch.rows = tx.claim_events(now, until, BATCH).await?;
        }
        tx.commit().await?;
        Ok(batch)
    }

    /// Publishes a batch: the events of one resource one after the other, those of different ones side by side.
    async fn publish(&self, batch: Batch) -> Outcome {
        let mut resources: Vec<Vec<OutboxRow>> = Vec::new();
        let mut places = HashMap::new();
        for row in batch.rows {
            let place = *places.entry(row.resource.clone()).or_insert_with(|| {
                resources.push(Vec::new());
                resources.len() - 1
            });
            resources[place].push(row);
        }
        let until = batch.claimed + BEGIN_WITHIN;
        let publish = resources.into_iter().map(|rows| self.publish_in_order(rows, until));
        let mut published = stream::iter(publish).buffer_unordered(UNDER_WAY_MAX);
        let mut outcome = Outcome { until: Some(batch.until), ..Outcome::default() };
        while let Some(part) = published.next().await {
            outcome.published.extend(part.published);
            for (attempts, ids) in part.failed {
                outcome.failed.entry(attempts).or_default().extend(ids);
            }
            outcome.untried.extend(part.untried);
            outcome.refused = outcome.refused.or(part.refused);
        }
        outcome
    }

    /// Publishes events of one resource. None overtakes one that failed, and none is begun after `until`.
    async fn publish_in_order(&self, rows: Vec<OutboxRow>, until: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        for row in rows {
            let id = row.message.id;
            if outcome.refused.is_some() || Instant::now() >= until {
                outcome.untried.push(id);
                continue;
            }
            match self.bus.publish(&row.message).await {
                Ok(place) => outcome.published.push(Published { id, place }),
                Err(error) => {
                    outcome.failed.entry(row.attempts).or_default().push(id);
                    outcome.refused = Some(Refused { id, resource: row.resource, error });
                }
            }
        }
        outcome
    }

    fn tell(&self, error: &Error, refused: Option<&Refused>) {
        // Who keeps the way to the bus open has told that it is away.
        if self.bus.is_up() != Some(false) {
            let error = std::error::Error::source(error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            tracing::warn!(
                error,
                event_id = refused.map(|refused| refused.id.to_string()),
                resource = refused.map(|refused| &*refused.resource),
                event = "relay_failed",
                "events wait in the outbox"
            );
        }
    }

    fn count(&self, result: &'static str, events: usize) {
        if events > 0 {
            self.metrics.published.get_or_create(&ResultLabel { result }).inc_by(events as u64);
        }
    }
}
