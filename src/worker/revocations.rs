//! Looks after those who watch what happens to others' tokens.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::service::revocation::{Progress, RevocationService};

/// How often they are told that nothing is missing. The contract says so.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The pause after the database did not answer, and between looks in a row.
const PAUSE: Duration = Duration::from_millis(200);

/// Looks after them until `stop`.
pub async fn look_after(revocations: Arc<RevocationService>, stop: CancellationToken) {
    let mut progress = Progress::default();
    let work = async {
        loop {
            // Listens before it looks, so that what happens in between is not missed.
            let missed = revocations.missed();
            match revocations.look_after(&mut progress).await {
                Ok(()) => drop(time::timeout(TELL_EVERY, missed).await),
                // It is told of by whoever needs it for more; those who watch notice that nothing comes.
                Err(error) => tracing::debug!(error = %error, event = "revocations_unknown"),
            }
            time::sleep(PAUSE).await;
        }
    };
    stop.run_until_cancelled(work).await;
}
