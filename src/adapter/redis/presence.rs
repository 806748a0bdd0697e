//! Who is active on all replicas: each sends whom it has seen to Redis, in batches, where sketches (`HyperLogLog`) count
//! them. While Redis is down, each replica counts its own.

use std::sync::Arc;

use async_trait::async_trait;
use redis::pipe;
use uuid::Uuid;

use super::Redis;
use crate::{
    adapter::memory::presence::{Local, Stretch},
    domain::{id::Id, user::User},
    port::presence::{Active, Presence},
};

/// How many users are sent at once.
const BATCH: usize = 1000;

/// Users of all replicas.
pub struct Shared {
    redis: Arc<Redis>,
    local: Local,
}

impl Shared {
    /// Users of all replicas; `local` notes those of this one.
    #[must_use]
    pub fn new(redis: Arc<Redis>, local: Local) -> Self {
        Self { redis, local }
    }

    /// Adds users to every piece of time that holds this moment; none when Redis is down.
    async fn add(&self, users: &[Uuid], seconds: i64) -> Option<()> {
        let mut adding = pipe();
        for stretch in Stretch::ALL {
            let key = self.key(stretch, *stretch.pieces_until(seconds).end());
            adding.cmd("PFADD").arg(&key);
            for user in users {
                adding.arg(user.as_bytes());
            }
            // Twice as long as it is looked at, because clocks differ.
            let lifetime = 2 * stretch.piece * (stretch.pieces + 1);
            adding.ignore().cmd("EXPIRE").arg(&key).arg(lifetime).ignore();
        }
        self.redis.run(async |redis| adding.query_async(redis).await).await
    }

    async fn estimate(&self, seconds: i64) -> Option<Active> {
        let mut counting = pipe();
        for stretch in Stretch::ALL {
            let pieces = stretch.pieces_until(seconds);
            let keys: Vec<_> = pieces.map(|piece| self.key(stretch, piece)).collect();
            counting.cmd("PFCOUNT").arg(keys);
        }
        let counted = self.redis.run(async |redis| counting.query_async(redis).await).await;
        counted.map(|(minute, hour, day)| Active { minute, hour, day })
    }

    fn key(&self, stretch: Stretch, piece: i64) -> String {
        format!("{}:active:{}:{piece}", self.redis.prefix, stretch.piece)
    }
}

#[async_trait]
impl Presence for Shared {
    fn note(&self, user: Id<User>) {
        self.local.note(user);
    }

    async fn count(&self) -> Active {
        let (users, seconds) = self.local.take();
        let local = self.local.add(&users, seconds);
        for batch in users.chunks(BATCH) {
            if self.add(batch, seconds).await.is_none() {
                return local;
            }
        }
        self.estimate(seconds).await.unwrap_or(local)
    }
}
