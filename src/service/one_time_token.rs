//! Tokens that are good once: made of random bits, kept as a message authentication code, and used up by whoever comes first.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};

use super::{World, change::Change};
use crate::{
    domain::{Error, Result, id::Id, one_time_token::Kind, user::User},
    port::{
        crypto::{Kept, Purpose, Vault},
        store::KeptToken,
    },
};

/// What every token begins with, so that scanners recognise a leaked one.
const PREFIX: &str = "vzo_";

/// A token that was shown, and is good.
#[derive(Debug)]
pub struct OneTimeToken<T> {
    /// Whose it is, where that was known when it was made.
    pub user_id: Option<Id<User>>,
    /// What it carries.
    pub data: T,
}

impl Change<'_> {
    /// Makes a token that is good for the lifetime of its kind and carries `data`, which only this server can read.
    pub async fn issue(
        &mut self,
        kind: Kind,
        user_id: Option<Id<User>>,
        data: &(impl Serialize + Sync),
    ) -> Result<SecretString> {
        let vault = &*self.world().vault;
        let bytes = vault.random()?;
        let digest = digest(vault, kind, &bytes);
        let data = serde_json::to_vec(data).map_err(Error::internal)?;
        let token = KeptToken {
            digest,
            kind,
            user_id,
            sealed_data: vault.seal(Kept::OneTimeToken, &digest, &data)?,
            create_time: self.now,
            expire_time: self.now + kind.lifetime(),
        };
        self.tx.insert_one_time_token(&token).await?;
        Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into())
    }

    /// Uses a token up; of several that try at the same time one succeeds. None when it is none of this kind, was used, or has
    /// expired.
    pub async fn redeem<T: DeserializeOwned>(
        &mut self,
        kind: Kind,
        token: &str,
    ) -> Result<Option<OneTimeToken<T>>> {
        let vault = &*self.world().vault;
        let Some(digest) = read(vault, kind, token) else { return Ok(None) };
        let found = self.tx.take_one_time_token(&digest, self.now).await?;
        found.map(|found| open(vault, &found)).transpose()
    }

    /// Makes every token of this kind void that a user has.
    pub async fn void(&mut self, kind: Kind, user_id: Id<User>) -> Result<()> {
        self.tx.delete_one_time_tokens(user_id, kind).await
    }
}

impl World {
    /// What a token says, without using it up. None when it is none of this kind, was used, or has expired.
    pub async fn find<T: DeserializeOwned>(
        &self,
        kind: Kind,
        token: &str,
    ) -> Result<Option<OneTimeToken<T>>> {
        let Some(digest) = read(&*self.vault, kind, token) else { return Ok(None) };
        let now = self.clock.now();
        let found = self.store.read().await?.find_one_time_token(&digest, now).await?;
        found.map(|found| open(&*self.vault, &found)).transpose()
    }
}

/// Where the token of this text is kept, if it can be one of ours. The digest is bound to the kind, so a token of one kind is
/// not found as another.
fn read(vault: &dyn Vault, kind: Kind, token: &str) -> Option<[u8; 32]> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let bytes: &[u8; 32] = bytes.as_slice().try_into().ok()?;
    Some(digest(vault, kind, bytes))
}

fn digest(vault: &dyn Vault, kind: Kind, bytes: &[u8; 32]) -> [u8; 32] {
    vault.mac(Purpose::OneTimeToken, &[kind.name().as_bytes(), bytes])
}

fn open<T: DeserializeOwned>(vault: &dyn Vault, found: &KeptToken) -> Result<OneTimeToken<T>> {
    let data = vault.open(Kept::OneTimeToken, &found.digest, &found.sealed_data)?;
    let data = serde_json::from_slice(&data).map_err(Error::internal)?;
    Ok(OneTimeToken { user_id: found.user_id, data })
}
