//! The clock of the PostgreSQL server, followed from afar: what expires does so at the same moment for all who share the
//! database, whatever the clocks of their machines say.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use sqlx::{Executor, PgConnection, Row};
use tokio::{sync::Mutex, time};

use super::{Options, servers::Servers};
use crate::{
    domain::{Error, Result, Timestamp},
    port::clock::Clock,
};

/// How many times the server is asked at first: the fastest answer is the most exact one.
const FIRST_READINGS: u32 = 3;

/// How long an answer may take to be of use.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How far the clock of the machine may be off without a word about it.
const REMARKABLE: Duration = Duration::from_secs(1);

/// The server's time, carried on from the last reading by a clock that nobody sets.
pub struct ServerClock {
    servers: Servers,
    /// Its own, so that the time is known when all others are in use. None after a failure.
    connection: Mutex<Option<PgConnection>>,
    start: Instant,
    /// What the server's clock said at `start`, in microseconds since 1970.
    time_at_start: AtomicI64,
    /// The latest time that was told, so that none before it is.
    told: AtomicI64,
}

/// What the server said.
#[derive(Clone, Copy)]
struct Reading {
    /// What its clock would have said at the start of ours, in microseconds since 1970.
    time_at_start: i64,
    /// How far that may be off: the server looked at its clock some time within the round trip.
    uncertainty: i64,
}

impl ServerClock {
    /// Reads the server's clock, which `machine` is compared with.
    pub async fn read(options: &Options, machine: &dyn Clock) -> Result<Self> {
        let clock = Self {
            servers: Servers::read(options)?,
            connection: Mutex::new(None),
            start: Instant::now(),
            time_at_start: AtomicI64::new(0),
            told: AtomicI64::new(0),
        };
        let mut best = clock.ask().await?;
        for _ in 1..FIRST_READINGS {
            let reading = clock.ask().await?;
            if reading.uncertainty < best.uncertainty {
                best = reading;
            }
        }
        clock.time_at_start.store(best.time_at_start, Ordering::Relaxed);
        let off = machine.now() - clock.now();
        if off.unsigned_abs() > REMARKABLE {
            tracing::warn!(
                off_seconds = off.as_seconds_f64(),
                event = "clock_differs",
                "the clock of this machine is not that of the database, which is the one that counts"
            );
        }
        Ok(clock)
    }

    async fn ask(&self) -> Result<Reading> {
        let mut kept = self.connection.lock().await;
        // Taken out: one that fails, or is given up while it waits for an answer, is not used again.
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.servers.connect().await?.1,
        };
        let asked = Instant::now();
        // Not prepared, which would take a round trip more.
        let answer = time::timeout(ANSWER_WITHIN, connection.fetch_one("SELECT clock_timestamp()"));
        let row = answer.await.map_err(|late| Error::Unavailable(late.into()))??;
        let round_trip = asked.elapsed();
        *kept = Some(connection);
        let time: Timestamp = row.try_get(0)?;
        let uncertainty = micros(round_trip / 2);
        Ok(Reading {
            time_at_start: micros_since_1970(time)
                - micros(asked.duration_since(self.start))
                - uncertainty,
            uncertainty,
        })
    }
}

#[async_trait]
impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let now = self.time_at_start.load(Ordering::Relaxed) + micros(self.start.elapsed());
        let now = now.max(self.told.fetch_max(now, Ordering::Relaxed));
        Timestamp::UNIX_EPOCH + Duration::from_micros(now.unsigned_abs())
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn synchronize(&self) -> Result<()> {
        let reading = self.ask().await?;
        let known = self.time_at_start.load(Ordering::Relaxed);
        // A difference that the way there and back explains is none.
        if (reading.time_at_start - known).abs() > reading.uncertainty {
            self.time_at_start.store(reading.time_at_start, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn micros_since_1970(time: Timestamp) -> i64 {
    time.unix_timestamp() * 1_000_000 + i64::from(time.microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_never_goes_back() {
        let clock = ServerClock {
            servers: Servers::default(),
            connection: Mutex::new(None),
            start: Instant::now(),
            time_at_start: AtomicI64::new(micros(Duration::from_hours(1))),
            told: AtomicI64::new(0),
        };
        let before = clock.now();
        clock.time_at_start.store(0, Ordering::Relaxed);
        assert!(clock.now() >= before);
        clock.time_at_start.store(micros(Duration::from_hours(2)), Ordering::Relaxed);
        assert!(clock.now() >= before + Duration::from_hours(1));
    }
}
