//! Carries events to whoever listens.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::domain::Result;

/// An event on its way.
#[derive(Debug, Clone)]
pub struct Message {
    /// The id of the event: the same at every delivery.
    pub id: uuid::Uuid,
    /// The type of the event, as `user.created`.
    pub subject: String,
    /// The envelope, a `veza.event.v1.Event` in protobuf.
    pub payload: Bytes,
    /// The W3C `traceparent` of the call that made it.
    pub trace_parent: Option<String>,
}

/// Where a message stands in what keeps the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which stream of messages: the time it was made, in microseconds since 1970. Another one has none of these messages.
    pub stream: i64,
    /// The number of the message in it, from 1.
    pub sequence: i64,
}

/// Carries events.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Hands the message over. When it returns, the bus has the message, and says where if it keeps it; after an error it
    /// may or may not have it.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached.
    async fn publish(&self, message: &Message) -> Result<Option<Place>>;

    /// Where the last message stands that the bus keeps, its number 0 where there is none; none for a bus that keeps nothing.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be reached.
    async fn last_place(&self) -> Result<Option<Place>>;

    /// How often the way to the bus was opened so far: while it was closed, the bus may have lost messages.
    fn openings(&self) -> u64;

    /// Returns when the bus can be reached, as far as is known.
    async fn ready(&self);

    /// Whether the bus can be reached; none for one within the process.
    fn is_up(&self) -> Option<bool>;

    /// Keeps the way to the bus open, and never returns.
    async fn keep(&self);

    /// The messages from now on, in order of publication. A subscriber that is too slow may miss the oldest.
    fn subscribe(&self) -> BoxStream<'static, Message>;
}

/// Takes recorded events from the outbox to the bus.
pub trait Relay: Send + Sync {
    /// Tells it that there is something to take, after the commit that recorded it.
    fn wake(&self);

    /// Whether so much waits that no more may be recorded.
    fn is_full(&self) -> bool;
}
