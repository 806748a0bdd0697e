//! Shows how many users are active.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    port::presence::{Active, Presence},
    telemetry::metrics::{Metrics, WindowLabel},
};

/// How often they are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Shows how many users are active, until `stop`.
pub async fn show(presence: Arc<dyn Presence>, metrics: Arc<Metrics>, stop: CancellationToken) {
    loop {
        let Active { minute, hour, day } = presence.count().await;
        for (window, users) in [("1m", minute), ("1h", hour), ("24h", day)] {
            let gauge = metrics.active_users.get_or_create_owned(&WindowLabel { window });
            gauge.set(i64::try_from(users).unwrap_or(i64::MAX));
        }
        if stop.run_until_cancelled(time::sleep(COUNT_EVERY)).await.is_none() {
            return;
        }
    }
}
