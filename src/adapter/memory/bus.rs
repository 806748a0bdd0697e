//! A bus within the process.

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    domain::Result,
    port::bus::{Bus, Message, Place},
};

/// How many messages a subscriber may be behind before it misses the oldest.
const BEHIND_MAX: usize = 1024;

/// Hands messages to the subscribers of this process.
pub struct Broadcast(broadcast::Sender<Message>);

impl Default for Broadcast {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND_MAX).0)
    }
}

#[async_trait]
impl Bus for Broadcast {
    async fn publish(&self, message: &Message) -> Result<Option<Place>> {
        // Without a subscriber there is nobody to miss it.
        self.0.send(message.clone()).ok();
        Ok(None)
    }

    async fn last_place(&self) -> Result<Option<Place>> {
        Ok(None)
    }

    fn openings(&self) -> u64 {
        0
    }

    async fn ready(&self) {}

    fn is_up(&self) -> Option<bool> {
        None
    }

    async fn keep(&self) {
        std::future::pending::<()>().await;
    }

    fn subscribe(&self) -> BoxStream<'static, Message> {
        stream::unfold(self.0.subscribe(), |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(message) => return Some((message, receiver)),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, event = "bus_lag", "a subscriber missed messages");
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }
}
