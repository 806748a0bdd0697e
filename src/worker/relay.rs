//! The relay: takes recorded events from the outbox to the bus, at least once and in the order of each resource.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Result,
    port::{
        bus::{self, Bus},
        clock::Clock,
        store::Store,
    },
    telemetry::metrics::{Metrics, ResultLabel},
};

/// How long a batch is leased: whoever dies with one holds its events back for as long.
const LEASE: Duration = Duration::from_secs(10);

/// How many events are taken at once.
const BATCH: i64 = 100;

/// How often the outbox is looked at without being woken: for events whose relay died, or that could not be published.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long an event waits that could not be published: doubled each time, up to the last.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(1));

/// Wakes the relay.
#[derive(Default)]
pub struct Bell(Notify);

impl bus::Relay for Bell {
    fn wake(&self) {
        self.0.notify_one();
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

impl Relay {
    /// Carries events until `stop`, and what is there then.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            // While the bus is away the outbox is left alone.
            if stop.run_until_cancelled(self.bus.ready()).await.is_none() {
                break;
            }
            self.drain().await;
            tokio::select! {
                () = self.bell.0.notified() => {}
                () = time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
        if self.bus.is_up() != Some(false) {
            self.drain().await;
        }
    }

    /// Carries batches until there are no more.
    async fn drain(&self) {
        loop {
            match self.carry().await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %error, event = "relay_failed", "events wait in the outbox");
                    return;
                }
            }
        }
    }

    /// Carries one batch; how many were published. The first event that the bus refuses ends the batch, because a later
    /// one of the same resource must not overtake it.
    async fn carry(&self) -> Result<usize> {
        let mut tx = self.store.begin().await?;
        let rows = tx.claim_events(self.clock.now(), LEASE, BATCH).await?;
        tx.commit().await?;
        let mut published = Vec::with_capacity(rows.len());
        let mut failed = None;
        for row in &rows {
            match self.bus.publish(&row.message).await {
                Ok(_) => published.push(row.message.id),
                Err(error) => {
                    failed = Some((row.attempts, error));
                    break;
                }
            }
        }
        let waiting: Vec<_> = rows[published.len()..].iter().map(|row| row.message.id).collect();
        if rows.is_empty() {
            return Ok(0);
        }
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        tx.mark_published(&published, now).await?;
        if let Some((attempts, _)) = &failed {
            tx.release_events(&waiting, now + pause(*attempts)).await?;
        }
        tx.commit().await?;
        self.count("ok", published.len());
        self.count("error", usize::from(failed.is_some()));
        match failed {
            Some((_, error)) => Err(error),
            None => Ok(published.len()),
        }
    }

    fn count(&self, result: &'static str, events: usize) {
        if events > 0 {
            self.metrics.published.get_or_create(&ResultLabel { result }).inc_by(events as u64);
        }
    }
}

fn pause(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(16);
    RETRY.0.saturating_mul(1 << doublings).min(RETRY.1)
}
