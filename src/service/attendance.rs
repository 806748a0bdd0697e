//! When sessions are used: noted in memory for each call, written to the store now and then.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::World;
use crate::domain::{Result, Timestamp, id::Id, session::Session};

/// Calls of different sessions rarely meet at the same lock.
const SHARDS: usize = 64;

/// How many sessions a shard remembers until they are written; what happens in more of them is seen a little later.
const SHARD_SESSIONS_MAX: usize = 4096;

/// How many sessions one transaction writes, so that none holds up other writers for long.
const BATCH: usize = 500;

/// When the sessions were used that have been used since the last write.
pub struct Attendance {
    shards: [Mutex<HashMap<Id<Session>, Timestamp>>; SHARDS],
}

impl Attendance {
    /// Of no session yet.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Notes that a session is used.
    pub fn note(&self, session: Id<Session>, now: Timestamp) {
        // The last bytes of an id are random.
        let place = usize::from(session.uuid().as_bytes()[15]) % SHARDS;
        let mut seen = self.shards[place].lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < SHARD_SESSIONS_MAX || seen.contains_key(&session) {
            seen.insert(session, now);
        }
    }

    /// Writes what was noted since the last time.
    pub async fn write(&self, world: &World) -> Result<()> {
        let mut seen: Vec<_> = self.shards.iter().flat_map(take).collect();
        // Two replicas that write the same sessions do it in the same order, so that neither waits for the other in turn.
        seen.sort_unstable_by_key(|(session, _)| session.uuid());
        for batch in seen.chunks(BATCH) {
            let write = |mut tx: Box<dyn crate::port::store::Tx>| async move {
                tx.mark_sessions_seen(batch).await?;
                tx.commit().await
            };
            world.attempt(write).await?;
        }
        Ok(())
    }
}

impl Default for Attendance {
    fn default() -> Self {
        Self::new()
    }
}

fn take(shard: &Mutex<HashMap<Id<Session>, Timestamp>>) -> HashMap<Id<Session>, Timestamp> {
    std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner))
}
