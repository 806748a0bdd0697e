//! From a bearer token to a principal, fast: signatures are verified once, sessions and API keys are looked up once.

use std::{net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    World,
    api_key::secret,
    attendance::Attendance,
    keyring::{Keyring, Verified},
    memory::{Known, Sessions},
    session::TokenNames,
};
use crate::{
    domain::{
        Result, Timestamp,
        api_key::ApiKey,
        audit::Outcome,
        caller::{Caller, Credential, Principal},
        error::BadToken,
        id::Id,
        permission::Permissions,
        reason::Reason,
        session::ACCESS_TOKEN_LIFETIME,
        user::User,
    },
    port::{
        access::{Auditor, Authenticated, Authenticator},
        cache::Cache,
        crypto::Claims,
    },
};

/// The longest bearer token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// How far the clocks of the maker and the taker of a token may differ.
const SKEW: Duration = Duration::from_secs(30);

/// A token that is good.
pub struct Examined {
    /// Whose it is.
    pub found: Authenticated,
    /// When it expires; an API key may never.
    pub expire_time: Option<Timestamp>,
}

/// Knows who a bearer token belongs to.
pub struct AccessService {
    /// What every use case needs.
    pub world: World,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Who makes and takes tokens.
    pub names: TokenNames,
    /// The sessions and API keys that are known.
    pub sessions: Arc<Sessions>,
    /// When they were used.
    pub attendance: Arc<Attendance>,
    /// The claims of tokens whose signature was verified, by token.
    pub verified: Arc<dyn Cache<String, Verified>>,
    /// The API keys that were refused lately, and why.
    pub refused: Arc<dyn Cache<(Id<ApiKey>, BadToken), ()>>,
}

impl AccessService {
    /// The claims of a token that was made here for here. Whether its key is still good and its time has come is for whoever
    /// asks: what is remembered may be older than that.
    async fn verify(&self, token: &str) -> Result<Arc<Verified>> {
        let key = token.to_owned();
        if let Some(verified) = self.verified.get(&key) {
            return Ok(verified);
        }
        let since = self.verified.stamp(&key);
        let verified = Arc::new(self.keyring.verify(token).await?);
        let claims = &verified.claims;
        let lifetime = claims.exp.checked_sub(claims.iat).ok_or(BadToken::Invalid)?;
        let lifetime_max = ACCESS_TOKEN_LIFETIME.as_secs().cast_signed();
        if claims.iss != self.names.issuer
            || claims.aud != self.names.audience
            || !(0..=lifetime_max).contains(&lifetime)
        {
            return Err(BadToken::Invalid.into());
        }
        self.verified.fill(key, Arc::clone(&verified), since);
        Ok(verified)
    }

    /// Whose session it is, unless it has ended; what is remembered counts only when it is confirmed.
    async fn principal(&self, claims: &Claims, is_confirmed: bool) -> Result<Option<Principal>> {
        let (session, user) = (Id::from(claims.sid), Id::from(claims.sub));
        match self.sessions.find(session) {
            Known::Live(principal) if is_confirmed => return Ok(Some(principal)),
            // What has ended stays so.
            Known::Ended => return Ok(None),
            _ => {}
        }
        let (since, now) = (self.sessions.stamps(session, user), self.world.clock.now());
        let found = self.world.store.read().await?.find_principal(session, now).await?;
        // The token was signed after its session was committed, so a session that is not there does not come later.
        self.sessions.fill(session, user, found.as_ref(), since);
        Ok(found)
    }

    /// Whose token it is, and until when. Where it came from counts for API keys that are bound to networks.
    ///
    /// # Errors
    /// `BadToken`, and whatever the store says.
    pub async fn examine(&self, bearer: &str, ip: Option<IpAddr>) -> Result<Examined> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::Invalid.into());
        }
        if secret::is_meant(bearer) {
            return self.examine_key(bearer, ip).await;
        }
        let verified = self.verify(bearer).await?;
        let claims = &verified.claims;
        let now = self.world.clock.now();
        let (seconds, skew) = (now.unix_timestamp(), SKEW.as_secs().cast_signed());
        if claims.exp.saturating_add(skew) <= seconds {
            return Err(BadToken::Expired.into());
        }
        if claims.nbf.saturating_sub(skew) > seconds || claims.iat.saturating_sub(skew) > seconds {
            return Err(BadToken::Invalid.into());
        }
        let is_confirmed = self.keyring.catch_up().await?;
        if !self.keyring.accepts(verified.key_id) {
            return Err(BadToken::Invalid.into());
        }
        let principal = self.principal(claims, is_confirmed).await?;
        let principal = principal.filter(|principal| principal.user_id.uuid() == claims.sub);
        let principal = Arc::new(principal.ok_or(BadToken::Ended)?);
        let expire_time =
            Timestamp::from_unix_timestamp(claims.exp).map_err(|_| BadToken::Invalid)?;
        let found = Authenticated { principal, is_confirmed, now };
        Ok(Examined { found, expire_time: Some(expire_time) })
    }

    /// Whose API key it is. The MAC comes first, so that what was never made here costs no look at the store.
    async fn examine_key(&self, bearer: &str, ip: Option<IpAddr>) -> Result<Examined> {
        let id = secret::read(&*self.world.vault, bearer)?;
        let is_confirmed = self.keyring.catch_up().await?;
        let key = self.api_key(id, is_confirmed).await?;
        let key = (*key).as_ref().ok_or(BadToken::EndedKey)?;
        let now = self.world.clock.now();
        if key.is_expired(now) {
            return Err(BadToken::ExpiredKey.into());
        }
        if !key.is_allowed_from(ip) {
            return Err(BadToken::KeyNetwork.into());
        }
        let held = self.permissions(key.user_id, is_confirmed).await?.ok_or(BadToken::EndedKey)?;
        let principal = Arc::new(Principal {
            user_id: key.user_id,
            credential: Credential::ApiKey { id },
            permissions: key.permissions.and(held),
        });
        let found = Authenticated { principal, is_confirmed, now };
        Ok(Examined { found, expire_time: key.expire_time })
    }

    /// The key of this id; none for one that was deleted.
    async fn api_key(&self, id: Id<ApiKey>, is_confirmed: bool) -> Result<Arc<Option<ApiKey>>> {
        let keys = &self.sessions.api_keys;
        // What was deleted stays so.
        if let Some(known) = keys.get(&id).filter(|known| is_confirmed || known.is_none()) {
            return Ok(known);
        }
        let since = keys.stamp(&id);
        let found = Arc::new(self.world.store.read().await?.find_api_key(id).await?);
        keys.fill(id, Arc::clone(&found), since);
        Ok(found)
    }

    /// What a user may do; none where the account cannot be used.
    async fn permissions(&self, id: Id<User>, is_confirmed: bool) -> Result<Option<Permissions>> {
        let permissions = &self.sessions.permissions;
        if let Some(known) = permissions.get(&id).filter(|_| is_confirmed) {
            return Ok(*known);
        }
        let (since, now) = (permissions.stamp(&id), self.world.clock.now());
        let found = self.world.store.read().await?.find_permissions(id, now).await?;
        permissions.fill(id, Arc::new(found), since);
        Ok(found)
    }
}

#[async_trait]
impl Authenticator for AccessService {
    async fn authenticate(&self, bearer: &str, ip: IpAddr) -> Result<Authenticated> {
        let found = self.examine(bearer, Some(ip)).await?.found;
        self.attendance.note(found.principal.credential, found.now);
        Ok(found)
    }

    fn changed(&self, principal: &Principal) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.sessions.until_changed(principal))
    }
}

#[async_trait]
impl Auditor for AccessService {
    async fn denied(&self, caller: &Caller, action: &'static str, why: Reason) -> Result<()> {
        self.world.audit(caller, action, String::new(), Outcome::Denied(why)).await
    }

    async fn key_refused(&self, caller: &Caller, bearer: &str) -> Result<()> {
        let Some(why) = caller.refused.filter(|why| why.is_of_known_key()) else { return Ok(()) };
        let id = secret::read(&*self.world.vault, bearer)?;
        let about = (id, why);
        if self.refused.get(&about).is_some() {
            return Ok(());
        }
        let (since, failure) = (self.refused.stamp(&about), Outcome::Failure(why.kind()));
        self.world.audit(caller, "api_key.use", format!("apiKeys/{id}"), failure).await?;
        self.refused.fill(about, Arc::new(()), since);
        Ok(())
    }
}
