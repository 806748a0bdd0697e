//! Work that comes round: keys are looked after, and what has served its time is swept away.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Result,
    port::{clock::Clock, store::Store},
    service::keyring::Keyring,
};

/// How often keys are loaded: far more often than the time a new one is published before it signs.
const KEYS_EVERY: Duration = Duration::from_secs(60);

/// How often the store is swept.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// How long published events are kept, so that a bus that lost some can be given them again.
const PUBLISHED_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long ended sessions are kept, so that a stolen token that turns up late is still recognised.
const ENDED_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Keeps the keys fresh until `stop`.
pub async fn look_after_keys(keyring: Arc<Keyring>, stop: CancellationToken) {
    repeat(KEYS_EVERY, stop, "keys_failed", async || keyring.refresh().await).await;
}

/// Sweeps the store until `stop`.
pub async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    repeat(SWEEP_EVERY, stop, "sweep_failed", async || {
        let now = clock.now();
        let mut tx = store.begin().await?;
        let rows = tx.purge(now, now - PUBLISHED_KEPT, now - ENDED_KEPT).await?;
        tx.commit().await?;
        tracing::debug!(rows, event = "swept", "rows that served their time are gone");
        Ok(())
    })
    .await;
}

async fn repeat(
    every: Duration,
    stop: CancellationToken,
    failed: &'static str,
    work: impl AsyncFn() -> Result<()>,
) {
    while stop.run_until_cancelled(time::sleep(every)).await.is_some() {
        if let Err(error) = work().await {
            tracing::warn!(error = %error, event = failed, "will be tried again");
        }
    }
}
