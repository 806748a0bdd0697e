//! Hears what other replicas change in PostgreSQL, and knows whether it has heard everything.
//!
//! An announcement is sent within the transaction of the change (NOTIFY), so it is delivered if and when that commits:
//! PostgreSQL signals every backend that listens before it tells the client that the commit is done, and a backend passes
//! on what it was signalled before it reports that it is ready for the next query. So the answer to any round trip on the
//! connection that listens comes after all announcements of changes that were acknowledged before the round trip began.
//! That round trip is what [`Freshness::confirm`] waits for; calls that wait at the same time share one.
//!
//! It asks whether the server still takes writes, because one that has been told to stop may go on answering while
//! others hear of changes elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    Acquire,
    postgres::{PgListener, PgNotification, PgPoolOptions},
};
use tokio::{
    sync::{mpsc, oneshot},
    time,
};
use uuid::Uuid;

use super::{
    announce,
    metrics::Metrics,
    servers::{Servers, is_read_only},
};
use crate::port::coherence::{Following, Freshness, Memory};

/// How often the connection has to prove that it is alive while nobody asks, so that it is there for whoever does.
const PROOF_EVERY: Duration = Duration::from_millis(200);

/// How long a round trip may take before the connection counts as lost, and calls ask the database themselves.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a connection may take to come about, and the pause before the next is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How many calls may wait for a round trip; more ask the database themselves.
const WAITING_MAX: usize = 4096;

/// What the connection is called in `pg_stat_activity`.
const NAME: &str = "veza listener";

/// A setting of the connection that only its own backend has, because it is given when the backend is made. Behind a
/// pooler that hands backends around, queries reach one that has it not, and LISTEN would be in vain.
const MARK: &str = "veza.listener";

/// Follows the changes that are announced on the database of these servers.
pub fn follow(servers: Servers, memory: Arc<dyn Memory>, metrics: Arc<Metrics>) -> Following {
    let (ask, asked) = mpsc::channel(WAITING_MAX);
    let hears = Arc::new(AtomicBool::new(false));
    let freshness = Arc::new(Line { hears: Arc::clone(&hears), ask });
    let listener = Listener { servers, place: 0, memory, metrics, hears, asked };
    Following { freshness, work: Box::pin(listener.run()) }
}

/// The way from calls to the listener.
struct Line {
    hears: Arc<AtomicBool>,
    ask: mpsc::Sender<oneshot::Sender<()>>,
}

#[async_trait]
impl Freshness for Line {
    async fn confirm(&self) -> bool {
        if !self.hears.load(Ordering::Acquire) {
            return false;
        }
        let (answer, answered) = oneshot::channel();
        if self.ask.try_send(answer).is_err() {
            return false;
        }
        matches!(time::timeout(PATIENCE, answered).await, Ok(Ok(())))
    }
}

struct Listener {
    servers: Servers,
    /// The place of the one that is heard, or was last.
    place: usize,
    memory: Arc<dyn Memory>,
    metrics: Arc<Metrics>,
    hears: Arc<AtomicBool>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Listener {
    async fn run(mut self) {
        loop {
            let mut connection = self.connect_again().await;
            // What comes from now on is heard; what was remembered before may have missed something.
            self.memory.forget_everything();
            self.show(true);
            tracing::debug!(event = "listening_to_changes", "hears what other replicas change");
            let why = self.hear(&mut connection).await;
            self.show(false);
            warn(&why);
        }
    }

    fn show(&self, hears: bool) {
        self.hears.store(hears, Ordering::Release);
        self.metrics.show_listening(hears);
    }

    /// Hears until the connection is lost; why it is.
    async fn hear(&mut self, connection: &mut PgListener) -> String {
        let mut proof = time::interval(PROOF_EVERY);
        proof.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                heard = connection.try_recv() => match heard {
                    Ok(Some(heard)) => {
                        self.learn(&heard);
                        continue;
                    }
                    Ok(None) => return "the connection was closed".to_owned(),
                    Err(error) => return error.to_string(),
                },
                _ = self.asked.recv_many(&mut waiting, WAITING_MAX), if !self.asked.is_closed() => {}
                _ = proof.tick() => {}
            }
            // Whoever is about to ask gets a turn first: under load, one round trip then serves many more.
            tokio::task::yield_now().await;
            // Whoever came by now waits for the round trip that begins now, and whoever comes later for the next.
            while let Ok(answer) = self.asked.try_recv() {
                waiting.push(answer);
            }
            match time::timeout(PATIENCE, round_trip(connection)).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => return "the server takes no writes any more".to_owned(),
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the database does not answer".to_owned(),
            }
            while let Some(heard) = connection.next_buffered() {
                self.learn(&heard);
            }
            for answer in waiting.drain(..) {
                // A call that was given up does not wait any more.
                answer.send(()).ok();
            }
        }
    }

    fn learn(&self, heard: &PgNotification) {
        if let Some(change) = announce::read(heard.payload()) {
            self.memory.learn(&change);
        }
    }

    /// A connection that listens, as soon as there is one.
    async fn connect_again(&mut self) -> PgListener {
        let mut told = false;
        loop {
            match time::timeout(CONNECT_TIMEOUT, connect(&self.servers, self.place)).await {
                Ok(Ok((place, connection))) => {
                    self.place = place;
                    return connection;
                }
                Ok(Err(why)) if !told => warn(&why),
                Err(_) if !told => warn("the database does not answer"),
                _ => {}
            }
            told = true;
            time::sleep(RETRY_EVERY).await;
        }
    }
}

/// Whether the server has stopped to take writes, said after all that there is to hear.
async fn round_trip(connection: &mut PgListener) -> sqlx::Result<bool> {
    is_read_only(connection.acquire().await?).await
}

/// A connection that listens to the server that takes writes, and its place; the one at `from` is looked at first.
async fn connect(servers: &Servers, from: usize) -> Result<(usize, PgListener), String> {
    let (place, _) = servers.find(from).await.ok_or("no server takes writes")?;
    let mut mark = [0; 16];
    aws_lc_rs::rand::fill(&mut mark).map_err(|_| "no random numbers")?;
    let mark = Uuid::from_bytes(mark).to_string();
    let options = servers.options(place).application_name(NAME).options([(MARK, &mark)]);
    // The driver wants a pool to listen with. Nothing else uses this one.
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let failed = |error: sqlx::Error| error.to_string();
    let pool = pool.connect_with(options).await.map_err(failed)?;
    let mut connection = PgListener::connect_with(&pool).await.map_err(failed)?;
    connection.ignore_pool_close_event(true);
    connection.eager_reconnect(false);
    let query = sqlx::query_scalar::<_, Option<String>>("SELECT current_setting($1, true)");
    let found = query.bind(MARK).persistent(false).fetch_one(&mut connection).await;
    if found.map_err(failed)?.as_deref() != Some(&mark) {
        return Err("a pooler that shares connections is in between".to_owned());
    }
    connection.listen(announce::CHANNEL).await.map_err(failed)?;
    Ok((place, connection))
}

fn warn(why: &str) {
    tracing::warn!(
        error = why,
        event = "changes_not_heard",
        "what other replicas change is not heard, so sessions and accounts are read anew for every call. Check that PostgreSQL answers; \
         if a pooler is in front of it, set DATABASE_LISTEN_URL to reach it directly"
    );
}
