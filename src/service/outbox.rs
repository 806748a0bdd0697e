//! The outbox as its operators see it: how much waits, and what is to be published again.

use std::time::Duration;

use super::World;
use crate::{
    domain::{Result, Timestamp, audit::Outcome, caller::Caller},
    port::store::OutboxStatus,
};

/// How long published events are kept, so that a bus that lost some can be given them again.
pub const KEPT: Duration = Duration::from_hours(24);

/// How many events are taken back in one transaction.
const BATCH: i64 = 5_000;

/// The use cases of the outbox.
pub struct OutboxService {
    /// What every use case needs.
    pub world: World,
}

impl OutboxService {
    /// What waits, and how many events were published in the time that they are kept.
    pub async fn status(&self) -> Result<(OutboxStatus, i64)> {
        let mut read = self.world.store.read().await?;
        let now = self.world.clock.now();
        let status = read.outbox_status().await?;
        Ok((status, read.count_published(now - KEPT, now).await?))
    }

    /// How many events were published from `since` until before `until`.
    pub async fn count_published(&self, since: Timestamp, until: Timestamp) -> Result<i64> {
        self.world.store.read().await?.count_published(since, until).await
    }

    /// Has the events published again that were published from `since` until before `until`; how many. They keep their
    /// ids, so that consumers drop what they have seen.
    pub async fn replay(&self, caller: &Caller, since: Timestamp, until: Timestamp) -> Result<u64> {
        self.world.audit(caller, "outbox.replay", "outbox".into(), Outcome::Success).await?;
        let mut events = 0;
        loop {
            let mut tx = self.world.store.begin().await?;
            let retaken = tx.retake_published(since, until, BATCH).await?;
            tx.commit().await?;
            events += retaken;
            if retaken == 0 {
                return Ok(events);
            }
        }
    }
}
