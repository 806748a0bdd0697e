//! `veza outbox`: what waits to be published, and publishing again.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::Duration,
};

use clap::Subcommand;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{explain, operator, print, show_time, use_cases};
use crate::{
    adapter::nats::{self, StreamState},
    app,
    config::{self, Config, duration},
    domain::Timestamp,
    port::store::OutboxStatus,
    service::outbox::{KEPT, OutboxService},
};

/// What can be done with the outbox.
#[derive(Debug, Subcommand)]
pub enum Outbox {
    /// Show how much waits to be published, and what NATS has
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Have events published again that were published since some time; consumers drop those that they have seen
    Replay {
        /// How long ago, as 1h, or from when on, as 2026-11-23T08:00:00Z; at most 24h, for which events are kept
        #[arg(long, value_name = "DURATION|TIME", value_parser = since)]
        since: Since,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// From when on.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// At this time.
    At(Timestamp),
}

impl Since {
    /// The time that is meant.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now - duration,
            Self::At(time) => time,
        }
    }
}

/// Reads a duration or a time.
pub fn since(text: &str) -> Result<Since, String> {
    if let Ok(time) = Timestamp::parse(text, &Rfc3339) {
        return Ok(Since::At(time));
    }
    duration(text).map(Since::Ago).map_err(|_| {
        "write how long ago, as 30m or 24h, or a time, as 2026-11-23T08:00:00Z".to_owned()
    })
}

/// Does it.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(config: &Config, command: Outbox) -> Result<(), String> {
    let core = use_cases(config).await?;
    let store = core.world.store.clone();
    let service = OutboxService { world: core.world };
    let done = match command {
        Outbox::Status { json } => status(config, &service, json).await,
        Outbox::Replay { since, yes } => replay(&service, since, yes).await,
    };
    store.close().await;
    done
}

async fn status(config: &Config, service: &OutboxService, json: bool) -> Result<(), String> {
    let (outbox, published) = service.status().await.map_err(explain)?;
    let stream = match app::nats(config, config::nats_url().as_ref())? {
        None => None,
        Some(options) => Some(nats::look(&options).await.map_err(explain)),
    };
    if json {
        return print(&format!("{:#}\n", as_json(outbox, published, stream)));
    }
    let now = service.world.clock.now();
    let oldest = outbox.oldest.map_or_else(String::new, |oldest| {
        let seconds = (now - oldest).whole_seconds().max(0);
        format!(", the oldest for {seconds} s, since {}", show_time(oldest))
    });
    let nats = match stream {
        None => "not configured: events stay in the database".to_owned(),
        Some(Err(why)) => why,
        Some(Ok(stream)) => format!(
            "the stream {} at {} has {} events, numbers {} to {}, since {}",
            stream.name,
            stream.servers,
            stream.messages,
            stream.first,
            stream.last,
            show_time(stream.made)
        ),
    };
    print(&format!(
        "pending    {}{oldest}\npublished  {published} in the last 24 hours\nNATS       {nats}\n",
        outbox.pending
    ))
}

fn as_json(
    outbox: OutboxStatus,
    published: i64,
    stream: Option<Result<StreamState, String>>,
) -> Value {
    let nats = match stream {
        None => Value::Null,
        Some(Err(why)) => json!({ "error": why }),
        Some(Ok(stream)) => json!({
            "servers": stream.servers,
            "stream": stream.name,
            "messages": stream.messages,
            "firstSequence": stream.first,
            "lastSequence": stream.last,
            "createTime": show_time(stream.made),
        }),
    };
    json!({
        "pending": outbox.pending,
        "oldestPendingTime": outbox.oldest.map(show_time),
        "publishedWithin24h": published,
        "nats": nats,
    })
}

async fn replay(service: &OutboxService, since: Since, yes: bool) -> Result<(), String> {
    if config::nats_url().is_none() {
        return Err("NATS_URL is not set, so there is nowhere to publish events again".to_owned());
    }
    let until = service.world.clock.now();
    let since = since.at(until);
    if since >= until || until - since > KEPT {
        return Err(
            "--since must be within the last 24 hours, for which events are kept".to_owned()
        );
    }
    let events = service.count_published(since, until).await.map_err(explain)?;
    if events == 0 {
        return print(&format!(
            "nothing to do: no event was published since {}\n",
            show_time(since)
        ));
    }
    let what = format!("{events} events, published since {}", show_time(since));
    if !yes {
        ask(&what)?;
    }
    let events = service.replay(&operator(), since, until).await.map_err(explain)?;
    print(&format!("{events} events wait to be published again; a running server does it\n"))
}

/// Asks whether to go on.
fn ask(what: &str) -> Result<(), String> {
    if !io::stdin().is_terminal() {
        return Err(format!("this would publish {what} again; say --yes if you mean it"));
    }
    let question = format!(
        "Publish {what} again? They keep their ids: consumers that drop what they have seen notice nothing. [y/N] "
    );
    print(&question)?;
    io::stdout().flush().map_err(|error| error.to_string())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err("nothing was changed".to_owned()),
    }
}
