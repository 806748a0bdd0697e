//! Notices when the bus has lost events that it had acknowledged, and has them published again. JetStream may: unless it
//! is told otherwise it acknowledges before its disk has the event.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::{Error, Result},
    port::{
        bus::{Bus, Place},
        store::Store,
    },
};

/// How often the bus is asked what it has, beside each time that the way to it was opened.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// How many events are taken back in one transaction.
const BATCH: i64 = 5_000;

/// How far before the greatest number that was looked at the next look begins: others may not have noted yet what they had
/// published by then.
const LOOK_BACK: i64 = 10_000;

/// When the bus was last asked what it has.
#[derive(Default)]
pub struct Audit {
    asked: Option<(u64, Instant)>,
    /// The stream, and the greatest number in it that was looked at.
    audited: Option<Place>,
}

impl Audit {
    /// Whether it is time to ask again.
    pub fn is_due(&self, bus: &dyn Bus) -> bool {
        self.asked.is_none_or(|(openings, at)| {
            openings != bus.openings() || (bus.is_up().is_some() && at.elapsed() > ASK_EVERY)
        })
    }

    /// Compares what the outbox knows to be published with what the bus has, and takes back what it lacks.
    pub async fn compare(&mut self, store: &dyn Store, bus: &dyn Bus) -> Result<()> {
        let asked = (bus.openings(), Instant::now());
        if let Some(here) = bus.last_place().await? {
            let audited = self.audited.filter(|audited| audited.stream == here.stream);
            let after = audited.map_or(0, |audited| audited.sequence - LOOK_BACK);
            let known = store.read().await?.find_places(here.stream, after).await?;
            // Asked only now: what others publish in between must not look as if it were lost.
            let found = bus.last_place().await?.filter(|found| found.stream == here.stream);
            let found =
                found.ok_or_else(|| Error::Unavailable("the stream is being replaced".into()))?;
            // A number that two events have was given anew after a loss: all from there on may be gone.
            let whole = known.twice.map_or(found.sequence, |twice| found.sequence.min(twice - 1));
            let is_short = known.twice.is_some() || known.last.is_some_and(|last| last > whole);
            if known.elsewhere || is_short {
                let last = Place { sequence: whole, ..found };
                let mut events = 0;
                loop {
                    let mut tx = store.begin().await?;
                    let retaken = tx.retake_lost(last, BATCH).await?;
                    tx.commit().await?;
                    events += retaken;
                    if retaken == 0 {
                        break;
                    }
                }
                tracing::error!(
                    events,
                    known = known.last,
                    found = whole,
                    event = "events_lost",
                    "NATS has lost events that it had acknowledged, or another stream has taken its place; they are \
                     published again. In its configuration, `sync_interval: always` prevents this"
                );
            }
            self.audited = Some(found);
        }
        self.asked = Some(asked);
        Ok(())
    }
}
