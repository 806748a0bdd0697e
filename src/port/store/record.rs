//! What a change leaves behind: its event, its line in the audit log, its request id. And what is swept away later.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    domain::{Result, Timestamp, audit::Entry, event::Event},
    port::bus::Message,
};

/// An event that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// What to publish.
    pub message: Message,
    /// How often it was tried.
    pub attempts: i64,
}

/// How much waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxStatus {
    /// The events not published yet.
    pub pending: i64,
    /// When the oldest of them was recorded.
    pub oldest: Option<Timestamp>,
}

/// Reads the outbox.
#[async_trait]
pub trait ReadOutbox {
    /// How much waits.
    async fn outbox_status(&mut self) -> Result<OutboxStatus>;
}

/// The events of changes, kept with the changes and published after them.
#[async_trait]
pub trait Outbox: ReadOutbox {
    /// Records an event.
    async fn record(&mut self, event: &Event) -> Result<()>;

    /// Takes up to `limit` unpublished events whose lease is over, oldest first, and leases them until `now + lease`.
    /// An event is only taken together with or after every earlier unpublished event of its subject, so that one subject's
    /// events are never in two hands.
    async fn claim_events(
        &mut self,
        now: Timestamp,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<OutboxRow>>;

    /// Notes that events were published.
    async fn mark_published(&mut self, ids: &[Uuid], now: Timestamp) -> Result<()>;

    /// Gives events back: they are due again at `due`, with one more attempt counted.
    async fn release_events(&mut self, ids: &[Uuid], due: Timestamp) -> Result<()>;
}

/// The audit log.
#[async_trait]
pub trait Audit {
    /// Adds a line.
    async fn audit(&mut self, entry: &Entry) -> Result<()>;
}

/// Names one request of one caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose and of which method: keys of different callers never meet.
    pub scope: String,
    /// The request id that the client made.
    pub key: String,
    /// A digest of the request: the same id with another digest is a mistake.
    pub fingerprint: [u8; 32],
}

/// What is known of a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The digest of the first request.
    pub fingerprint: Vec<u8>,
    /// Its result, as JSON.
    pub result: String,
}

/// Results of requests, by request id.
#[async_trait]
pub trait Idempotency {
    /// The result of the first request with this id, unless it has expired. Nobody else with this id gets an answer
    /// before this transaction ends.
    async fn find_result(
        &mut self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Remembered>>;

    /// Keeps the result of the first request.
    async fn keep_result(
        &mut self,
        key: &IdempotencyKey,
        result: &str,
        expire_time: Timestamp,
    ) -> Result<()>;
}

/// Sweeps away what has served its time.
#[async_trait]
pub trait Retention {
    /// Removes resources past their purge time, published events older than `published_before`, expired request ids, and
    /// sessions and keys that ended before `ended_before`: at most 1000 of each kind, so that no sweep holds up others.
    /// How many went; call again until it is none.
    async fn purge(
        &mut self,
        now: Timestamp,
        published_before: Timestamp,
        ended_before: Timestamp,
    ) -> Result<u64>;
}
