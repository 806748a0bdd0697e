//! A connection out of the pool, alone or within a transaction, and its way back.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{Executor, SqlStr, pool::PoolConnection};
use tokio::time;
use tokio_util::task::TaskTracker;

use super::{Connection, Db};
use crate::domain::Result;

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
}

/// A transaction; dropped means rolled back.
pub struct Transaction(Lease);

/// Said where there is no connection any more, which is while it is dropped.
const GONE: &str = "a lease has its connection until it is dropped";

impl Lease {
    pub fn new(connection: PoolConnection<Db>, tasks: TaskTracker) -> Self {
        Self { connection: Some(connection), is_open: false, tasks }
    }

    /// Begins a transaction with this statement.
    pub async fn begin(mut self, statement: SqlStr) -> sqlx::Result<Transaction> {
        // From now on: the server may have begun it when we are gone before it says so.
        self.is_open = true;
        self.execute(statement).await?;
        Ok(Transaction(self))
    }
}

impl Transaction {
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.execute("COMMIT").await?;
        self.0.is_open = false;
        Ok(())
    }

    pub async fn rollback(mut self) -> sqlx::Result<()> {
        self.execute("ROLLBACK").await?;
        self.0.is_open = false;
        Ok(())
    }

    /// Sets a mark, to which [`Transaction::keep`] goes back.
    pub async fn mark(&mut self) -> sqlx::Result<()> {
        self.execute("SAVEPOINT mark").await.map(drop)
    }

    /// Keeps what was done since the mark if it succeeded, and otherwise undoes it, so that the transaction can go on.
    pub async fn keep<T>(&mut self, done: Result<T>) -> Result<T> {
        if done.is_ok() {
            self.execute("RELEASE SAVEPOINT mark").await?;
        } else {
            // When it fails the transaction cannot go on, and what was wrong at first says more.
            self.execute("ROLLBACK TO SAVEPOINT mark").await.ok();
        }
        done
    }
}

impl Deref for Lease {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "only `drop` takes the connection away")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect(GONE)
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "only `drop` takes the connection away")]
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect(GONE)
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let is_open = self.is_open;
        self.tasks.spawn(async move {
            let back = async {
                if is_open {
                    // It fails where there is nothing to roll back, and where the connection is broken, which the next
                    // line finds out.
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
