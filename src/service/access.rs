//! From a bearer token to a principal, fast: signatures are verified once, sessions are looked up once.

use std::{pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    World,
    attendance::Attendance,
    keyring::{Keyring, Verified},
    memory::{Known, Sessions},
    session::TokenNames,
};
use crate::{
    domain::{
        Result, Timestamp,
        audit::Outcome,
        caller::{Caller, Principal},
        error::BadToken,
        id::Id,
        session::ACCESS_TOKEN_LIFETIME,
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
    /// When it expires.
    pub expire_time: Timestamp,
}

/// Knows who a bearer token belongs to.
pub struct AccessService {
    /// What every use case needs.
    pub world: World,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Who makes and takes tokens.
    pub names: TokenNames,
    /// The sessions that are known.
    pub sessions: Arc<Sessions>,
    /// When they were used.
    pub attendance: Arc<Attendance>,
    /// The claims of tokens whose signature was verified, by token.
    pub verified: Arc<dyn Cache<String, Verified>>,
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

    /// Whose token it is, and until when.
    ///
    /// # Errors
    /// `BadToken`, and whatever the store says.
    pub async fn examine(&self, bearer: &str) -> Result<Examined> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::Invalid.into());
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
        Ok(Examined { found: Authenticated { principal, is_confirmed, now }, expire_time })
    }
}

#[async_trait]
impl Authenticator for AccessService {
    async fn authenticate(&self, bearer: &str) -> Result<Authenticated> {
        let found = self.examine(bearer).await?.found;
        self.attendance.note(found.principal.session_id, found.now);
        Ok(found)
    }

    fn changed(&self, principal: &Principal) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.sessions.until_changed(principal))
    }
}

#[async_trait]
impl Auditor for AccessService {
    async fn denied(&self, caller: &Caller, action: &'static str) -> Result<()> {
        let denied = Outcome::Denied("PERMISSION_DENIED");
        self.world.audit(caller, action, String::new(), denied).await
    }
}
