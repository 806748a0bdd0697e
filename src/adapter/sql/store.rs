//! The store over one database, and the handle that the repositories are implemented on. Compiled once for each database:
//! what differs between them is named in the module that includes this one.

mod api_keys;
mod attempts;
mod audit;
mod errands;
mod group;
mod idempotency;
mod identities;
mod keys;
mod lease;
mod list;
mod mails;
mod measure;
mod one_time_tokens;
mod outbox;
mod retention;
mod rooms;
mod row;
mod second_factors;
mod sessions;
mod streams;
mod users;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lease::{Lease, Open, Transaction};
use measure::Measured;
use sqlx::{Database, Executor, Pool, SqlStr};
use tokio::time;
use tokio_util::task::TaskTracker;

pub use group::Group;

use super::{Db, Listen};
use crate::{
    adapter::sql::{EncodeEvent, Metrics, query::Query},
    domain::{Error, Result, error::Race},
    port::{
        coherence::{Following, Memory},
        store::{self, Read, Tx},
    },
};

/// How long the first loser of a race waits at most before it tries again; the next waits twice as long.
const RETRY_PAUSE_MAX: Duration = Duration::from_millis(20);

type Connection = <Db as Database>::Connection;
type Row = <Db as Database>::Row;

pub struct Store {
    pub reads: Pool<Db>,
    pub writes: Pool<Db>,
    /// Begins a transaction.
    pub begin: SqlStr,
    /// Makes the changes, where all of them are made through one connection.
    pub group: Option<Arc<Group>>,
    /// Begins what reads, where that takes a transaction, too.
    pub begin_reading: Option<SqlStr>,
    /// What goes on beside the calls: connections on their way back.
    pub tasks: TaskTracker,
    pub encode: EncodeEvent,
    pub metrics: Arc<Metrics>,
    pub listen: Listen,
}

/// What a handle works through: a connection of the pool, or a transaction on one.
trait Link: Send {
    /// What runs one query. There is no other way to the connection, so that every query has a name.
    fn on(&mut self, query: Query) -> Measured<'_>;
}

/// Reads over any link; only one over a transaction can change anything.
struct Handle<L> {
    link: L,
    encode: EncodeEvent,
}

impl<L: Link> Handle<L> {
    fn on(&mut self, query: Query) -> Measured<'_> {
        self.link.on(query)
    }
}

type Change = Handle<Transaction>;

#[async_trait]
impl store::Store for Store {
    async fn read(&self) -> Result<Box<dyn Read>> {
        let link = self.lease(&self.reads).await?;
        Ok(match &self.begin_reading {
            None => Box::new(Handle { link, encode: self.encode }),
            Some(begin) => {
                let link = link.begin(begin.clone(), Open::Whole).await?;
                Box::new(Handle { link, encode: self.encode })
            }
        })
    }

    async fn begin(&self) -> Result<Box<dyn Tx>> {
        let begin = self.begin.clone();
        let link = match &self.group {
            Some(group) => group.begin(begin).await?,
            None => self.lease(&self.writes).await?.begin(begin, Open::Whole).await?,
        };
        Ok(Box::new(Change { link, encode: self.encode }))
    }

    async fn begin_again(&self, race: Race, attempt: u32) -> Result<Box<dyn Tx>> {
        self.metrics.count_retry(race);
        time::sleep(jittered(RETRY_PAUSE_MAX * attempt)?).await;
        self.begin().await
    }

    fn follow(&self, memory: Arc<dyn Memory>) -> Following {
        super::follow(self.listen.clone(), memory, &self.metrics)
    }

    async fn ping(&self) -> Result<()> {
        // A table, because SQLite answers a bare SELECT 1 without a look at the file.
        let mut lease = self.lease(&self.reads).await?;
        lease.on(Query::Ping).fetch_optional("SELECT 1 FROM roles LIMIT 1").await?;
        Ok(())
    }

    async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }
}

impl Store {
    async fn lease(&self, pool: &Pool<Db>) -> sqlx::Result<Lease> {
        Lease::take(pool, &self.tasks, &self.metrics).await
    }
}

impl<L: Link> Read for Handle<L> {}

#[async_trait]
impl Tx for Change {
    async fn commit(self: Box<Self>) -> Result<()> {
        self.link.commit().await
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        Ok(self.link.rollback().await?)
    }
}

/// Anything from half of `most` up to it.
fn jittered(most: Duration) -> Result<Duration> {
    let mut random = [0];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::internal("no random numbers"))?;
    Ok(most / 2 + most / 2 * u32::from(random[0]) / u32::from(u8::MAX))
}
