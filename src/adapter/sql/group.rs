//! Changes that share a commit, where all writing goes through one connection: the disk is waited for once, for all of them.
//!
//! A change that is done while others wait for the connection leaves its transaction open, and the next one is made within
//! it, as a savepoint. The first of such a group queues for the connection once more, behind all that wait by then, and
//! commits when its turn comes. Nobody is answered before that, and when the commit fails the whole group has failed.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use sqlx::{Pool, SqlStr};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{
    Db,
    lease::{Lease, Open, Transaction},
};
use crate::{
    adapter::sql::Metrics,
    domain::{Error, Result},
};

/// The one connection that writes, and the changes that are made through it.
pub struct Group {
    pool: Pool<Db>,
    tasks: TaskTracker,
    metrics: Arc<Metrics>,
    /// How many changes wait for the connection.
    waiting: AtomicUsize,
    /// Told when the changes that are done are committed; none while there are none. Only who has the connection changes
    /// it.
    done: Mutex<Option<watch::Sender<Outcome>>>,
}

/// How a commit went, and none as long as it has not; an error is what there is to say about it.
type Outcome = Option<Result<(), String>>;

impl Group {
    /// Changes through this pool of one connection.
    pub fn new(pool: Pool<Db>, tasks: TaskTracker, metrics: Arc<Metrics>) -> Arc<Self> {
        let (waiting, done) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { pool, tasks, metrics, waiting, done })
    }

    /// Begins a change: with this statement, or in the transaction of those before it if that is open.
    pub async fn begin(self: &Arc<Self>, statement: SqlStr) -> sqlx::Result<Transaction> {
        let waiting = Waiting::count(&self.waiting);
        let lease = self.lease().await?;
        drop(waiting);
        let (statement, open) = if self.lock().is_some() {
            (SqlStr::from_static("SAVEPOINT change"), Open::Within(Arc::clone(self)))
        } else {
            (statement, Open::Whole)
        };
        Ok(lease.begin(statement, open).await?.of(Arc::clone(self)))
    }

    /// Commits a change: at once when nobody waits, and otherwise with those who do.
    pub async fn commit(self: Arc<Self>, mut lease: Lease) -> Result<()> {
        let is_first = self.lock().is_none();
        if is_first && self.waiting.load(Ordering::Acquire) == 0 {
            return Ok(lease.commit().await?);
        }
        if !is_first {
            lease.release().await?;
        }
        let mut outcome = self.join();
        if is_first {
            let group = Arc::clone(&self);
            self.tasks.spawn(async move { group.close(lease).await });
        } else {
            lease.hand_on().await;
        }
        // It is not told when the process ends before.
        let outcome = outcome.wait_for(Option::is_some).await.map_err(Error::internal)?;
        match &*outcome {
            Some(Err(why)) => Err(Error::Unavailable(why.clone().into())),
            _ => Ok(()),
        }
    }

    /// Tells those who are done that their changes are lost with the transaction.
    pub fn fail(&self, why: String) {
        self.settle(Err(why));
    }

    /// Lets those who wait go first, and then commits for all.
    async fn close(&self, first: Lease) {
        first.hand_on().await;
        let mut lease = loop {
            match self.lease().await {
                Ok(lease) => break lease,
                // There is nobody else to do it.
                Err(sqlx::Error::PoolTimedOut) => {}
                Err(error) => return self.fail(error.to_string()),
            }
        };
        if self.lock().is_none() {
            // The transaction was lost.
            return;
        }
        lease.take_over();
        let committed = lease.commit().await;
        self.settle(committed.map_err(|error| error.to_string()));
    }

    async fn lease(&self) -> sqlx::Result<Lease> {
        Lease::take(&self.pool, &self.tasks, &self.metrics).await
    }

    /// Hears how the commit of all that is done goes.
    fn join(&self) -> watch::Receiver<Outcome> {
        self.lock().get_or_insert_with(|| watch::Sender::new(None)).subscribe()
    }

    fn settle(&self, outcome: Result<(), String>) {
        if let Some(done) = self.lock().take() {
            done.send_replace(Some(outcome));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<watch::Sender<Outcome>>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one who waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn count(all: &'a AtomicUsize) -> Self {
        all.fetch_add(1, Ordering::AcqRel);
        Self(all)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
