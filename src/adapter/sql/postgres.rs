//! What PostgreSQL does in its own way.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, PgPool,
    migrate::Migrate,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time;

use super::{
    EncodeEvent, Metrics, MigrationReport, Options, SchemaState, announce, listen,
    migrations::{self, failure},
};
use crate::{
    domain::{Error, Result, Timestamp},
    port::{
        coherence::{Change, Following, Memory},
        store::Store,
    },
};

pub type Db = sqlx::Postgres;

/// How a point in time is bound and read.
pub type Time = Timestamp;

pub const BEGIN: &str = "BEGIN";

/// How to reach the database without a pooler in between.
pub type Listen = PgConnectOptions;

/// Readers pass, and so do other locks of the same transaction; writers of this table wait.
pub const LOCK_SIGNING_KEYS: &str = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE";
pub const LOCK_ROLE_BINDINGS: &str = "LOCK TABLE role_bindings IN SHARE ROW EXCLUSIVE MODE";

/// How often a database that cannot be reached is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How long a connection may lie idle and still be trusted without a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// Statements that were prepared stay so, per connection: room for every list with its filters and orders in use.
const STATEMENTS_MAX: usize = 250;

macro_rules! for_update {
    () => {
        " FOR UPDATE"
    };
}
macro_rules! skip_locked {
    () => {
        " FOR UPDATE SKIP LOCKED"
    };
}
macro_rules! next_seq {
    () => {
        "DEFAULT"
    };
}

#[path = "store.rs"]
mod store;

pub fn time(time: Timestamp) -> Time {
    time
}

#[expect(clippy::unnecessary_wraps, reason = "on SQLite a number may be too great for a time")]
pub fn timestamp(time: Time) -> sqlx::Result<Timestamp> {
    Ok(time)
}

pub fn check(options: &Options) -> Result<()> {
    connect_options(options).and_then(|_| listen_options(options)).map(drop)
}

pub async fn open(
    options: &Options,
    encode: EncodeEvent,
    metrics: Arc<Metrics>,
) -> Result<Arc<dyn Store>> {
    let listen = listen_options(options)?;
    let pool: PgPool = PgPoolOptions::new()
        .min_connections(1)
        .max_connections(options.connections_max)
        .acquire_timeout(options.acquire_timeout)
        // Asking before every use would double the time of a short read, so only those are asked that may have
        // outlived a restart of the database.
        .test_before_acquire(false)
        .before_acquire(|connection, seen| {
            Box::pin(async move {
                if seen.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(bounded(connect_options(options)?))
        .await?;
    Ok(Arc::new(store::Store { reads: pool.clone(), writes: pool, encode, metrics, listen }))
}

pub fn follow(connect: Listen, memory: Arc<dyn Memory>) -> Following {
    listen::follow(connect, memory)
}

/// Tells every replica of a change, as part of the transaction that makes it.
pub async fn announce(connection: &mut PgConnection, change: &Change) -> Result<()> {
    for text in announce::write(change) {
        let query = sqlx::query("SELECT pg_notify($1, $2)").bind(announce::CHANNEL).bind(text);
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

pub async fn migrate(options: &Options) -> Result<MigrationReport> {
    // Without the time limits of the pool: a migration takes as long as it takes.
    let mut connection = connect(options).await?;
    connection.lock().await.map_err(failure)?;
    // SQLite has a collation of this name built in, which compares bytes as well.
    connection.execute(r#"CREATE COLLATION IF NOT EXISTS "binary" FROM "C""#).await?;
    let report = migrations::run(&mut connection).await?;
    connection.unlock().await.map_err(failure)?;
    connection.close().await?;
    Ok(report)
}

pub async fn schema_state(options: &Options) -> Result<SchemaState> {
    let mut connection = connect(options).await?;
    let has_history: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut connection)
            .await?;
    let state = migrations::state(&mut connection, has_history).await?;
    connection.close().await?;
    Ok(state)
}

/// A connection of its own, within the time that a pool gives itself for one. A database that is just starting is waited
/// for, and a pool would not say what was wrong.
pub async fn connect(options: &Options) -> Result<PgConnection> {
    let connect = connect_options(options)?;
    let mut why = "no answer".to_owned();
    let attempts = async {
        loop {
            match connect.connect().await {
                Err(sqlx::Error::Io(error)) => why = error.to_string(),
                Err(sqlx::Error::Database(error)) if is_starting(&*error) => {
                    why = error.to_string();
                }
                done => return done,
            }
            time::sleep(RETRY_EVERY).await;
        }
    };
    match time::timeout(options.acquire_timeout, attempts).await {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => why = error.to_string(),
        Err(_) => {}
    }
    let (host, port) = (connect.get_host(), connect.get_port());
    Err(Error::Unavailable(
        format!(
            "DATABASE_URL: cannot connect to PostgreSQL at {host}:{port}: {why}. Check that it runs there, and that the \
             name, user and password are right"
        )
        .into(),
    ))
}

/// Whether it takes no connection yet, or has none left at this moment.
fn is_starting(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().is_some_and(|code| matches!(&*code, "57P03" | "53300"))
}

fn connect_options(options: &Options) -> Result<PgConnectOptions> {
    Ok(read_url("DATABASE_URL", &options.url)?.statement_cache_capacity(STATEMENTS_MAX))
}

fn listen_options(options: &Options) -> Result<PgConnectOptions> {
    match &options.listen_url {
        Some(url) => read_url("DATABASE_LISTEN_URL", url),
        None => read_url("DATABASE_URL", &options.url),
    }
}

fn read_url(setting: &str, url: &SecretString) -> Result<PgConnectOptions> {
    let connect: PgConnectOptions = url.expose_secret().parse().map_err(|error: sqlx::Error| {
        Error::internal(format!("{setting} cannot be read: {error}"))
    })?;
    Ok(connect.application_name("veza"))
}

/// Bounds what a call that was given up may still cost: its statement, and the locks of a transaction that nobody
/// ends. Settings in the URL come instead of these.
fn bounded(connect: PgConnectOptions) -> PgConnectOptions {
    if connect.get_options().is_some() {
        return connect;
    }
    connect.options([("statement_timeout", "10s"), ("idle_in_transaction_session_timeout", "10s")])
}
