//! The keys that sign access tokens: loaded from the store, replaced on schedule, published for others to verify with.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use uuid::Uuid;

use super::World;
use crate::{
    domain::{
        Error, Result, Timestamp, error::BadToken, id::Id, key::SigningKey,
        session::ACCESS_TOKEN_LIFETIME,
    },
    port::{
        crypto::{Claims, Kept, Signatures},
        store::Tx,
    },
};

/// How long a new key is published before it signs, so that every replica and every cache of the key set has it by then.
const PUBLISHED_BEFORE_USE: Duration = Duration::from_mins(10);

/// How long a replaced key still verifies: a token's lifetime, and room for clocks that differ.
const OVERLAP: Duration = Duration::from_secs(ACCESS_TOKEN_LIFETIME.as_secs() + 300);

/// When a key that has no successor is retired: never, as databases understand it.
const NEVER: Timestamp = time::macros::datetime!(9999-01-01 0:00 UTC);

/// The keys in use.
pub struct Keyring {
    world: World,
    signatures: Arc<dyn Signatures>,
    lifetime: Duration,
    keys: RwLock<Arc<Vec<Key>>>,
}

struct Key {
    stored: SigningKey,
    private: SecretSlice<u8>,
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
    /// An empty ring; [`Keyring::refresh`] fills it.
    #[must_use]
    pub fn new(world: World, signatures: Arc<dyn Signatures>, lifetime: Duration) -> Self {
        Self { world, signatures, lifetime, keys: RwLock::default() }
    }

    /// Loads the keys, and adds one when there is none or the newest has served its time. Safe on every replica at
    /// once: one of them adds the key, the others find it.
    pub async fn refresh(&self) -> Result<()> {
        let now = self.world.clock.now();
        let mut keys = self.world.store.read().await?.list_signing_keys(now).await?;
        if self.is_due(&keys, now) {
            keys = self.world.attempt(|tx| self.renew(tx, now)).await?;
        }
        let keys = keys.into_iter().map(|key| self.unseal(key)).collect::<Result<Vec<_>>>()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// Signs claims with the newest key that is active.
    pub fn sign(&self, claims: &Claims) -> Result<SecretString> {
        let now = self.world.clock.now();
        let keys = self.keys();
        let key = keys
            .iter()
            .rev()
            .find(|key| key.stored.activate_time <= now)
            // The clock of whoever made the first key may be ahead of this one.
            .or(keys.first())
            .ok_or_else(|| Error::internal("no signing key is active"))?;
        self.signatures.sign(&key.stored, key.private.expose_secret(), claims)
    }

    /// The claims of a token that one of our keys signed. Times are the caller's to check.
    ///
    /// # Errors
    /// `BadToken::Invalid`.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        let id = Id::from(self.signatures.key_id(token)?);
        let now = self.world.clock.now();
        let keys = self.keys();
        let key = keys
            .iter()
            .find(|key| key.stored.id == id && now < key.stored.retire_time)
            .ok_or(BadToken::Invalid)?;
        self.signatures.verify(token, &key.stored.public_key)
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
        self.keys().iter().map(publish).collect()
    }

    /// Adds a key, unless another replica has done it first; the keys that there are then.
    async fn renew(&self, mut tx: Box<dyn Tx>, now: Timestamp) -> Result<Vec<SigningKey>> {
        tx.lock_signing_keys().await?;
        let keys = tx.list_signing_keys(now).await?;
        if !self.is_due(&keys, now) {
            tx.rollback().await?;
            return Ok(keys);
        }
        let key = self.generate(&keys, now)?;
        for old in keys.iter().filter(|old| old.retire_time == NEVER) {
            tx.retire_signing_key(old.id, key.activate_time + OVERLAP).await?;
        }
        tx.insert_signing_key(&key).await?;
        let keys = tx.list_signing_keys(now).await?;
        tx.commit().await?;
        Ok(keys)
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_due(&self, keys: &[SigningKey], now: Timestamp) -> bool {
        keys.last().is_none_or(|newest| newest.create_time + self.lifetime <= now)
    }

    fn generate(&self, others: &[SigningKey], now: Timestamp) -> Result<SigningKey> {
        let id = Id::from(self.world.ids.uuid());
        let (public_key, private_key) = self.signatures.generate()?;
        let context = id.uuid();
        let sealed_private_key =
            self.world.vault.seal(Kept::SigningKey, context.as_bytes(), &private_key)?;
        // The first key has nobody to wait for.
        let wait = if others.is_empty() { Duration::ZERO } else { PUBLISHED_BEFORE_USE };
        Ok(SigningKey {
            id,
            public_key,
            sealed_private_key,
            create_time: now,
            activate_time: now + wait,
            retire_time: NEVER,
        })
    }

    fn unseal(&self, stored: SigningKey) -> Result<Key> {
        let context = stored.id.uuid();
        let vault = &self.world.vault;
        let private =
            vault.open(Kept::SigningKey, context.as_bytes(), &stored.sealed_private_key)?;
        Ok(Key { stored, private: private.into() })
    }
}
