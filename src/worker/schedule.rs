//! Work that comes round: keys are looked after, and what has served its time is swept away.

use std::{sync::Arc, time::Duration};

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{Result, Timestamp},
    port::{clock::Clock, store::Store},
    service::{World, attendance::Attendance, keyring::Keyring, outbox},
};

/// How often the clock is compared with the one that it follows: clocks of machines drift by milliseconds meanwhile.
const TIME_EVERY: Duration = Duration::from_secs(5);

/// How often keys are loaded without a sign that they have changed: far more often than the time a new one is published
/// before it signs.
const KEYS_EVERY: Duration = Duration::from_mins(1);

/// How often it is written which sessions are used: rarely, because nobody needs to know it better.
const ATTENDANCE_EVERY: Duration = Duration::from_mins(1);

/// How often the store is swept.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// How long ended sessions are kept, so that a stolen token that turns up late is still recognised.
const ENDED_KEPT: Duration = Duration::from_hours(720);

/// Keeps the time until `stop`.
pub async fn keep_time(clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut is_lost = false;
    while is_time(TIME_EVERY, &stop).await {
        let result = clock.synchronize().await;
        // Said once: the clock goes on by itself, and a database that does not answer shows elsewhere.
        if !std::mem::replace(&mut is_lost, result.is_err()) {
            report(result, "clock_failed");
        }
    }
}

/// Keeps the keys fresh until `stop`.
pub async fn look_after_keys(keyring: Arc<Keyring>, stop: CancellationToken) {
    let mut changed = keyring.changed();
    while stop.run_until_cancelled(time::timeout(KEYS_EVERY, changed)).await.is_some() {
        // Listens before it loads, so that what happens in between is not missed.
        changed = keyring.changed();
        report(keyring.refresh().await, "keys_failed");
    }
}

/// Writes now and then which sessions are used, and a last time at `stop`.
pub async fn write_attendance(attendance: Arc<Attendance>, world: World, stop: CancellationToken) {
    while is_time(ATTENDANCE_EVERY, &stop).await {
        report(attendance.write(&world).await, "attendance_failed");
    }
    report(attendance.write(&world).await, "attendance_failed");
}

/// Sweeps the store until `stop`.
pub async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while is_time(SWEEP_EVERY, &stop).await {
        report(sweep_once(&*store, clock.now(), &stop).await, "sweep_failed");
    }
}

/// Sweeps batch after batch, so that none holds up the calls beside it, until nothing is left.
async fn sweep_once(store: &dyn Store, now: Timestamp, stop: &CancellationToken) -> Result<()> {
    while !stop.is_cancelled() {
        let mut tx = store.begin().await?;
        let rows = tx.purge(now, now - outbox::KEPT, now - ENDED_KEPT).await?;
        tx.commit().await?;
        tracing::debug!(rows, event = "swept", "rows that served their time are gone");
        if rows == 0 {
            break;
        }
    }
    Ok(())
}

/// Waits; false when it is time to stop instead.
async fn is_time(every: Duration, stop: &CancellationToken) -> bool {
    stop.run_until_cancelled(time::sleep(every)).await.is_some()
}

fn report(result: Result<()>, event: &'static str) {
    if let Err(error) = result {
        tracing::warn!(error = %error, event, "will be tried again");
    }
}
