//! What this process remembers of sessions, API keys and accounts, and who is told when it is no longer right.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    revocation::{Revocation, Subscribers},
    user::UserCache,
};
use crate::{
    domain::{
        Timestamp,
        api_key::ApiKey,
        caller::{Credential, Principal},
        id::Id,
        permission::Permissions,
        session::Session,
        user::User,
    },
    port::{
        cache::{Cache, Stamp},
        coherence::{Change, Memory},
    },
};

/// Open streams share this many bells: one that rings for another asks once more who it is.
const BELLS: usize = 1024;

/// The sessions and API keys that this process has seen: whose each is, or that it has ended; and what their users may do.
pub struct Sessions {
    owners: Arc<dyn Cache<Id<Session>, Option<Owner>>>,
    /// None: the account cannot be used.
    pub(super) permissions: Arc<dyn Cache<Id<User>, Option<Permissions>>>,
    /// None: the key was deleted.
    pub(super) api_keys: Arc<dyn Cache<Id<ApiKey>, Option<ApiKey>>>,
    bells: Bells,
}

/// Whose a session is, and when they last proved that it is theirs.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    user_id: Id<User>,
    auth_time: Timestamp,
}

/// The stamps of a session and of its user, taken before both are read.
#[derive(Debug, Clone, Copy)]
pub struct Stamps {
    owner: Stamp,
    permissions: Stamp,
}

/// What is remembered of a session.
pub enum Known {
    /// Not enough: ask the store.
    Nothing,
    /// It has ended, or its user may not use it.
    Ended,
    /// It can be used.
    Live(Principal),
}

impl Sessions {
    /// Sessions remembered in these caches.
    #[must_use]
    pub fn new(
        owners: Arc<dyn Cache<Id<Session>, Option<Owner>>>,
        permissions: Arc<dyn Cache<Id<User>, Option<Permissions>>>,
        api_keys: Arc<dyn Cache<Id<ApiKey>, Option<ApiKey>>>,
    ) -> Self {
        Self { owners, permissions, api_keys, bells: Bells::new() }
    }

    /// What is remembered of a session.
    #[must_use]
    pub fn find(&self, session_id: Id<Session>) -> Known {
        let Some(owner) = self.owners.get(&session_id) else { return Known::Nothing };
        let Some(Owner { user_id, auth_time }) = *owner else { return Known::Ended };
        let credential = Credential::Session { id: session_id, auth_time };
        match self.permissions.get(&user_id).as_deref() {
            Some(Some(held)) => Known::Live(Principal { user_id, credential, permissions: *held }),
            _ => Known::Nothing,
        }
    }

    /// The stamps of this moment.
    #[must_use]
    pub fn stamps(&self, session: Id<Session>, user: Id<User>) -> Stamps {
        Stamps { owner: self.owners.stamp(&session), permissions: self.permissions.stamp(&user) }
    }

    /// Remembers what the store said of a session of this user.
    pub fn fill(
        &self,
        session: Id<Session>,
        user: Id<User>,
        found: Option<&Principal>,
        since: Stamps,
    ) {
        let owner = found.and_then(|principal| match principal.credential {
            Credential::Session { auth_time, .. } => {
                Some(Owner { user_id: principal.user_id, auth_time })
            }
            Credential::ApiKey { .. } => None,
        });
        if let Some(principal) = found.filter(|principal| principal.user_id == user) {
            self.permissions.fill(user, Arc::new(Some(principal.permissions)), since.permissions);
        }
        self.owners.fill(session, Arc::new(owner), since.owner);
    }

    /// Notes that the user of a session has proved who they are, after the commit.
    pub fn renewed(&self, id: Id<Session>) {
        self.owners.forget(&id);
    }

    /// Notes that sessions have ended, after the commit that ended them: their tokens are refused from now on.
    pub fn ended(&self, ids: &[Id<Session>]) {
        for id in ids {
            self.owners.forget(id);
            self.bells.ring(id.uuid());
        }
    }

    /// Notes that an API key was deleted, after the commit that deleted it.
    pub fn key_deleted(&self, id: Id<ApiKey>) {
        self.api_keys.forget(&id);
        self.bells.ring(id.uuid());
    }

    /// Notes that what a user may do has changed, after the commit that changed it.
    pub fn user_changed(&self, id: Id<User>) {
        self.permissions.forget(&id);
        self.bells.ring(id.uuid());
    }

    /// Waits until what is known of a session or API key may have become wrong.
    pub fn until_changed(&self, of: &Principal) -> impl Future<Output = ()> + Send + use<> {
        let bells = [of.credential.id(), of.user_id.uuid()].map(|id| self.bells.hear(id));
        async move {
            let [credential, user] = bells;
            credential.run_until_cancelled_owned(user.cancelled_owned()).await;
        }
    }

    fn forget_everything(&self) {
        self.owners.forget_all();
        self.permissions.forget_all();
        self.api_keys.forget_all();
        self.bells.ring_all();
    }
}

/// Tells that somebody has changed the signing keys.
#[derive(Default)]
pub struct KeyNews {
    count: AtomicU64,
    bell: Mutex<CancellationToken>,
}

impl KeyNews {
    /// How often it has told.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Tells.
    pub(super) fn tell(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        ring(&self.bell);
    }

    /// Waits from now on until it tells again.
    pub(super) fn next(&self) -> impl Future<Output = ()> + Send + use<> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner).clone().cancelled_owned()
    }
}

/// Everything that others can make wrong.
#[derive(Clone)]
pub struct Remembered {
    /// Sessions.
    pub sessions: Arc<Sessions>,
    /// Accounts.
    pub users: UserCache,
    /// The signing keys.
    pub keys: Arc<KeyNews>,
    /// What other services remember of tokens.
    pub subscribers: Arc<Subscribers>,
}

impl Memory for Remembered {
    fn learn(&self, change: &Change) {
        match change {
            Change::SessionsEnded(ids) => {
                self.sessions.ended(ids);
                self.subscribers.tell(Revocation::Sessions(ids.clone()));
            }
            Change::ApiKeyDeleted(id) => {
                self.sessions.key_deleted(*id);
                self.subscribers.tell(Revocation::ApiKey(*id));
            }
            Change::SessionRenewed(id) => self.sessions.renewed(*id),
            Change::User(id) => {
                self.users.forget(id);
                self.sessions.user_changed(*id);
                self.subscribers.tell(Revocation::Account(*id));
            }
            Change::SigningKeys => {
                self.keys.tell();
                // The tokens that opened streams may be good no longer.
                self.sessions.bells.ring_all();
            }
        }
    }

    fn forget_everything(&self) {
        self.keys.tell();
        self.subscribers.miss();
        self.users.forget_all();
        self.sessions.forget_everything();
    }
}

/// Wakes whoever waits for something about an id. A bell that has rung is replaced, so that there is nothing to clean up.
struct Bells {
    bells: Box<[Mutex<CancellationToken>]>,
    hasher: RandomState,
}

impl Bells {
    fn new() -> Self {
        let bells = (0..BELLS).map(|_| Mutex::default()).collect();
        Self { bells, hasher: RandomState::new() }
    }

    fn hear(&self, id: Uuid) -> CancellationToken {
        self.of(id).lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ring(&self, id: Uuid) {
        ring(self.of(id));
    }

    fn ring_all(&self) {
        self.bells.iter().for_each(ring);
    }

    fn of(&self, id: Uuid) -> &Mutex<CancellationToken> {
        let place = self.hasher.hash_one(id) % BELLS as u64;
        &self.bells[usize::try_from(place).unwrap_or_default()]
    }
}

fn ring(bell: &Mutex<CancellationToken>) {
    let mut bell = bell.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *bell).cancel();
}
