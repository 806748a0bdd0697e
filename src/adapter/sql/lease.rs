//! A connection out of the pool, alone or within a transaction, and its way back.

use std::{sync::Arc, time::Duration};

use sqlx::{Executor, SqlStr, pool::PoolConnection};
use tokio::time;
use tokio_util::task::TaskTracker;

use super::{Db, Link, Measured};
use crate::{
    adapter::sql::{Metrics, query::Query},
    domain::Result,
};

/// How long a connection may take to become usable again, after a call that was given up, before the pool makes another
/// one in its place. Otherwise a server that has fallen silent would hold on to it until the operating system gives up.
const RETURN_WITHIN: Duration = Duration::from_secs(5);

/// A connection that goes back to the pool when it is dropped.
pub struct Lease {
    /// There until it is dropped.
    connection: Option<PoolConnection<Db>>,
    /// Whether a transaction may be open.
    is_open: bool,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
}

/// A transaction; dropped means rolled back.
pub struct Transaction(Lease);

/// Said where there is no connection any more, which is while it is dropped.
const GONE: &str = "a lease has its connection until it is dropped";

impl Lease {
    pub fn new(connection: PoolConnection<Db>, tasks: TaskTracker, metrics: Arc<Metrics>) -> Self {
        Self { connection: Some(connection), is_open: false, tasks, metrics }
    }

    /// Begins a transaction with this statement.
    pub async fn begin(mut self, statement: SqlStr) -> sqlx::Result<Transaction> {
        // From now on: the server may have begun it when we are gone before it says so.
        self.is_open = true;
        self.on(Query::Begin).execute(statement).await?;
        Ok(Transaction(self))
    }
}

impl Transaction {
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.on(Query::Commit).execute("COMMIT").await?;
        self.0.is_open = false;
        Ok(())
    }

    pub async fn rollback(mut self) -> sqlx::Result<()> {
        self.on(Query::Rollback).execute("ROLLBACK").await?;
        self.0.is_open = false;
        Ok(())
    }

    /// Sets a mark, to which [`Transaction::keep`] goes back.
    pub async fn mark(&mut self) -> sqlx::Result<()> {
        self.on(Query::Savepoint).execute("SAVEPOINT mark").await.map(drop)
    }

    /// Keeps what was done since the mark if it succeeded, and otherwise undoes it, so that the transaction can go on.
    pub async fn keep<T>(&mut self, done: Result<T>) -> Result<T> {
        if done.is_ok() {
            self.on(Query::Savepoint).execute("RELEASE SAVEPOINT mark").await?;
        } else {
            // When it fails the transaction cannot go on, and what was wrong at first says more.
            self.on(Query::Savepoint).execute("ROLLBACK TO SAVEPOINT mark").await.ok();
        }
        done
    }
}

impl Link for Lease {
    #[expect(clippy::expect_used, reason = "only `drop` takes the connection away")]
    fn on(&mut self, query: Query) -> Measured<'_> {
        let connection = self.connection.as_mut().expect(GONE);
        Measured::new(connection, &self.metrics, query)
    }
}

impl Link for Transaction {
    fn on(&mut self, query: Query) -> Measured<'_> {
        self.0.on(query)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let is_open = self.is_open;
        self.tasks.spawn(async move {
            let back = async {
                if is_open && connection.execute("ROLLBACK").await.is_err() {
                    // The failure may be that of the statement that was given up, which PostgreSQL tells in answer to the
                    // next one. A second one fails where there is nothing to roll back, and where the connection is broken,
                    // which the next line finds out.
                    connection.execute("ROLLBACK").await.ok();
                }
                connection.return_to_pool().await;
            };
            if time::timeout(RETURN_WITHIN, back).await.is_err() {
                connection.close_on_drop();
                tracing::warn!(
                    event = "connection_lost",
                    "a database connection fell silent; it is replaced"
                );
            }
        });
    }
}
