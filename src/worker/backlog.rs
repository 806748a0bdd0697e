//! Measures what waits in the outbox, and says when it is too much.

use std::{sync::Arc, time::Duration};

use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::relay::Bell;
use crate::{
    domain::Result,
    port::{
        clock::Clock,
        store::{OutboxStatus, Store},
    },
    telemetry::metrics::Metrics,
};

/// How often it is counted at most: every row that waits is looked at.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// How many times as long as a count took it is waited before the next one, so that a long outbox costs little.
const REST: u32 = 20;

/// Measures what waits in the outbox.
pub struct Backlog {
    /// Where events are recorded.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is measured.
    pub metrics: Arc<Metrics>,
    /// Who says that it is full.
    pub bell: Arc<Bell>,
    /// How many events may wait before no more are recorded.
    pub pending_max: i64,
}

impl Backlog {
    /// Measures until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        let measure = async {
            loop {
                let began = Instant::now();
                // A database that does not answer is told of by whoever needs it for more.
                if let Ok(status) = self.count().await {
                    self.show(status);
                }
                time::sleep(COUNT_EVERY.max(began.elapsed() * REST)).await;
            }
        };
        stop.run_until_cancelled(measure).await;
    }

    async fn count(&self) -> Result<OutboxStatus> {
        self.store.read().await?.outbox_status().await
    }

    fn show(&self, status: OutboxStatus) {
        let age = status.oldest.map(|oldest| (self.clock.now() - oldest).as_seconds_f64());
        self.bell.set_full(status.pending >= self.pending_max);
        self.metrics.outbox_pending.set(status.pending);
        self.metrics.outbox_oldest_age.set(age.unwrap_or_default().max(0.0));
    }
}
