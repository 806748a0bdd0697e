//! Shows events as they are published, to whoever looks at the log at debug level.

use std::sync::Arc;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::port::bus::Bus;

/// Shows events until `stop`.
pub async fn show(bus: Arc<dyn Bus>, stop: CancellationToken) {
    let mut messages = bus.subscribe();
    while let Some(Some(message)) = stop.run_until_cancelled(messages.next()).await {
        tracing::debug!(
            event_id = %message.id,
            subject = message.subject,
            bytes = message.payload.len(),
            event = "published",
            "an event was published"
        );
    }
}
