//! What SQLite does in its own way.

use std::{path::Path, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection, SqlSafeStr, SqliteExecutor, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use tokio_util::task::TaskTracker;

use super::{
    Claim, EncodeEvent, Metrics, MigrationReport, Options, SchemaState, Tell, claim as claims,
    migrations, watch,
};
use crate::{
    domain::{Error, Result, Timestamp},
    port::{
        coherence::{Change, Following, Memory},
        store::Store,
    },
};

pub type Db = sqlx::Sqlite;

/// How a point in time is bound and read: whole microseconds since 1970, which compare as times do. The driver's own
/// texts do not, because they leave out a fraction of zero.
pub type Time = i64;

/// Takes the lock that writers need at once. A transaction that first reads and then wants it may find that another has
/// written in between, and can only fail.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Where it shows what other processes write: the one connection that writes for this one.
pub type Listen = SqlitePool;

/// There is one writer at a time anyway.
pub const LOCK_SIGNING_KEYS: &str = "SELECT 1";
pub const LOCK_ROLE_BINDINGS: &str = "SELECT 1";

/// How long to wait for another process that holds the lock, as a backup does.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

macro_rules! for_update {
    () => {
        ""
    };
}
macro_rules! skip_locked {
    () => {
        ""
    };
}
macro_rules! next_seq {
    () => {
        "(SELECT coalesce(max(seq), 0) + 1 FROM outbox)"
    };
}

#[path = "store.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "each query is written once and compiled for each database"
)]
mod store;

pub fn time(time: Timestamp) -> Time {
    time.unix_timestamp() * 1_000_000 + i64::from(time.microsecond())
}

pub fn timestamp(time: Time) -> sqlx::Result<Timestamp> {
    Timestamp::from_unix_timestamp_nanos(i128::from(time) * 1000)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

pub async fn open(
    options: &Options,
    encode: EncodeEvent,
    metrics: Arc<Metrics>,
) -> Result<Arc<dyn Store>> {
    let connect = connect_options(options)?;
    // Connections to a file do not break, so nothing is gained by asking or replacing them.
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    // The writer comes first: it makes the file and its write-ahead log.
    let writes: SqlitePool = pool.clone().max_connections(1).connect_with(connect.clone()).await?;
    let listen = writes.clone();
    let reads = pool
        .max_connections(options.connections_max)
        .connect_with(connect.pragma("query_only", "ON"))
        .await?;
    metrics.watch(&reads);
    metrics.watch(&writes);
    let tasks = TaskTracker::new();
    let group = store::Group::new(writes.clone(), tasks.clone(), Arc::clone(&metrics));
    Ok(Arc::new(store::Store {
        reads,
        writes,
        begin: BEGIN.into_sql_str(),
        group: Some(group),
        begin_reading: None,
        tasks,
        encode,
        metrics,
        listen,
    }))
}

pub fn follow(writer: Listen, memory: Arc<dyn Memory>, metrics: &Arc<Metrics>) -> Following {
    // The file is looked at for as long as there is a server.
    metrics.show_listening(true);
    watch::follow(writer, memory)
}

/// The one server that remembers anything is told by the use case.
pub async fn announce(_: impl SqliteExecutor<'_>, _: &Change) -> Result<()> {
    Ok(())
}

pub async fn migrate(options: &Options, tell: Tell<'_>) -> Result<MigrationReport> {
    let mut connection = connect_options(options)?.connect().await?;
    // One transaction around all of them is also what makes a second migrator wait.
    let mut transaction = connection.begin_with(BEGIN).await?;
    let report = migrations::run(&mut *transaction, tell).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(report)
}

pub fn check(options: &Options) -> Result<()> {
    read_url(options).and_then(|connect| find_folder(connect.get_filename()))
}

pub async fn claim(options: &Options) -> Result<Claim> {
    claims::take(connect_options(options)?.get_filename()).await
}

pub async fn schema_state(options: &Options) -> Result<SchemaState> {
    let mut connection = connect_options(options)?.connect().await?;
    let has_history: bool =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut connection)
            .await?;
    let state = migrations::state(&mut connection, has_history).await?;
    connection.close().await?;
    Ok(state)
}

fn read_url(options: &Options) -> Result<SqliteConnectOptions> {
    let url = options.url.expose_secret();
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(Error::internal(
            "DATABASE_URL: an SQLite database in memory would be another one for every connection; name a file",
        ));
    }
    url.parse().map_err(|error| Error::internal(format!("DATABASE_URL cannot be read: {error}")))
}

fn connect_options(options: &Options) -> Result<SqliteConnectOptions> {
    let synchronous = if options.synchronous_normal {
        SqliteSynchronous::Normal
    } else {
        SqliteSynchronous::Full
    };
    let connect = read_url(options)?;
    create_private(connect.get_filename())?;
    Ok(connect
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // Slow queries are told of by their names.
        .disable_statement_logging())
}

/// SQLite makes files, and no folders.
fn find_folder(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => Err(Error::internal(format!(
            "DATABASE_URL: the folder {} does not exist; make it, or name a file in another one",
            folder.display()
        ))),
    }
}

/// Makes the file before SQLite does, so that only its owner can read it; the files beside it take after it.
fn create_private(path: &Path) -> Result<()> {
    find_folder(path)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::internal(format!(
            "DATABASE_URL: the file {} cannot be made: {error}",
            path.display()
        ))),
    }
}
