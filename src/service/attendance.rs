//! When sessions and API keys are used: noted in memory for each call, written to the store now and then.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::World;
use crate::domain::{
    Result, Timestamp, api_key::ApiKey, caller::Credential, id::Id, session::Session,
};
use crate::port::store::Tx;

/// Calls of different sessions rarely meet at the same lock.
const SHARDS: usize = 64;

/// How many sessions, and how many keys, a shard remembers until they are written; what happens in more of them is seen a
/// little later.
const SHARD_SEEN_MAX: usize = 4096;

/// How many of them one transaction writes, so that none holds up other writers for long.
const BATCH: usize = 500;

/// When the sessions and API keys were used that have been used since the last write.
pub struct Attendance {
    shards: [Mutex<Seen>; SHARDS],
}

#[derive(Default)]
struct Seen {
    sessions: HashMap<Id<Session>, Timestamp>,
    api_keys: HashMap<Id<ApiKey>, Timestamp>,
}

impl Attendance {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Notes that a session or an API key is used.
    pub fn note(&self, credential: Credential, now: Timestamp) {
        // The last bytes of an id are random.
        let place = usize::from(credential.id().as_bytes()[15]) % SHARDS;
        let mut seen = self.shards[place].lock().unwrap_or_else(PoisonError::into_inner);
        match credential {
            Credential::Session { id, .. } => note(&mut seen.sessions, id, now),
            Credential::ApiKey { id } => note(&mut seen.api_keys, id, now),
        }
    }

    /// Writes what was noted since the last time.
    pub async fn write(&self, world: &World) -> Result<()> {
        let (mut sessions, mut api_keys) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let seen = std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
            sessions.extend(seen.sessions);
            api_keys.extend(seen.api_keys);
        }
        // Two replicas that write the same ones do it in the same order, so that neither waits for the other in turn.
        sessions.sort_unstable_by_key(|(id, _)| id.uuid());
        api_keys.sort_unstable_by_key(|(id, _)| id.uuid());
        for batch in sessions.chunks(BATCH) {
            let write = |mut tx: Box<dyn Tx>| async move {
                tx.mark_sessions_seen(batch).await?;
                tx.commit().await
            };
            world.attempt(write).await?;
        }
        for batch in api_keys.chunks(BATCH) {
            let write = |mut tx: Box<dyn Tx>| async move {
                tx.mark_api_keys_used(batch).await?;
                tx.commit().await
            };
            world.attempt(write).await?;
        }
        Ok(())
    }
}

fn note<T>(seen: &mut HashMap<Id<T>, Timestamp>, id: Id<T>, now: Timestamp) {
    if seen.len() < SHARD_SEEN_MAX || seen.contains_key(&id) {
        seen.insert(id, now);
    }
}

impl Default for Attendance {
    fn default() -> Self {
        Self::new()
    }
}
