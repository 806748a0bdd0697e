//! Stands before every secret that can be guessed: counts tries in the store, for all transports and replicas together, and
//! lets them wait. What the counts mean is in `domain/attempt.rs`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{World, change::Change, user::NOT_FOUND};
use crate::{
    domain::{
        Error, Result, Timestamp,
        attempt::{Counted, Limits, Refused, Scope, Tallies, Tally},
        audit::Outcome,
        caller::Caller,
        id::Id,
        text::fold,
        user::User,
    },
    port::{crypto::Purpose, limiter::network, store::TallyKey, turns::Turns},
};

/// Counts tries, and refuses those that come too often.
pub struct Guard {
    /// What every use case needs.
    pub world: World,
    /// Makes those queue who try at the same account or from the same network: a guesser must not have every connection of
    /// the pool wait for one row.
    pub turns: Arc<dyn Turns>,
    /// How many are let pass.
    pub limits: Limits,
    /// Is told of every try that is refused.
    pub refused: Box<dyn Fn(Scope) + Send + Sync>,
}

/// Whose secret somebody tries to guess.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// The password of an account.
    Account(Id<User>),
    /// The second factor of an account, whose tries are counted apart from those at its password.
    SecondFactor(Id<User>),
    /// The password of an account which does not exist, by its folded name: it is counted in the same way, so that the counts tell
    /// nobody which accounts there are.
    Nobody(&'a str),
}

/// A try that was right. It counts as a failure until it is [forgiven](Guard::forgive).
#[must_use]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Right {
    keys: Keys,
    counted: Counted,
}

/// Where the tallies are kept that matter to a try, as [`Tallies`] has them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Keys {
    here: TallyKey,
    account: [TallyKey; 2],
    network: TallyKey,
    recent: Option<TallyKey>,
}

impl Guard {
    /// Lets a try be judged, after it was counted and committed; `action` is what it is called in the audit log if it is
    /// refused. `judge` finds nothing when the try is wrong, and fails when it could not be judged, which then does not count.
    ///
    /// # Errors
    /// `RateLimited`; those of `judge`.
    pub async fn attempt<T>(
        &self,
        caller: &Caller,
        action: &'static str,
        subject: Subject<'_>,
        judge: impl Future<Output = Result<Option<T>>>,
    ) -> Result<Option<(T, Right)>> {
        let right = self.count(caller, action, subject).await?;
        match judge.await {
            Ok(found) => Ok(found.map(|found| (found, right))),
            Err(error) => {
                // Left counted where even this fails: better than a guess for nothing.
                self.take_back(caller, &right).await.ok();
                Err(error)
            }
        }
    }

    /// Forgets tries that were right, as part of the change that signs somebody in, and those that failed before them in the same
    /// network, which is known from now on.
    pub async fn forgive(&self, change: &mut Change<'_>, tries: &[Right]) -> Result<()> {
        let now = change.now;
        alter(change, tries, |tallies, counted| tallies.forgive(now, counted)).await
    }

    /// Notes that somebody belongs where they sign up, as part of the change that does it.
    pub async fn welcome(&self, change: &mut Change<'_>, user_id: Id<User>) -> Result<()> {
        let keys = self.keys(change.caller(), Subject::Account(user_id));
        change.tx.keep_tallies(&[(keys.here, Tally::known(change.now))]).await
    }

    /// Forgets every failure at an account whose owner has proved who they are, as part of the change that this was for, and
    /// notes that they belong where they are.
    pub async fn clear(&self, change: &mut Change<'_>, user_id: Id<User>) -> Result<()> {
        let Keys { here, account, .. } = self.keys(change.caller(), Subject::Account(user_id));
        let [known, strange] = account.map(|key| (key, Tally::fresh(change.now)));
        change.tx.keep_tallies(&[(here, Tally::known(change.now)), known, strange]).await
    }

    /// Forgets every failure at the account of whoever has this username or e-mail address.
    ///
    /// # Errors
    /// `NotFound` with the resource `user`.
    pub async fn unlock(&self, caller: &Caller, identifier: &str) -> Result<User> {
        let folded = &fold(identifier);
        let unlocked = self.world.change(caller, |change| {
            Box::pin(async move {
                let user = change.tx.find_user_by_name(folded).await?.ok_or(NOT_FOUND)?;
                let subjects = [Subject::Account(user.id), Subject::SecondFactor(user.id)];
                let keys = subjects.map(|subject| self.keys(caller, subject));
                let keys = keys.iter().flat_map(|keys| keys.account.into_iter().chain(keys.recent));
                let none: Vec<_> = keys.map(|key| (key, Tally::fresh(change.now))).collect();
                change.tx.keep_tallies(&none).await?;
                change.audit("user.unlock", format!("users/{}", user.id)).await?;
                Ok(user)
            })
        });
        unlocked.await
    }

    async fn count(
        &self,
        caller: &Caller,
        action: &'static str,
        subject: Subject<'_>,
    ) -> Result<Right> {
        let keys = self.keys(caller, subject);
        let (is_signed_in, resource) = match subject {
            Subject::Account(id) | Subject::SecondFactor(id) => {
                (caller.user_id() == Some(id), format!("users/{id}"))
            }
            Subject::Nobody(_) => (false, String::new()),
        };
        match self.count_in_turn(caller, &keys, is_signed_in).await? {
            Ok(counted) => Ok(Right { keys, counted }),
            Err(Refused { scope, retry_after }) => {
                (self.refused)(scope);
                let refused = Error::RateLimited { retry_after };
                let failure = Outcome::Failure(refused.kind());
                self.world.audit(caller, action, resource, failure).await?;
                Err(refused)
            }
        }
    }

    async fn count_in_turn(
        &self,
        caller: &Caller,
        keys: &Keys,
        is_signed_in: bool,
    ) -> Result<Result<Counted, Refused>> {
        let _in_network = self.turns.take(keys.network).await;
        let _at_account = self.turns.take(keys.account[0]).await;
        // Those who are refused cost a look.
        let now = self.world.clock.now();
        let found = self.world.store.read().await?.find_tallies(&keys.list(), now).await?;
        if let Err(refused) = keys.tallies(&found, now).count(now, &self.limits, is_signed_in) {
            return Ok(Err(refused));
        }
        let counted = self.world.change(caller, |change| {
            Box::pin(async move {
                let before = change.tx.lock_tallies(&keys.list(), change.now).await?;
                let mut tallies = keys.tallies(&before, change.now);
                let counted = tallies.count(change.now, &self.limits, is_signed_in);
                if counted.is_ok() {
                    keep(change, &before, keys.pairs(&tallies)).await?;
                }
                Ok(counted)
            })
        });
        counted.await
    }

    async fn take_back(&self, caller: &Caller, right: &Right) -> Result<()> {
        let tries = std::slice::from_ref(right);
        let taken = self.world.change(caller, |change| {
            let now = change.now;
            Box::pin(alter(change, tries, move |tallies, counted| tallies.take_back(now, counted)))
        });
        taken.await
    }

    /// Keyed, so that a copy of the database tells neither names nor addresses.
    fn keys(&self, caller: &Caller, subject: Subject<'_>) -> Keys {
        let network = caller.origin.ip.map_or_else(String::new, |ip| network(ip).to_string());
        let network = network.as_bytes();
        let (kind, name) = match subject {
            Subject::Account(id) => ("account", id.uuid().as_bytes().to_vec()),
            Subject::SecondFactor(id) => ("second factor", id.uuid().as_bytes().to_vec()),
            Subject::Nobody(folded) => ("nobody", folded.as_bytes().to_vec()),
        };
        let of = |scope: &str, network: &[u8]| {
            let parts = [scope.as_bytes(), kind.as_bytes(), &name, network];
            self.world.vault.mac(Purpose::Attempt, &parts)
        };
        let is_second = matches!(subject, Subject::SecondFactor(_));
        Keys {
            here: of("here", network),
            account: [of("known", &[]), of("strange", &[])],
            network: self.world.vault.mac(Purpose::Attempt, &[b"network".as_slice(), network]),
            recent: is_second.then(|| of("recent", &[])),
        }
    }
}

impl Keys {
    fn list(&self) -> Vec<TallyKey> {
        let [known, strange] = self.account;
        [self.here, known, strange, self.network].into_iter().chain(self.recent).collect()
    }

    fn tallies(&self, found: &HashMap<TallyKey, Tally>, now: Timestamp) -> Tallies {
        let tally = |key: TallyKey| found.get(&key).copied().unwrap_or_else(|| Tally::fresh(now));
        Tallies {
            here: tally(self.here),
            account: self.account.map(tally),
            network: tally(self.network),
            recent: self.recent.map(tally),
        }
    }

    /// Each key with its tally.
    fn pairs(&self, tallies: &Tallies) -> impl Iterator<Item = (TallyKey, Tally)> + Send + use<> {
        let Tallies { here, account: [known, strange], network, recent } = *tallies;
        let tallies = [here, known, strange, network].into_iter().chain(recent);
        self.list().into_iter().zip(tallies)
    }
}

/// Changes the tallies of tries as they are now. They are locked together, so that of two changes one waits for the other.
async fn alter(
    change: &mut Change<'_>,
    tries: &[Right],
    act: impl Fn(&mut Tallies, Counted) + Send,
) -> Result<()> {
    let keys: BTreeSet<TallyKey> = tries.iter().flat_map(|right| right.keys.list()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let (keys, now) = (Vec::from_iter(keys), change.now);
    let before = change.tx.lock_tallies(&keys, now).await?;
    let mut after = before.clone();
    for right in tries {
        let mut tallies = right.keys.tallies(&after, now);
        act(&mut tallies, right.counted);
        after.extend(right.keys.pairs(&tallies));
    }
    keep(change, &before, after).await
}

/// Writes what is different.
async fn keep(
    change: &mut Change<'_>,
    before: &HashMap<TallyKey, Tally>,
    after: impl IntoIterator<Item = (TallyKey, Tally)> + Send,
) -> Result<()> {
    let fresh = Tally::fresh(change.now);
    let is_same = |(key, tally): &(TallyKey, Tally)| before.get(key).unwrap_or(&fresh) == tally;
    let changed: Vec<_> = after.into_iter().filter(|pair| !is_same(pair)).collect();
    change.tx.keep_tallies(&changed).await
}
