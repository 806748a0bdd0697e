//! One change: a transaction, what it records, and the answer that a retry gets again.

use std::{pin::Pin, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{World, revocation::Revocation};
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::{Entry, Outcome},
        caller::Caller,
        event::{Data, Event},
        id::Id,
        user::User,
    },
    port::{
        crypto::Purpose,
        store::{IdempotencyKey, Tx},
    },
};

/// How long a retry with the same request id gets the first answer.
const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// A request that its caller gave an id, so that it can be repeated safely (AIP-155).
#[derive(Debug, Clone)]
pub struct RequestId {
    /// The id.
    pub id: String,
    /// The request without the id, in a form that is equal for equal requests.
    pub content: Vec<u8>,
}

/// How often a change is tried in all when it loses races against others.
const ATTEMPTS_MAX: u32 = 3;

/// A transaction under way on behalf of a caller.
pub struct Change<'a> {
    /// The transaction.
    pub tx: Box<dyn Tx>,
    /// When it began.
    pub now: Timestamp,
    /// Whether a mail was recorded.
    pub(super) has_mail: bool,
    /// What it makes wrong of what others remember.
    revoked: Vec<Revocation>,
    /// What it adds to the audit log.
    audited: Vec<(&'static str, Outcome)>,
    world: &'a World,
    caller: &'a Caller,
}

/// What is done within a change. Boxed, because it borrows the change for as long as it lasts.
pub type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

impl World {
    /// Makes a change: keeps what `work` did when it succeeded, drops it when it failed.
    ///
    /// When the database could not let it pass beside another change, the work is done again in a new transaction: so
    /// nothing may leave it but its result.
    pub async fn change<'a, T: Send + 'static>(
        &'a self,
        caller: &'a Caller,
        work: impl for<'c> Fn(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<T> {
        self.change_then(caller, work, |_| ()).await
    }

    /// Makes a change, and once it is kept tells `after`, which brings up to date what was remembered of the store.
    ///
    /// A commit that has begun is carried through with what follows it, also when the call is given up meanwhile:
    /// otherwise an ended session could stay remembered as live.
    pub async fn change_then<'a, T: Send + 'static>(
        &'a self,
        caller: &'a Caller,
        work: impl for<'c> Fn(&'c mut Change<'a>) -> Work<'c, T>,
        after: impl Fn(&T) + Send + Sync + 'static,
    ) -> Result<T> {
        let after = Arc::new(after);
        self.attempt(|tx| {
            let (now, world) = (self.clock.now(), self);
            let (revoked, audited) = (Vec::new(), Vec::new());
            let mut change = Change { tx, now, has_mail: false, revoked, audited, world, caller };
            let (work, after) = (&work, Arc::clone(&after));
            async move {
                let result = work(&mut change).await;
                change.finish(result, after).await
            }
        })
        .await
    }

    /// Does work that ends the transaction that it is given. When the database could not let it pass beside another one it
    /// is done again.
    pub(super) async fn attempt<T, F>(&self, work: impl Fn(Box<dyn Tx>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut tx = self.store.begin().await?;
        let mut attempt = 1;
        loop {
            match work(tx).await {
                Err(Error::LostRace { source, .. }) if attempt == ATTEMPTS_MAX => {
                    return Err(Error::Unavailable(source));
                }
                Err(Error::LostRace { race, .. }) => {
                    tx = self.store.begin_again(race, attempt).await?;
                }
                done => return done,
            }
            attempt += 1;
        }
    }

    /// Adds a line to the audit log about something that changed nothing.
    pub async fn audit(
        &self,
        caller: &Caller,
        action: &'static str,
        resource: String,
        outcome: Outcome,
    ) -> Result<()> {
        let (actor, resource) = (caller.user_id(), &resource);
        self.change(caller, |change| {
            Box::pin(change.audit_as(actor, action, resource.clone(), outcome))
        })
        .await
    }
}

impl<'a> Change<'a> {
    /// Commits what succeeded and tells `after`; rolls back what failed.
    async fn finish<T: Send + 'static>(
        self,
        result: Result<T>,
        after: Arc<impl Fn(&T) + Send + Sync + 'static>,
    ) -> Result<T> {
        let value = match result {
            Ok(value) => value,
            Err(error) => {
                // The failure that began it is worth more than one of the rollback; the connection is closed then.
                self.tx.rollback().await.ok();
                return Err(error);
            }
        };
        let (tx, relay) = (self.tx, Arc::clone(&self.world.relay));
        let mails = self.has_mail.then(|| Arc::clone(&self.world.mails));
        let (told, revoked) = (self.world.told.clone(), self.revoked);
        let (count, audited) = (Arc::clone(&self.world.audited), self.audited);
        let commit = self.world.commits.spawn(async move {
            tx.commit().await?;
            after(&value);
            if let Some(told) = told {
                for what in revoked {
                    told.tell(what);
                }
            }
            for (action, outcome) in audited {
                count(action, outcome);
            }
            relay.wake();
            if let Some(mails) = mails {
                mails.post.wake();
            }
            Ok(value)
        });
        commit.await.map_err(Error::internal)?
    }

    /// What it stands on.
    pub(super) fn world(&self) -> &'a World {
        self.world
    }

    /// An id that nothing has yet.
    pub(super) fn new_id<T>(&self) -> Id<T> {
        Id::from(self.world.ids.uuid())
    }

    /// On whose behalf it is made.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.caller
    }

    /// Records what happened, to be published after the commit.
    ///
    /// # Errors
    /// `OutboxFull`, unless it ends access.
    pub async fn record(&mut self, data: Data) -> Result<()> {
        if self.world.relay.is_full() && !data.ends_access() {
            return Err(Error::OutboxFull);
        }
        self.revoked.extend(Revocation::of(&data));
        let event = Event {
            id: self.new_id(),
            time: self.now,
            actor_id: self.caller.user_id(),
            trace_parent: self.caller.origin.trace.map(|trace| trace.to_string()),
            data,
        };
        self.tx.record(&event).await
    }

    /// Adds a success to the audit log.
    pub async fn audit(&mut self, action: &'static str, resource: String) -> Result<()> {
        let actor = self.caller.user_id();
        self.audit_as(actor, action, resource, Outcome::Success).await
    }

    /// Adds a line to the audit log; the actor is whoever the call found its caller to be.
    pub async fn audit_as(
        &mut self,
        actor_id: Option<Id<User>>,
        action: &'static str,
        resource: String,
        outcome: Outcome,
    ) -> Result<()> {
        let entry = Entry {
            id: self.new_id(),
            time: self.now,
            caller: self.caller.clone(),
            actor_id,
            action,
            resource,
            outcome,
        };
        self.tx.audit(&entry).await?;
        self.audited.push((action, outcome));
        Ok(())
    }

    /// The answer that this request id got before, if it did.
    ///
    /// # Errors
    /// `RequestIdReused` when it was used for another request.
    pub async fn replay<T: DeserializeOwned>(
        &mut self,
        request: Option<&RequestId>,
    ) -> Result<Option<T>> {
        let Some(key) = request.map(|request| self.key(request)) else { return Ok(None) };
        let Some(first) = self.tx.find_result(&key, self.now).await? else { return Ok(None) };
        if first.fingerprint != key.fingerprint {
            return Err(Error::RequestIdReused);
        }
        serde_json::from_str(&first.result).map(Some).map_err(Error::internal)
    }

    /// Keeps the answer for retries.
    pub async fn remember<T: Serialize>(
        &mut self,
        request: Option<&RequestId>,
        answer: &T,
    ) -> Result<()> {
        let Some(key) = request.map(|request| self.key(request)) else { return Ok(()) };
        let answer = serde_json::to_string(answer).map_err(Error::internal)?;
        self.tx.keep_result(&key, &answer, self.now + REMEMBERED_FOR).await
    }

    fn key(&self, request: &RequestId) -> IdempotencyKey {
        IdempotencyKey {
            scope: format!("{}/{}", self.caller.name(), self.caller.origin.rpc_method),
            key: request.id.clone(),
            // Keyed, because a request may hold a password.
            fingerprint: self.world.vault.mac(Purpose::RequestFingerprint, &[&request.content]),
        }
    }
}
