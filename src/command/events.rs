//! `veza events`: what happens, for people.

use std::{collections::BTreeSet, time::Duration};

use clap::Subcommand;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time;

use super::{
    explain,
    outbox::{Since, since},
    print, use_cases,
};
use crate::{
    adapter::nats,
    app,
    config::{self, Config},
    domain::{Timestamp, event},
    port::{bus::Message, store::Store},
    rpc,
};

/// How often the database is asked for more.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How many events are read at once.
const BATCH: i64 = 500;

/// How far a change that was under way may be behind those that were recorded after it, in events.
const LATE_MAX: i64 = 1_000;

/// What can be done with events.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Show events as they happen: from NATS where it is configured, and from the database otherwise
    Tail {
        /// Only events of this type; `*` stands for a word, as in `room.*`
        #[arg(long, value_name = "TYPE", default_value = ">", hide_default_value = true)]
        subject: String,
        /// Begin with what has happened since: how long ago, as 10m, or from when on, as 2026-11-23T08:00:00Z
        #[arg(long, value_name = "DURATION|TIME", value_parser = since)]
        since: Option<Since>,
        /// Stop after so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Print each event as one line of JSON, as the contract has it
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(config: &Config, command: Events) -> Result<(), String> {
    let Events::Tail { subject, since, limit, json } = command;
    let core = use_cases(config).await?;
    let now = core.world.clock.now();
    let since = since.map(|since| since.at(now));
    let events = match app::nats(config, config::nats_url().as_ref())? {
        Some(options) => nats::tail(&options, since).await.map_err(explain)?,
        None => poll(&*core.world.store, since.unwrap_or(now)),
    };
    let mut events = events
        .filter(|message| std::future::ready(event::covers(&subject, &message.subject)))
        .take(limit.unwrap_or(usize::MAX));
    while let Some(message) = events.next().await {
        let line = if json {
            rpc::event::to_json(&message.payload)
        } else {
            rpc::event::to_line(&message.payload)
        };
        print(&(line.map_err(explain)? + "\n"))?;
    }
    Ok(())
}

/// What was read of the outbox so far.
#[derive(Default)]
struct Progress {
    last: i64,
    seen: BTreeSet<i64>,
}

/// The events of the database from `since` on; never ends.
fn poll(store: &dyn Store, since: Timestamp) -> BoxStream<'_, Message> {
    let batches = stream::unfold(Progress::default(), move |mut progress| async move {
        loop {
            let after = (progress.last - LATE_MAX).max(0);
            let rows =
                async { store.read().await?.list_events(after, since, BATCH + LATE_MAX).await };
            // A database that does not answer may do so the next time.
            let mut rows = rows.await.unwrap_or_default();
            rows.retain(|(seq, _)| progress.seen.insert(*seq));
            if let Some((last, _)) = rows.last() {
                progress.last = progress.last.max(*last);
                progress.seen = progress.seen.split_off(&(progress.last - LATE_MAX));
                let messages = rows.into_iter().map(|(_, message)| message);
                return Some((stream::iter(messages.collect::<Vec<_>>()), progress));
            }
            time::sleep(ASK_EVERY).await;
        }
    });
    batches.flatten().boxed()
}
