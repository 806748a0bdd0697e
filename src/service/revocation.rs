//! Ended sessions and changed accounts, told to services that remember whose tokens are good.
//!
//! What happens is told as it is heard of: from the store, which announces it to every replica, or from the change itself
//! where one process has the store to itself. What may not have been heard, and what happened while a subscriber was
//! away, is read from the recorded events. Something may be told twice, which does no harm.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{
    channel::mpsc::{self, Receiver, Sender},
    stream::{self, Stream, StreamExt},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{World, outbox::KEPT};
use crate::{
    domain::{
        Error, Result, Timestamp, api_key::ApiKey, event::Data, id::Id, session::Session,
        user::User,
    },
    port::{bus::Message, clock::Clock, coherence::Freshness, store::Store},
};

/// How many messages wait for a subscriber who reads slowly, before the stream is ended.
const QUEUE_MAX: usize = 1024;

/// How far the record of an event may be behind the time that it bears: longer than any change is under way.
const LATE_MAX: Duration = Duration::from_mins(2);

/// How many events are read again for somebody who was away; whoever missed more forgets everything instead.
const MISSED_MAX: i64 = 20_000;

/// What makes wrong what somebody remembers of others' tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Sessions have ended.
    Sessions(Vec<Id<Session>>),
    /// An API key was deleted.
    ApiKey(Id<ApiKey>),
    /// An account was changed, or what its roles are.
    Account(Id<User>),
}

/// What a subscriber is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// From this time on everything is told.
    Began {
        /// When.
        since: Timestamp,
        /// Whether what is remembered of the time before must be forgotten.
        forget_everything: bool,
    },
    /// Something happened.
    Revoked(Revocation),
    /// Everything until this time has been told.
    Alive(Timestamp),
}

impl Revocation {
    /// What an event makes wrong, if anything.
    #[must_use]
    pub fn of(event: &Data) -> Option<Self> {
        match event {
            Data::SessionRevoked { session_ids, .. } => Some(Self::Sessions(session_ids.clone())),
            Data::ApiKeyDeleted(key) => Some(Self::ApiKey(key.id)),
            Data::UserUpdated(user, _) | Data::UserDeleted(user) => Some(Self::Account(user.id)),
            _ => None,
        }
    }
}

/// Finds what an event makes wrong in its envelope.
pub type ReadEvent = fn(&[u8]) -> Option<Revocation>;

/// The subscribers of this process.
#[derive(Default)]
pub struct Subscribers {
    state: Mutex<State>,
    bell: Mutex<CancellationToken>,
}

#[derive(Default)]
struct State {
    open: Vec<Subscriber>,
    /// How often something may have been missed, and how many of these times it was looked for since.
    holes: u64,
    filled: u64,
}

struct Subscriber {
    queue: Sender<News>,
    is_slow: Arc<AtomicBool>,
}

impl Subscribers {
    /// Tells everyone.
    pub fn tell(&self, what: Revocation) {
        self.send(&News::Revoked(what));
    }

    /// Notes that something may have been missed.
    pub fn miss(&self) {
        self.lock().holes += 1;
        let mut bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *bell).cancel();
    }

    /// Waits from now on until something may have been missed.
    fn missed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner).clone().cancelled_owned()
    }

    /// Hands a message to everyone. Who has too many unread ones gets no more of them.
    fn send(&self, news: &News) {
        self.lock().open.retain_mut(|subscriber| match subscriber.queue.try_send(news.clone()) {
            Ok(()) => true,
            Err(error) => {
                subscriber.is_slow.store(error.is_full(), Ordering::Release);
                false
            }
        });
    }

    fn enter(&self) -> (Receiver<News>, Arc<AtomicBool>) {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let is_slow = Arc::default();
        self.lock().open.push(Subscriber { queue, is_slow: Arc::clone(&is_slow) });
        (receiver, is_slow)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after the subscribers.
pub struct RevocationService {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    freshness: Arc<dyn Freshness>,
    subscribers: Arc<Subscribers>,
    read: ReadEvent,
}

/// What has been looked after so far.
#[derive(Default)]
pub struct Progress {
    /// Until when nothing is missing.
    until: Option<Timestamp>,
    /// The events that were read again lately, by which they are not told once more.
    told: BTreeMap<Uuid, Timestamp>,
}

impl RevocationService {
    /// Looks after these subscribers; `freshness` says whether they were told everything, and `read` reads what was recorded.
    #[must_use]
    pub fn new(
        world: &World,
        freshness: Arc<dyn Freshness>,
        subscribers: Arc<Subscribers>,
        read: ReadEvent,
    ) -> Self {
        let (store, clock) = (Arc::clone(&world.store), Arc::clone(&world.clock));
        Self { store, clock, freshness, subscribers, read }
    }

    /// What happens from now on; or since a resume token was given, as long as that is known.
    ///
    /// # Errors
    /// `InvalidFields` when the token is none; what the store says.
    pub async fn watch(
        &self,
        resume_token: &str,
    ) -> Result<impl Stream<Item = Result<News>> + Send + use<>> {
        let asked = read_token(resume_token)?;
        // Listens before it looks, so that nothing falls between.
        let (queue, is_slow) = self.subscribers.enter();
        let now = self.clock.now();
        if !self.freshness.confirm().await {
            self.subscribers.miss();
        }
        let missed = match asked {
            Some(since) => self.missed_since(since, now).await?,
            None => None,
        };
        let (since, forget_everything) = match (asked, &missed) {
            (Some(since), Some(_)) => (since, false),
            _ => (now, true),
        };
        let first = [News::Began { since, forget_everything }];
        let missed = missed.unwrap_or_default().into_iter().map(|(_, what)| News::Revoked(what));
        let end = stream::iter([()]).filter_map(move |()| {
            let end = is_slow.load(Ordering::Acquire).then(|| Err(Error::SlowReader));
            std::future::ready(end)
        });
        Ok(stream::iter(first.into_iter().chain(missed)).chain(queue).map(Ok).chain(end))
    }

    /// Waits from now on until something may have been missed.
    pub fn missed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.subscribers.missed()
    }

    /// Looks for what may have been missed, and says that nothing is missing. To be done every few seconds, and whenever
    /// something may have been missed.
    pub async fn look_after(&self, progress: &mut Progress) -> Result<()> {
        let now = self.clock.now();
        let (holes, filled) = {
            let state = self.subscribers.lock();
            if state.open.is_empty() {
                progress.until = None;
                progress.told.clear();
                return Ok(());
            }
            (state.holes, state.filled)
        };
        let heard = self.freshness.confirm().await;
        // Whoever came since the last look was given everything until then.
        let since = *progress.until.get_or_insert(now);
        if !heard || holes != filled {
            self.fill(progress, since, now).await?;
        }
        let mut state = self.subscribers.lock();
        state.filled = holes;
        let is_whole = state.holes == holes;
        drop(state);
        if is_whole {
            progress.until = Some(now);
            self.subscribers.send(&News::Alive(now));
        }
        Ok(())
    }

    /// Tells what was recorded since then, or that it cannot be known any more.
    async fn fill(&self, progress: &mut Progress, since: Timestamp, now: Timestamp) -> Result<()> {
        let Some(missed) = self.missed_since(since, now).await? else {
            self.subscribers.send(&News::Began { since: now, forget_everything: true });
            return Ok(());
        };
        progress.told.retain(|_, read| *read + 2 * LATE_MAX > now);
        for (id, what) in missed {
            if progress.told.insert(id, now).is_none() {
                self.subscribers.tell(what);
            }
        }
        Ok(())
    }

    /// What was recorded since then; none when that is too long ago, or too much.
    async fn missed_since(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Vec<(Uuid, Revocation)>>> {
        let since = since - LATE_MAX;
        if since < now - KEPT {
            return Ok(None);
        }
        let mut store = self.store.read().await?;
        let events = store.list_revocations(since, MISSED_MAX + 1).await?;
        if i64::try_from(events.len()).is_ok_and(|events| events > MISSED_MAX) {
            return Ok(None);
        }
        let read = |event: &Message| Some((event.id, (self.read)(&event.payload)?));
        Ok(Some(events.iter().filter_map(read).collect()))
    }
}

/// The token to come back with, which has nothing but a time in it.
#[must_use]
pub fn resume_token(time: Timestamp) -> String {
    let microseconds = time.unix_timestamp() * 1_000_000 + i64::from(time.microsecond());
    BASE64_URL_SAFE_NO_PAD.encode(microseconds.to_be_bytes())
}

fn read_token(token: &str) -> Result<Option<Timestamp>> {
    if token.is_empty() {
        return Ok(None);
    }
    let time = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
        let nanoseconds = i128::from(i64::from_be_bytes(bytes)) * 1000;
        let time = Timestamp::from_unix_timestamp_nanos(nanoseconds).ok()?;
        (1970..9999).contains(&time.year()).then_some(time)
    };
    let expected = "must be a resume token of WatchRevocations, or empty";
    time().map(Some).ok_or_else(|| Error::invalid_field("resume_token", expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Revocation {
        Revocation::Account(Id::from(Uuid::from_u128(7)))
    }

    #[test]
    fn dos_03_whoever_reads_too_slowly_is_ended_after_what_waits_and_nobody_else_notices() {
        let subscribers = Subscribers::default();
        let [mut slow, mut quick] = [(); 2].map(|()| subscribers.enter());
        let mut told = 0;
        while subscribers.lock().open.len() == 2 {
            subscribers.tell(account());
            told += 1;
            assert!(quick.0.try_recv().is_ok());
        }
        assert!((QUEUE_MAX..=QUEUE_MAX + 2).contains(&told), "{told}");
        assert!(slow.1.load(Ordering::Acquire) && !quick.1.load(Ordering::Acquire));
        let waiting = std::iter::from_fn(|| slow.0.try_recv().ok()).count();
        assert_eq!(waiting, told - 1);
        subscribers.tell(account());
        assert!(quick.0.try_recv().is_ok());
    }

    #[test]
    fn whoever_has_left_is_forgotten_without_a_word() {
        let subscribers = Subscribers::default();
        let (queue, is_slow) = subscribers.enter();
        drop(queue);
        subscribers.tell(account());
        assert!(subscribers.lock().open.is_empty());
        assert!(!is_slow.load(Ordering::Acquire));
    }

    #[test]
    fn a_resume_token_has_the_time_that_was_put_in_and_nonsense_has_none() {
        let time = time::macros::datetime!(2026-11-23 12:00:00.123456 UTC);
        assert_eq!(read_token(&resume_token(time)).unwrap(), Some(time));
        assert_eq!(read_token("").unwrap(), None);
        for bad in ["nonsense", "AAAA", "//////////8", "__________8", "f_________8"] {
            assert!(read_token(bad).is_err(), "{bad}");
        }
    }
}
