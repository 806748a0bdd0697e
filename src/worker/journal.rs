//! Keeps the way to the bus open, and shows events as they are published to whoever looks at the log at debug level.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    port::bus::Bus,
    telemetry::metrics::{DependencyLabel, Metrics},
};

/// How often it is looked whether the bus can be reached.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Keeps the way to the bus open until `stop`, and measures whether it is.
pub async fn keep(bus: Arc<dyn Bus>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let measure = async {
        while let Some(is_up) = bus.is_up() {
            let label = DependencyLabel { dependency: "nats" };
            metrics.dependencies.get_or_create(&label).set(is_up.into());
            time::sleep(LOOK_EVERY).await;
        }
    };
    stop.run_until_cancelled(async { tokio::join!(bus.keep(), measure) }).await;
}

/// Shows events until `stop`.
pub async fn show(bus: Arc<dyn Bus>, stop: CancellationToken) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return stop.cancelled().await;
    }
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
