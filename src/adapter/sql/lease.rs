//! A connection out of the pool, alone or within a transaction, and its way back.

use std::{sync::Arc, time::Duration};

use sqlx::{Executor, Pool, SqlStr, pool::PoolConnection};
use tokio::time;
use tokio_util::task::TaskTracker;

use super::{Connection, Db, Link, Measured, group::Group};
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
    open: Open,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
}

/// What may be open on a connection, and is undone when it is dropped.
pub enum Open {
    /// Nothing of its own.
    Nothing,
    /// A transaction.
    Whole,
    /// A savepoint in the transaction of a group.
    Within(Arc<Group>),
}

impl Open {
    /// The statement that undoes it.
    fn undoing(&self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Whole => Some("ROLLBACK"),
            Self::Within(_) => Some("ROLLBACK TO SAVEPOINT change; RELEASE SAVEPOINT change"),
        }
    }

    /// Undoes it after a failure, or when a call was given up.
    async fn undo(&self, connection: &mut Connection) {
        let Some(statement) = self.undoing() else { return };
        if connection.execute(statement).await.is_ok() {
            return;
        }
        // SQLite ends the transaction itself when it cannot write, as on a full disk.
        self.lose();
        // The failure may be that of the statement that was given up, which PostgreSQL tells in answer to the next one. A
        // second one fails where there is nothing to roll back, and where the connection is broken, which its way back to
        // the pool finds out.
        connection.execute("ROLLBACK").await.ok();
    }

    /// Tells those who have done their part of the transaction that it is lost.
    fn lose(&self) {
        if let Self::Within(group) = self {
            group.fail("the transaction that it shared with others was lost".to_owned());
        }
    }
}

/// A transaction; dropped means rolled back.
pub struct Transaction {
    lease: Lease,
    /// The group that it is committed with; none where every transaction has a connection.
    group: Option<Arc<Group>>,
}

/// Said where there is no connection any more, which is while it is dropped.
const GONE: &str = "a lease has its connection until it is dropped";

impl Lease {
    /// Waits for a connection of the pool.
    pub async fn take(
        pool: &Pool<Db>,
        tasks: &TaskTracker,
        metrics: &Arc<Metrics>,
    ) -> sqlx::Result<Self> {
        let waiting = metrics.wait();
        let connection = Some(pool.acquire().await?);
        drop(waiting);
        let (tasks, metrics) = (tasks.clone(), Arc::clone(metrics));
        Ok(Self { connection, open: Open::Nothing, tasks, metrics })
    }

    /// Begins a transaction with this statement, which opens as much.
    pub async fn begin(mut self, statement: SqlStr, open: Open) -> sqlx::Result<Transaction> {
        // From now on: the server may have begun it when we are gone before it says so.
        self.open = open;
        self.on(Query::Begin).execute(statement).await?;
        Ok(Transaction { lease: self, group: None })
    }

    /// Ends the transaction, and keeps what was done.
    pub async fn commit(&mut self) -> sqlx::Result<()> {
        self.on(Query::Commit).execute("COMMIT").await?;
        self.open = Open::Nothing;
        Ok(())
    }

    /// Ends the savepoint of a change that is done; it is kept if and when its group is.
    pub async fn release(&mut self) -> sqlx::Result<()> {
        self.on(Query::Savepoint).execute("RELEASE SAVEPOINT change").await?;
        self.open = Open::Nothing;
        Ok(())
    }

    /// Is responsible from now on for the transaction that others have left open.
    pub fn take_over(&mut self) {
        self.open = Open::Whole;
    }

    /// Gives the connection back at once, and the transaction on it to whoever is next.
    pub async fn hand_on(mut self) {
        self.open = Open::Nothing;
        if let Some(mut connection) = self.connection.take() {
            connection.return_to_pool().await;
        }
    }
}

impl Transaction {
    /// The same, to be committed with a group.
    pub fn of(self, group: Arc<Group>) -> Self {
        Self { group: Some(group), ..self }
    }

    pub async fn commit(mut self) -> Result<()> {
        match self.group {
            Some(group) => group.commit(self.lease).await,
            None => Ok(self.lease.commit().await?),
        }
    }

    pub async fn rollback(mut self) -> sqlx::Result<()> {
        if let Some(statement) = self.lease.open.undoing() {
            self.on(Query::Rollback).execute(statement).await?;
        }
        self.lease.open = Open::Nothing;
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
        self.lease.on(query)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let open = std::mem::replace(&mut self.open, Open::Nothing);
        self.tasks.spawn(async move {
            let back = async {
                open.undo(&mut connection).await;
                connection.return_to_pool().await;
            };
            if time::timeout(RETURN_WITHIN, back).await.is_err() {
                open.lose();
                connection.close_on_drop();
                tracing::warn!(
                    event = "connection_lost",
                    "a database connection fell silent; it is replaced"
                );
            }
        });
    }
}
