//! What a change leaves behind: its event, its line in the audit log, its request id. And what is swept away later.

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    domain::{Result, Timestamp, audit::Entry, event::Event},
    port::bus::{Message, Place},
};

/// An event that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// What to publish.
    pub message: Message,
    /// The resource that it happened to, as `rooms/0190...`: its events keep their order.
    pub resource: String,
    /// How often it was tried.
    pub attempts: i64,
}

/// An event that the bus has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The id of the event.
    pub id: Uuid,
    /// Where the bus keeps it, if it does.
    pub place: Option<Place>,
}

/// How much waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxStatus {
    /// The events not published yet.
    pub pending: i64,
    /// When the oldest of them was recorded.
    pub oldest: Option<Timestamp>,
}

/// Where the published events of the outbox are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The greatest number of one in this stream.
    pub last: Option<i64>,
    /// The least number that two of them have in this stream: what the one acknowledged with it first stood for is gone,
    /// and another event has taken its place.
    pub twice: Option<i64>,
    /// Whether some are in another stream.
    pub elsewhere: bool,
}

/// Reads the outbox.
#[async_trait]
pub trait ReadOutbox {
    /// How much waits.
    async fn outbox_status(&mut self) -> Result<OutboxStatus>;

    /// How many events were published from `since` until before `until`.
    async fn count_published(&mut self, since: Timestamp, until: Timestamp) -> Result<i64>;

    /// What is known of events that a bus keeps, as seen from this stream of it; a number that two have is looked for
    /// behind `after` only.
    async fn find_places(&mut self, stream: i64, after: i64) -> Result<Places>;

    /// Up to `limit` events after the one with this number, in the order they were recorded in and from `since` on, each
    /// with its number. A change that is under way may still add one before them.
    async fn list_events(
        &mut self,
        after: i64,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<(i64, Message)>>;

    /// Up to `limit` events of ended sessions and of changed or deleted accounts that were recorded from `since` on, oldest
    /// first.
    async fn list_revocations(&mut self, since: Timestamp, limit: i64) -> Result<Vec<Message>>;
}

/// The events of changes, kept with the changes and published after them.
#[async_trait]
pub trait Outbox: ReadOutbox {
    /// Records an event.
    async fn record(&mut self, event: &Event) -> Result<()>;

    /// Takes up to `limit` unpublished events whose lease is over, oldest first, and leases them until `until`. An event
    /// is only taken together with or after every earlier unpublished event of its resource, so that one resource's events
    /// are never in two hands.
    async fn claim_events(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<OutboxRow>>;

    /// Notes that events were published, whoever has them leased by now.
    async fn mark_published(&mut self, events: &[Published], now: Timestamp) -> Result<()>;

    /// Has up to `limit` events published again, in their order, that a bus keeps elsewhere than in the stream of `last`, or
    /// after it. How many; call again until it is none.
    async fn retake_lost(&mut self, last: Place, limit: i64) -> Result<u64>;

    /// Has up to `limit` events published again, in their order, that were published from `since` until before `until`.
    /// How many; call again until it is none.
    async fn retake_published(
        &mut self,
        since: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<u64>;

    /// Gives back events that were leased until `until`; those that somebody else has leased since are left alone. They
    /// are due again at `due`, with one more attempt counted, or at once where they were not tried.
    async fn release_events(
        &mut self,
        ids: &[Uuid],
        until: Timestamp,
        due: Option<Timestamp>,
    ) -> Result<()>;
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
    /// Removes resources past their purge time, published events older than `published_before`, expired request ids and
    /// tallies, and sessions, API keys and signing keys that ended before `ended_before`: at most 1000 of each kind, so that no sweep holds up others.
    /// How many went; call again until it is none.
    async fn purge(
        &mut self,
        now: Timestamp,
        published_before: Timestamp,
        ended_before: Timestamp,
    ) -> Result<u64>;
}
