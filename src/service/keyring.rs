//! The keys that sign access tokens: loaded from the store, replaced on schedule or at once, published for others to verify
//! with.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use uuid::Uuid;

use super::{World, change::Change, memory::KeyNews};
use crate::{
    domain::{
        Error, Result, Timestamp, caller::Caller, error::BadToken, id::Id, key::SigningKey,
        session::ACCESS_TOKEN_LIFETIME,
    },
    port::{
        coherence::Freshness,
        crypto::{Claims, Kept, Signatures},
        store::Tx,
    },
};

/// How long a new key is published before it signs, so that every replica and every cache of the key set has it by then.
const PUBLISHED_BEFORE_USE: Duration = Duration::from_mins(10);

/// How long a replaced key still verifies: a token's lifetime, and room for clocks that differ.
const OVERLAP: Duration = Duration::from_secs(ACCESS_TOKEN_LIFETIME.as_secs() + 300);

/// When a key that has no successor is retired: never, as databases understand it.
pub const NEVER: Timestamp = time::macros::datetime!(9999-01-01 0:00 UTC);

/// How far the clocks of replicas may be apart: what holds at once has held for so long.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);

/// How long the keys here are believed while nobody can say whether they are still those of the store. Not for nothing: a
/// stranger can ask for as many keys that there are not as they like.
const BELIEVED_UNHEARD: Duration = Duration::from_millis(200);

/// The keys in use.
pub struct Keyring {
    world: World,
    signatures: Arc<dyn Signatures>,
    lifetime: Duration,
    news: Arc<KeyNews>,
    freshness: Arc<dyn Freshness>,
    ring: RwLock<Arc<Ring>>,
}

/// The keys as they were read.
#[derive(Default)]
struct Ring {
    keys: Vec<Key>,
    /// How many changes had been heard of before they were read, and when that was by the clock that never goes back.
    read: (u64, Duration),
}

struct Key {
    stored: SigningKey,
    private: SecretSlice<u8>,
}

/// The claims of a token, and whose signature they bear.
#[derive(Debug)]
pub struct Verified {
    /// The key.
    pub key_id: Id<SigningKey>,
    /// The claims.
    pub claims: Claims,
}

/// How soon a new key takes the place of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// When everybody who verifies has heard of it; the others verify until their last token has expired.
    InTurn,
    /// At once, because another key is in strange hands: tokens that were signed before are refused.
    Now,
}

/// What a rotation did.
#[derive(Debug)]
pub struct Rotation {
    /// The key that signs next; made before, if none was made now.
    pub key: SigningKey,
    /// Whether it was made now.
    pub made: bool,
    /// How many keys it takes the place of.
    pub replaced: usize,
}

/// A public key as others read it (RFC 7517, RFC 8037).
#[derive(Debug, Clone, Serialize)]
pub struct JsonWebKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    kid: Uuid,
    x: String,
}

impl Keyring {
    /// An empty ring; [`Keyring::refresh`] fills it. `news` tells it of changes that others make, and `freshness` whether it
    /// has been told of all.
    #[must_use]
    pub fn new(
        world: World,
        signatures: Arc<dyn Signatures>,
        lifetime: Duration,
        news: Arc<KeyNews>,
        freshness: Arc<dyn Freshness>,
    ) -> Self {
        Self { world, signatures, lifetime, news, freshness, ring: RwLock::default() }
    }

    /// Loads the keys, and adds one when there is none or the newest has served its time. Safe on every replica at
    /// once: one of them adds the key, the others find it.
    pub async fn refresh(&self) -> Result<()> {
        let keys = self.load().await?;
        if self.is_due(&keys, self.world.clock.now()) {
            self.world.attempt(|tx| self.renew(tx)).await?;
            self.load().await?;
        }
        Ok(())
    }

    /// Waits from now on until somebody has changed the keys.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.news.next()
    }

    /// Waits until the keys here are those that anyone was told of before this call. Whether everything else that is
    /// remembered is as new, too.
    ///
    /// # Errors
    /// `Unavailable`, when there are newer ones in a store that does not answer.
    pub async fn catch_up(&self) -> Result<bool> {
        let is_confirmed = self.freshness.confirm().await;
        let (news, when) = self.ring().read;
        let is_current = news == self.news.count()
            && (is_confirmed || self.world.clock.monotonic() < when + BELIEVED_UNHEARD);
        if !is_current {
            self.load().await?;
        }
        Ok(is_confirmed)
    }

    /// The keys that are not retired, oldest first.
    pub async fn list(&self) -> Result<Vec<SigningKey>> {
        let now = self.world.clock.now();
        self.world.store.read().await?.list_signing_keys(now).await
    }

    /// The key that signs at this moment, of those in use.
    #[must_use]
    pub fn signing(keys: &[SigningKey], now: Timestamp) -> Option<Id<SigningKey>> {
        keys.iter().rev().find(|key| key.activate_time <= now).map(|key| key.id)
    }

    /// Replaces the key that signs. In turn, a key that has yet to begin is not replaced by another one, so that doing it
    /// twice does no more than doing it once.
    pub async fn rotate(&self, caller: &Caller, pace: Pace) -> Result<Rotation> {
        let news = Arc::clone(&self.news);
        let rotated = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let now = change.now;
                    change.tx.lock_signing_keys().await?;
                    let mut keys = change.tx.list_signing_keys(now).await?;
                    if pace == Pace::InTurn
                        && let Some(key) = keys.pop_if(|newest| now < newest.activate_time)
                    {
                        return Ok(Rotation { key, made: false, replaced: 0 });
                    }
                    let key = self.replace(&mut *change.tx, &keys, now, pace).await?;
                    audit(change, &key, &keys, pace).await?;
                    Ok(Rotation { key, made: true, replaced: keys.len() })
                })
            },
            move |_| news.tell(),
        );
        rotated.await
    }

    /// Signs claims with the newest key that is active.
    pub async fn sign(&self, claims: &Claims) -> Result<SecretString> {
        // Or the token might be refused before its time by a replica that has heard of more.
        self.catch_up().await?;
        let now = self.world.clock.now();
        let ring = self.ring();
        let key = ring
            .keys
            .iter()
            .rev()
            .find(|key| key.stored.activate_time <= now)
            // The clock of whoever made the first key may be ahead of this one.
            .or(ring.keys.first())
            .ok_or_else(|| Error::internal("no signing key is active"))?;
        self.signatures.sign(&key.stored, key.private.expose_secret(), claims)
    }

    /// The claims of a token that one of our keys signed. Times are the caller's to check.
    ///
    /// # Errors
    /// `BadToken::Invalid`; and what [`Keyring::catch_up`] says, for a key that is not known here.
    pub async fn verify(&self, token: &str) -> Result<Verified> {
        let key_id = Id::from(self.signatures.key_id(token)?);
        if !self.accepts(key_id) {
            // Another replica may have made it a moment ago.
            self.catch_up().await?;
        }
        let ring = self.ring();
        let key = ring.accepted(key_id, self.world.clock.now()).ok_or(BadToken::Invalid)?;
        let claims = self.signatures.verify(token, &key.stored.public_key)?;
        Ok(Verified { key_id, claims })
    }

    /// Whether tokens that were signed with this key are taken, as far as is known here.
    #[must_use]
    pub fn accepts(&self, key_id: Id<SigningKey>) -> bool {
        self.ring().accepted(key_id, self.world.clock.now()).is_some()
    }

    /// The public keys, for others to verify with.
    #[must_use]
    pub fn public_keys(&self) -> Vec<JsonWebKey> {
        let publish = |key: &Key| JsonWebKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: key.stored.id.uuid(),
            x: BASE64_URL_SAFE_NO_PAD.encode(&key.stored.public_key),
        };
        self.ring().keys.iter().map(publish).collect()
    }

    /// Reads the keys, and keeps them unless others were kept meanwhile that are newer.
    async fn load(&self) -> Result<Vec<SigningKey>> {
        let read = (self.news.count(), self.world.clock.monotonic());
        let stored = self.list().await?;
        let keys = stored.iter().map(|key| self.unseal(key)).collect::<Result<Vec<_>>>()?;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.read <= read {
            *ring = Arc::new(Ring { keys, read });
        }
        Ok(stored)
    }

    /// Adds a key, unless another replica has done it first.
    async fn renew(&self, mut tx: Box<dyn Tx>) -> Result<()> {
        let now = self.world.clock.now();
        tx.lock_signing_keys().await?;
        let keys = tx.list_signing_keys(now).await?;
        if !self.is_due(&keys, now) {
            return tx.rollback().await;
        }
        self.replace(&mut *tx, &keys, now, Pace::InTurn).await?;
        tx.commit().await?;
        // Whatever is being read at this moment is older.
        self.news.tell();
        Ok(())
    }

    /// Adds a key that takes the place of these; the new key.
    async fn replace(
        &self,
        store: &mut dyn Tx,
        others: &[SigningKey],
        now: Timestamp,
        pace: Pace,
    ) -> Result<SigningKey> {
        let key = self.generate(others, now, pace)?;
        for old in others {
            match pace {
                Pace::InTurn if old.retire_time < NEVER => {}
                Pace::InTurn => {
                    store.retire_signing_key(old.id, key.activate_time + OVERLAP).await?;
                }
                Pace::Now => store.retire_signing_key(old.id, now - CLOCKS_APART_MAX).await?,
            }
        }
        store.insert_signing_key(&key).await?;
        Ok(key)
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_due(&self, keys: &[SigningKey], now: Timestamp) -> bool {
        // One at a time: the next is made when the last one signs, so that the set stays small.
        keys.last().is_none_or(|newest| {
            newest.activate_time <= now && newest.create_time + self.lifetime <= now
        })
    }

    fn generate(&self, others: &[SigningKey], now: Timestamp, pace: Pace) -> Result<SigningKey> {
        let id = Id::from(self.world.ids.uuid());
        let (public_key, private_key) = self.signatures.generate()?;
        let context = id.uuid();
        let sealed_private_key =
            self.world.vault.seal(Kept::SigningKey, context.as_bytes(), &private_key)?;
        let activate_time = match pace {
            Pace::Now => now - CLOCKS_APART_MAX,
            // The first key has nobody to wait for.
            Pace::InTurn if others.is_empty() => now,
            Pace::InTurn => now + PUBLISHED_BEFORE_USE,
        };
        Ok(SigningKey {
            id,
            public_key,
            sealed_private_key,
            create_time: now,
            activate_time,
            retire_time: NEVER,
        })
    }

    fn unseal(&self, stored: &SigningKey) -> Result<Key> {
        let context = stored.id.uuid();
        let vault = &self.world.vault;
        let private =
            vault.open(Kept::SigningKey, context.as_bytes(), &stored.sealed_private_key)?;
        Ok(Key { stored: stored.clone(), private: private.into() })
    }
}

impl Ring {
    /// The key of this id, unless it is retired.
    fn accepted(&self, id: Id<SigningKey>, now: Timestamp) -> Option<&Key> {
        self.keys.iter().find(|key| key.stored.id == id && now < key.stored.retire_time)
    }
}

async fn audit(
    change: &mut Change<'_>,
    key: &SigningKey,
    others: &[SigningKey],
    pace: Pace,
) -> Result<()> {
    change.audit("key.rotate", format!("keys/{}", key.id)).await?;
    if pace == Pace::Now {
        for old in others {
            change.audit("key.retire", format!("keys/{}", old.id)).await?;
        }
    }
    Ok(())
}
