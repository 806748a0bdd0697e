//! Sessions: begun by signing in, carried on by refresh tokens, ended by signing out or by theft.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{
    World, change::Change, keyring::Keyring, memory::Sessions as LiveSessions, refresh_token,
};
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::Outcome,
        caller::Caller,
        event::Data,
        id::Id,
        mail::{Mail, Recipient},
        reason::Reason,
        session::{ACCESS_TOKEN_LIFETIME, EndReason, IDLE_LIFETIME, Proof, Session},
        user::User,
    },
    port::crypto::Claims,
};

/// How many devices of an account are looked at to see whether another is one of them.
const DEVICES_MAX: i64 = 1_000;

/// The credentials of a session.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access_token: SecretString,
    /// When it expires.
    pub access_expire_time: Timestamp,
    /// The refresh token.
    pub refresh_token: SecretString,
    /// When it expires.
    pub refresh_expire_time: Timestamp,
    /// The session.
    pub session_id: Id<Session>,
}

/// Who makes and takes access tokens.
#[derive(Debug, Clone)]
pub struct TokenNames {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
}

/// The use cases of sessions.
pub struct SessionService {
    /// What every use case needs.
    pub world: World,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// The sessions that this replica knows to be live.
    pub live: Arc<LiveSessions>,
    /// Who makes and takes tokens.
    pub names: TokenNames,
    /// How long the direct parent of the newest refresh token gets the same successor.
    pub grace: Duration,
    /// How many sessions a user has at most.
    pub per_user_max: i64,
}

/// A session that has begun, and those that ended because it was one too many: tell [`LiveSessions::ended`] of them
/// after the commit.
#[derive(Debug)]
pub struct Begun {
    /// The new session.
    pub session: Session,
    /// The others.
    pub ended: Vec<Id<Session>>,
}

/// What a refresh token turned out to be, once its session was looked at.
enum Use {
    /// The newest, or within the grace its direct parent: the session goes on.
    Good(Box<Session>),
    /// An older one: somebody has a copy. The session has been ended.
    Theft(Id<Session>),
}

impl SessionService {
    /// Begins a session within the change that signs its user in. Of more than a user may have, those end that were not
    /// used for the longest time.
    pub async fn begin(
        &self,
        change: &mut Change<'_>,
        user_id: Id<User>,
        client_name: &str,
        proofs: Vec<Proof>,
    ) -> Result<Begun> {
        let origin = &change.caller().origin;
        let now = change.now;
        let session = Session {
            id: Id::from(self.world.ids.uuid()),
            user_id,
            counter: 0,
            refresh_time: now,
            expire_time: Session::expiry(now, now),
            client_name: client_name.to_owned(),
            ip: origin.ip.map_or_else(String::new, |ip| ip.to_string()),
            user_agent: origin.user_agent.clone(),
            create_time: now,
            end_time: None,
            proofs,
            auth_time: now,
            last_seen_time: now,
        };
        change.tx.insert_session(&session).await?;
        let (kept, why) = (self.per_user_max, EndReason::SessionLimit);
        let ended = change.tx.end_surplus_sessions(user_id, kept, now, why).await?;
        self.tell(change, user_id, ended.clone(), why).await?;
        Ok(Begun { session, ended })
    }

    /// Begins a session of somebody who has an account already, and writes to them when it is on a device that they have
    /// had no session on.
    pub async fn sign_in(
        &self,
        change: &mut Change<'_>,
        user: &User,
        client_name: &str,
        proofs: Vec<Proof>,
    ) -> Result<Begun> {
        let known = change.tx.list_devices(user.id, DEVICES_MAX).await?;
        let begun = self.begin(change, user.id, client_name, proofs).await?;
        let device = begun.session.device();
        if !known.iter().any(|known| known.is_like(&device)) {
            let mail = Mail::NewDevice { client_name: device.client_name };
            change.mail(&Recipient::of(user), &mail).await?;
        }
        Ok(begun)
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// `InvalidRefreshToken`; `RefreshTokenReused`, by when the session's end is committed.
    pub async fn refresh(&self, caller: &Caller, token: &str) -> Result<Tokens> {
        let read = refresh_token::read(&*self.world.vault, token);
        let result = match read {
            Some((id, counter)) => self.exchange(caller, id, counter).await,
            None => Err(Error::InvalidRefreshToken),
        };
        if let Err(error @ Error::InvalidRefreshToken) = &result {
            let resource = read.map_or_else(String::new, |(id, _)| format!("sessions/{id}"));
            let failure = Outcome::Failure(error.kind());
            self.world.audit(caller, "auth.refresh", resource, failure).await?;
        }
        result
    }

    async fn exchange(&self, caller: &Caller, id: Id<Session>, counter: i64) -> Result<Tokens> {
        let live = Arc::clone(&self.live);
        let used = self.world.change_then(
            caller,
            |change| Box::pin(self.use_token(change, id, counter)),
            move |used| match used {
                Use::Good(_) => {}
                Use::Theft(id) => live.ended(&[*id]),
            },
        );
        match used.await? {
            Use::Good(session) => self.tokens(&session).await,
            Use::Theft(_) => Err(Error::RefreshTokenReused),
        }
    }

    async fn use_token(
        &self,
        change: &mut Change<'_>,
        id: Id<Session>,
        counter: i64,
    ) -> Result<Use> {
        let now = change.now;
        let idle_until = now + IDLE_LIFETIME;
        if let Some(session) = change.tx.advance_session(id, counter, now, idle_until).await? {
            let expire_time = Session::expiry(session.create_time, now);
            if expire_time < idle_until {
                change.tx.shorten_session(id, expire_time).await?;
            }
            let (user_id, resource) = (Some(session.user_id), format!("sessions/{id}"));
            change.audit_as(user_id, "auth.refresh", resource, Outcome::Success).await?;
            return Ok(Use::Good(Box::new(Session { expire_time, ..session })));
        }
        let session = change.tx.find_session(id).await?.filter(|session| session.is_live(now));
        let session = session.ok_or(Error::InvalidRefreshToken)?;
        // The account is looked at anew: it may have been suspended or deleted since.
        if change.tx.find_principal(id, now).await?.is_none() {
            return Err(Error::InvalidRefreshToken);
        }
        let is_parent = session.counter == counter + 1;
        if is_parent && !self.grace.is_zero() && now < session.refresh_time + self.grace {
            return Ok(Use::Good(Box::new(session)));
        }
        if counter > session.counter {
            return Err(Error::InvalidRefreshToken);
        }
        // Locked before the session, in the order of whoever suspends an account: the mail will need it.
        let user = change.tx.lock_user(session.user_id).await?;
        if self.end(change, &session, EndReason::RefreshReuse).await?
            && let Some(user) = user
        {
            let mail = Mail::RefreshTokenReused { device: session.device() };
            change.mail(&Recipient::of(&user), &mail).await?;
        }
        Ok(Use::Theft(id))
    }

    /// Ends the session of a refresh token or, without one, of the caller; or every session of that user.
    ///
    /// Any token of a session can end that session, even one that was exchanged long ago: whoever holds it does no harm
    /// by it. Ending all of them takes the newest token, or the one before it.
    ///
    /// # Errors
    /// `InvalidRefreshToken`; `MissingToken` or `BadToken` when there is neither.
    pub async fn logout(&self, caller: &Caller, token: &str, all: bool) -> Result<()> {
        let (id, counter) = match token {
            // A key has no session, and none of its owner's is meant.
            "" => {
                let session = caller.signed_in()?.credential.session_id();
                (session.ok_or(Error::MissingToken)?, None)
            }
            token => {
                let read = refresh_token::read(&*self.world.vault, token);
                read.map(|(id, counter)| (id, Some(counter))).ok_or(Error::InvalidRefreshToken)?
            }
        };
        let live = Arc::clone(&self.live);
        let ended = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let session =
                        change.tx.find_session(id).await?.ok_or(Error::InvalidRefreshToken)?;
                    let newest = counter.is_none_or(|counter| counter + 1 >= session.counter);
                    match (session.is_live(change.now), all) {
                        (true, true) if newest => {
                            self.end_all(change, session.user_id, None, EndReason::Logout).await
                        }
                        (_, true) => Err(Error::InvalidRefreshToken),
                        (true, false) => {
                            self.end(change, &session, EndReason::Logout).await?;
                            Ok(vec![id])
                        }
                        // Signing out twice is no mistake.
                        (false, false) => Ok(Vec::new()),
                    }
                })
            },
            move |ended: &Vec<_>| live.ended(ended),
        );
        ended.await?;
        Ok(())
    }

    /// Ends one session within a change; whether it was not ended before.
    pub(super) async fn end(
        &self,
        change: &mut Change<'_>,
        session: &Session,
        why: EndReason,
    ) -> Result<bool> {
        let ended = change.tx.end_session(session.id, change.now, why).await?;
        if ended {
            self.tell(change, session.user_id, vec![session.id], why).await?;
        }
        Ok(ended)
    }

    /// Ends every session of a user within a change, but perhaps one, and returns their ids; tell [`LiveSessions::ended`]
    /// after the commit.
    pub async fn end_all(
        &self,
        change: &mut Change<'_>,
        user_id: Id<User>,
        but: Option<Id<Session>>,
        why: EndReason,
    ) -> Result<Vec<Id<Session>>> {
        let ended = change.tx.end_sessions_of(user_id, but, change.now, why).await?;
        self.tell(change, user_id, ended.clone(), why).await?;
        Ok(ended)
    }

    async fn tell(
        &self,
        change: &mut Change<'_>,
        user_id: Id<User>,
        session_ids: Vec<Id<Session>>,
        reason: EndReason,
    ) -> Result<()> {
        if session_ids.is_empty() {
            return Ok(());
        }
        let action = match reason {
            EndReason::Logout => "auth.logout",
            EndReason::RefreshReuse => "auth.refresh_reuse",
            _ => "session.revoke",
        };
        let resource = format!("users/{user_id}");
        // A thief is nobody we know; whoever signs in, or signs out without an access token, is known by what they showed.
        let (actor, outcome) = match reason {
            EndReason::RefreshReuse => (None, Outcome::Failure(Reason::RefreshTokenReused)),
            EndReason::Logout | EndReason::SessionLimit => (Some(user_id), Outcome::Success),
            _ => (change.caller().user_id(), Outcome::Success),
        };
        change.audit_as(actor, action, resource, outcome).await?;
        change.record(Data::SessionRevoked { user_id, session_ids, reason }).await
    }

    /// The credentials of a session as it stands.
    pub async fn tokens(&self, session: &Session) -> Result<Tokens> {
        let now = self.world.clock.now();
        let access_expire_time = now + ACCESS_TOKEN_LIFETIME;
        let claims = Claims {
            iss: self.names.issuer.clone(),
            aud: self.names.audience.clone(),
            sub: session.user_id.uuid(),
            sid: session.id.uuid(),
            jti: self.world.ids.uuid(),
            iat: now.unix_timestamp(),
            nbf: now.unix_timestamp(),
            exp: access_expire_time.unix_timestamp(),
        };
        Ok(Tokens {
            access_token: self.keyring.sign(&claims).await?,
            access_expire_time,
            refresh_token: refresh_token::derive(&*self.world.vault, session.id, session.counter),
            refresh_expire_time: session.expire_time,
            session_id: session.id,
        })
    }
}
