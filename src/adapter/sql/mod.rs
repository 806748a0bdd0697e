//! The store over SQLite or PostgreSQL. Each query is written once, in `store.rs` and its modules, and compiled for both:
//! `sqlite.rs` and `postgres.rs` say what differs.

mod announce;
mod claim;
mod clock;
mod error;
mod failover;
mod listen;
mod metrics;
mod migrations;
mod postgres;
mod query;
mod servers;
mod sqlite;
mod watch;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use clock::ServerClock;

pub use claim::Claim;
pub use metrics::Metrics;
pub use migrations::{MigrationReport, SchemaState, Step, Tell};

use crate::{
    domain::{Error, Result, event::Event},
    port::{clock::Clock, store::Store},
};

/// Which database, and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH`, `sqlite://PATH`, `postgres://...` or `postgresql://...`.
    pub url: SecretString,
    /// Where to listen for what other replicas change, when `url` leads to a pooler.
    pub listen_url: Option<SecretString>,
    /// How many connections are kept open, on PostgreSQL.
    pub connections_min: u32,
    /// How many connections there are at most. SQLite has one more, the only one that writes.
    pub connections_max: u32,
    /// How long a call waits for a free connection before it fails with `Unavailable`.
    pub acquire_timeout: Duration,
    /// How long one PostgreSQL server has to take a connection before another is tried.
    pub connect_timeout: Duration,
    /// How long a PostgreSQL connection beyond the fewest may lie idle before it is closed.
    pub idle_timeout: Duration,
    /// How long a PostgreSQL connection is used before another takes its place.
    pub lifetime: Duration,
    /// How many prepared statements each PostgreSQL connection keeps.
    pub statements_max: usize,
    /// How long a statement may take on PostgreSQL.
    pub statement_timeout: Duration,
    /// How long a query may take before it counts as slow.
    pub slow_query: Duration,
    /// What stands between this process and PostgreSQL.
    pub pooler: Pooler,
    /// On SQLite, commits without waiting for the disk: the last of them may be lost when the power fails, though not
    /// when the process does. On PostgreSQL its own `synchronous_commit` decides.
    pub synchronous_normal: bool,
}

/// What stands between this process and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or something that gives each connection a server connection of its own.
    None,
    /// A pooler that lends a server connection for one transaction, as pgbouncer does with `pool_mode=transaction`: no
    /// statement stays prepared, no session has settings, and even a read is a transaction.
    Transaction,
}

/// Makes the envelope of an event, a `veza.event.v1.Event` in protobuf.
pub type EncodeEvent = fn(&Event) -> Vec<u8>;

/// Whether a database could be opened here, as far as its URL says; opens and makes nothing.
pub fn check(options: &Options) -> Result<()> {
    if options.connections_min > options.connections_max {
        return Err(Error::internal(format!(
            "DATABASE_CONNECTIONS_MIN is {}, which is more than DATABASE_CONNECTIONS_MAX, {}; make it at most as much",
            options.connections_min, options.connections_max
        )));
    }
    match Kind::of(options)? {
        Kind::Sqlite => sqlite::check(options),
        Kind::Postgres => postgres::check(options),
    }
}

/// Connects to the database; its schema must be there already.
pub async fn open(
    options: &Options,
    encode: EncodeEvent,
    metrics: Arc<Metrics>,
) -> Result<Arc<dyn Store>> {
    match Kind::of(options)? {
        Kind::Sqlite => sqlite::open(options, encode, metrics).await,
        Kind::Postgres => postgres::open(options, encode, metrics).await,
    }
}

/// The clock to live by: that of the server where many share the database, and `machine` where one has it alone.
pub async fn clock(options: &Options, machine: Arc<dyn Clock>) -> Result<Arc<dyn Clock>> {
    match Kind::of(options)? {
        Kind::Sqlite => Ok(machine),
        Kind::Postgres => Ok(Arc::new(ServerClock::read(options, &*machine).await?)),
    }
}

/// Brings the schema up to date. Of two that try at once, one waits for the other.
pub async fn migrate(options: &Options, tell: Tell<'_>) -> Result<MigrationReport> {
    match Kind::of(options)? {
        Kind::Sqlite => sqlite::migrate(options, tell).await,
        Kind::Postgres => postgres::migrate(options, tell).await,
    }
}

/// Claims an SQLite file for one server; nothing for a database that many can share.
pub async fn claim(options: &Options) -> Result<Option<Claim>> {
    match Kind::of(options)? {
        Kind::Sqlite => sqlite::claim(options).await.map(Some),
        Kind::Postgres => Ok(None),
    }
}

/// How the schema of the database compares with what this build expects. Changes nothing in it.
pub async fn pending_migrations(options: &Options) -> Result<SchemaState> {
    match Kind::of(options)? {
        Kind::Sqlite => sqlite::schema_state(options).await,
        Kind::Postgres => postgres::schema_state(options).await,
    }
}

enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn of(options: &Options) -> Result<Self> {
        match options.url.expose_secret().split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres),
            // The URL is not repeated: it may hold a password.
            _ => Err(Error::internal(
                "DATABASE_URL is of no database that is known here; write sqlite:FILE or \
                 postgres://USER:PASSWORD@HOST/NAME",
            )),
        }
    }
}
