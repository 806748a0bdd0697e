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

/// Carries events.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Hands the message over. When it returns, the bus has the message; after an error it may or may not.
    async fn publish(&self, message: &Message) -> Result<()>;

    /// The messages from now on, in order of publication. A subscriber that is too slow misses the oldest.
    fn subscribe(&self) -> BoxStream<'static, Message>;
}

/// Takes recorded events from the outbox to the bus.
pub trait Relay: Send + Sync {
    /// Tells it that there is something to take, after the commit that recorded it.
    fn wake(&self);
}
