//! What PostgreSQL does in its own way.

use std::{sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgExecutor, SqlSafeStr,
    migrate::{Migrate, MigrateError},
    postgres::PgPoolOptions,
};
use tokio_util::task::TaskTracker;

use super::{
    EncodeEvent, Metrics, MigrationReport, Options, Pooler, SchemaState, Step, Tell, announce,
    failover::{self, Turn},
    listen,
    migrations::{self, failure},
    servers::{self, Servers},
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

/// How to reach the database without a pooler in between.
pub type Listen = Servers;

/// Readers pass, and so do other locks of the same transaction; writers of this table wait.
pub const LOCK_SIGNING_KEYS: &str = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE";
pub const LOCK_ROLE_BINDINGS: &str = "LOCK TABLE role_bindings IN SHARE ROW EXCLUSIVE MODE";

/// How long a connection may lie idle and still be trusted without a round trip.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long a migration may wait for a lock, how often it is tried again, and the pause in between, in which those have
/// their turn who waited behind it.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '2s'";
const LOCK_ATTEMPTS_MAX: u32 = 30;
const LOCK_RETRY_EVERY: Duration = Duration::from_secs(1);

/// How long a migrator waits for another one without a word.
const PROMPT: Duration = Duration::from_secs(1);

/// Makes room for the statements of a transaction on a connection that a pooler lends: the driver names them by number,
/// and transactions before this one have left some of the same names.
const FORGET: &str = "DEALLOCATE ALL";

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
#[expect(dead_code, reason = "PostgreSQL lets changes on many connections share a commit itself")]
mod store;

pub fn time(time: Timestamp) -> Time {
    time
}

#[expect(clippy::unnecessary_wraps, reason = "on SQLite a number may be too great for a time")]
pub fn timestamp(time: Time) -> sqlx::Result<Timestamp> {
    Ok(time)
}

pub fn check(options: &Options) -> Result<()> {
    Servers::read(options).and_then(|_| listen_servers(options)).map(drop)
}

pub async fn open(
    options: &Options,
    encode: EncodeEvent,
    metrics: Arc<Metrics>,
) -> Result<Arc<dyn Store>> {
    let (servers, listen) = (Servers::read(options)?, listen_servers(options)?);
    let (place, connection) = servers.connect().await?;
    connection.close().await?;
    let turn = Turn::default();
    let pool = pool(options, turn.clone()).connect_with(servers.options(place)).await?;
    let tasks = TaskTracker::new();
    if servers.len() > 1 {
        tasks.spawn(failover::follow(pool.clone(), servers, place, turn));
    }
    let (begin, begin_reading) = match options.pooler {
        Pooler::None => ("BEGIN".into_sql_str(), None),
        Pooler::Transaction => {
            let limit = options.statement_timeout.as_millis();
            let idle = servers::idle_in_transaction_max(options).as_millis();
            let begin = |how| {
                let sql = format!(
                    "BEGIN{how}; {FORGET}; SET LOCAL statement_timeout = {limit}; \
                     SET LOCAL idle_in_transaction_session_timeout = {idle}"
                );
                AssertSqlSafe(sql).into_sql_str()
            };
            (begin(""), Some(begin(" READ ONLY")))
        }
    };
    metrics.watch(&pool);
    Ok(Arc::new(store::Store {
        reads: pool.clone(),
        writes: pool,
        begin,
        group: None,
        begin_reading,
        tasks,
        encode,
        metrics,
        listen,
    }))
}

fn pool(options: &Options, turn: Turn) -> PgPoolOptions {
    PgPoolOptions::new()
        .min_connections(options.connections_min)
        .max_connections(options.connections_max)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout)
        .max_lifetime(options.lifetime)
        // Asking before every use would double the time of a short read, so only those are asked that may have
        // outlived a restart of the database.
        .test_before_acquire(false)
        .before_acquire(move |connection, seen| {
            let is_left_behind = turn.is_before(seen.age);
            Box::pin(async move {
                if is_left_behind {
                    return Ok(false);
                }
                if seen.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

pub fn follow(servers: Listen, memory: Arc<dyn Memory>, metrics: &Arc<Metrics>) -> Following {
    listen::follow(servers, memory, Arc::clone(metrics))
}

/// Tells every replica of a change, as part of the transaction that makes it.
pub async fn announce(on: impl PgExecutor<'_>, change: &Change) -> Result<()> {
    let texts = announce::write(change);
    if !texts.is_empty() {
        let query = sqlx::query("SELECT pg_notify($1, text) FROM unnest($2) AS text");
        query.bind(announce::CHANNEL).bind(texts).execute(on).await?;
    }
    Ok(())
}

pub async fn migrate(options: &Options, tell: Tell<'_>) -> Result<MigrationReport> {
    if options.pooler == Pooler::Transaction {
        return Err(Error::internal(
            "DATABASE_POOLER=transaction: a migration needs a session of its own; name PostgreSQL itself in DATABASE_URL, \
             and unset DATABASE_POOLER",
        ));
    }
    let mut connection = connect(options).await?;
    // Whoever migrates at the same time is waited for, and a migration takes as long as it takes.
    connection.execute("SET statement_timeout = 0").await?;
    wait_for_turn(&mut connection, tell).await.map_err(failure)?;
    // SQLite has a collation of this name built in, which compares bytes as well.
    connection.execute(r#"CREATE COLLATION IF NOT EXISTS "binary" FROM "C""#).await?;
    let report = migrate_patiently(&mut connection, tell).await?;
    connection.unlock().await.map_err(failure)?;
    connection.close().await?;
    Ok(report)
}

/// Waits until no other migrator is at work.
async fn wait_for_turn(connection: &mut PgConnection, tell: Tell<'_>) -> Result<(), MigrateError> {
    let mut turn = connection.lock();
    let Ok(come) = tokio::time::timeout(PROMPT, &mut turn).await else {
        tell(Step::Waits);
        return turn.await;
    };
    come
}

/// A migration that waits for a lock makes everybody wait who comes after it, so it does not wait for long, and tries again.
async fn migrate_patiently(
    connection: &mut PgConnection,
    tell: Tell<'_>,
) -> Result<MigrationReport> {
    connection.execute(LOCK_TIMEOUT).await?;
    let mut attempt = 1;
    loop {
        match migrations::run(connection, tell).await {
            Err(Error::Unavailable(_)) if attempt < LOCK_ATTEMPTS_MAX => {
                attempt += 1;
                tell(Step::Blocked);
                tokio::time::sleep(LOCK_RETRY_EVERY).await;
            }
            done => return done,
        }
    }
}

pub async fn schema_state(options: &Options) -> Result<SchemaState> {
    let mut connection = connect(options).await?;
    // One transaction: a pooler may lend another server connection to the next one.
    let begin = AssertSqlSafe(format!("BEGIN; {FORGET}"));
    let mut transaction = connection.begin_with(begin).await?;
    let has_history: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut *transaction)
            .await?;
    let state = migrations::state(&mut *transaction, has_history).await?;
    transaction.rollback().await?;
    connection.close().await?;
    Ok(state)
}

fn listen_servers(options: &Options) -> Result<Servers> {
    match &options.listen_url {
        Some(url) => Servers::read_url("DATABASE_LISTEN_URL", url, options),
        None => Servers::read(options),
    }
}

/// A connection of its own to the server that takes writes.
async fn connect(options: &Options) -> Result<PgConnection> {
    Servers::read(options)?.connect().await.map(|(_, connection)| connection)
}
