//! Does what was asked for after the answer to whoever asked. It looks at fixed times and is not woken, so that when it is at
//! work says nothing about the calls that come in meanwhile.

use std::{sync::Arc, time::Duration};

use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{Error, Result},
    service::auth::AuthService,
    telemetry::metrics::{Metrics, ResultLabel},
};

/// How often it looks for errands: as long as nobody minds to wait for a mail.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many are read at once.
const BATCH: i64 = 100;

/// Does errands until `stop`.
pub async fn run(auth: Arc<AuthService>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut ticks = time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // What could not be done is tried again; that the database does not answer is told of by whoever needs it for more.
        while let Ok(true) = do_batch(&auth, &metrics, &stop).await {}
    }
}

/// Does a batch; whether there may be more.
async fn do_batch(auth: &AuthService, metrics: &Metrics, stop: &CancellationToken) -> Result<bool> {
    let errands = auth.list_errands(BATCH).await?;
    for errand in &errands {
        if stop.is_cancelled() {
            return Ok(false);
        }
        let result = match auth.do_errand(errand).await {
            Ok(true) => "done",
            Ok(false) => continue,
            Err(
                error @ (Error::Unavailable(_)
                | Error::LostRace { .. }
                // Of two servers that made the same account at the same time.
                | Error::Taken { .. }
                | Error::Busy
                | Error::OutboxFull),
            ) => return Err(error),
            Err(error) => {
                let why = std::error::Error::source(&error);
                let why = why.map_or_else(|| error.to_string(), ToString::to_string);
                tracing::warn!(error = why, event = "errand_failed", "an errand is given up");
                auth.drop_errand(errand.id).await?;
                "failed"
            }
        };
        metrics.errands.get_or_create(&ResultLabel { result }).inc();
    }
    Ok(i64::try_from(errands.len()).is_ok_and(|found| found == BATCH))
}
