//! From a bearer token to a principal, fast: signatures are verified once, sessions are looked up once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{World, keyring::Keyring, session::TokenNames};
use crate::{
    domain::{
        Result,
        audit::Outcome,
        caller::{Caller, Principal},
        error::BadToken,
        id::Id,
        session::{ACCESS_TOKEN_LIFETIME, Session},
    },
    port::{
        access::{Auditor, Authenticator},
        cache::Cache,
        crypto::Claims,
    },
};

/// The longest bearer token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 8 << 10;

/// How far the clocks of the maker and the taker of a token may differ.
const SKEW: Duration = Duration::from_secs(30);

/// The sessions that this replica has seen: who each belongs to, or that it has ended.
pub struct Sessions {
    cache: Arc<dyn Cache<Id<Session>, Option<Arc<Principal>>>>,
}

impl Sessions {
    /// Sessions remembered in a cache.
    #[must_use]
    pub fn new(cache: Arc<dyn Cache<Id<Session>, Option<Arc<Principal>>>>) -> Self {
        Self { cache }
    }

    /// Notes that sessions have ended, after the commit that ended them: their tokens are refused from now on.
    pub fn ended(&self, ids: &[Id<Session>]) {
        for id in ids {
            // An end is final: nothing supersedes it.
            self.cache.put(*id, Arc::new(None), |_, _| false);
        }
    }
}

/// Knows who a bearer token belongs to.
pub struct AccessService {
    /// What every use case needs.
    pub world: World,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Who makes and takes tokens.
    pub names: TokenNames,
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// The claims of tokens whose signature was verified, by token.
    pub verified: Arc<dyn Cache<String, Claims>>,
}

impl AccessService {
    fn claims(&self, token: &str) -> Result<Arc<Claims>> {
        let key = token.to_owned();
        if let Some(claims) = self.verified.get(&key) {
            return Ok(claims);
        }
        let claims = Arc::new(self.keyring.verify(token)?);
        let lifetime = claims.exp.checked_sub(claims.iat).ok_or(BadToken::Invalid)?;
        let lifetime_max = ACCESS_TOKEN_LIFETIME.as_secs().cast_signed();
        if claims.iss != self.names.issuer
            || claims.aud != self.names.audience
            || !(0..=lifetime_max).contains(&lifetime)
        {
            return Err(BadToken::Invalid.into());
        }
        self.verified.fill(key, Arc::clone(&claims));
        Ok(claims)
    }

    async fn principal(&self, id: Id<Session>) -> Result<Option<Arc<Principal>>> {
        if let Some(known) = self.sessions.cache.get(&id) {
            return Ok(Option::clone(&known));
        }
        let now = self.world.clock.now();
        let found = self.world.store.read().await?.find_principal(id, now).await?;
        let found = found.map(Arc::new);
        self.sessions.cache.fill(id, Arc::new(found.clone()));
        Ok(found)
    }
}

#[async_trait]
impl Authenticator for AccessService {
    async fn authenticate(&self, bearer: &str) -> Result<Arc<Principal>> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::Invalid.into());
        }
        let claims = self.claims(bearer)?;
        let now = self.world.clock.now().unix_timestamp();
        let skew = SKEW.as_secs().cast_signed();
        if claims.exp.saturating_add(skew) <= now {
            return Err(BadToken::Expired.into());
        }
        if claims.nbf.saturating_sub(skew) > now || claims.iat.saturating_sub(skew) > now {
            return Err(BadToken::Invalid.into());
        }
        let principal = self.principal(Id::from(claims.sid)).await?;
        principal
            .filter(|principal| principal.user_id.uuid() == claims.sub)
            .ok_or(BadToken::Ended.into())
    }
}

#[async_trait]
impl Auditor for AccessService {
    async fn denied(&self, caller: &Caller, action: &'static str) -> Result<()> {
        let denied = Outcome::Denied("PERMISSION_DENIED");
        self.world.audit(caller, action, String::new(), denied).await
    }
}
