//! Choosing a new password without the old one, by a mail to the address of the account.

use std::sync::Arc;

use super::{
    auth::AuthService,
    change::Change,
    password::NewPassword,
    verification::{Sent, mark_verified},
};
use crate::{
    domain::{
        Error, Result,
        audit::Outcome,
        caller::Caller,
        errand::Errand,
        id::Id,
        mail::{Mail, Recipient},
        one_time_token::Kind,
        reason::Reason,
        session::Session,
        text::{Password, fold},
        user::{State, User},
    },
    port::cache::Stamp,
};

/// A token that lets somebody choose a new password.
pub struct PasswordReset {
    token: String,
    user: User,
    /// When the account was read.
    since: Stamp,
}

/// What a reset has done, to be made known after the commit.
struct Reset {
    user: User,
    ended: Vec<Id<Session>>,
    /// Whether more of the account was changed than its password.
    is_changed: bool,
}

impl PasswordReset {
    /// Whose password it is.
    #[must_use]
    pub fn user_id(&self) -> Id<User> {
        self.user.id
    }

    /// The folded names by which the account is known, none of which is a good password.
    #[must_use]
    pub fn names(&self) -> [String; 2] {
        [self.user.username.folded(), self.user.email.folded_local_part()]
    }
}

impl AuthService {
    /// Has a mail sent to whoever has this username or e-mail address, by which they can choose a new password. It is found
    /// out after the answer whether there is somebody.
    pub async fn request_password_reset(&self, caller: &Caller, identifier: &str) -> Result<()> {
        let asked = self.world.change(caller, |change| {
            let identifier = identifier.to_owned();
            Box::pin(change.leave(Errand::OfferPasswordReset { identifier }))
        });
        asked.await
    }

    /// Writes to whoever has this username or e-mail address. Tokens of before are void: the mail that came last is the one
    /// that is good. When the account has had as many of these mails as it may, the last one stays good.
    pub(super) async fn offer_password_reset(
        &self,
        change: &mut Change<'_>,
        identifier: &str,
    ) -> Result<()> {
        const ACTION: &str = "auth.request_password_reset";
        let found = change.tx.find_user_by_name(&fold(identifier)).await?;
        let user = match found {
            Some(user) => change.tx.lock_user(user.id).await?,
            None => None,
        };
        let Some(user) = user.filter(|user| user.state == State::Active) else {
            let nobody = Outcome::Failure(Reason::NotFound);
            return change.audit_as(None, ACTION, String::new(), nobody).await;
        };
        let (id, to, kind) = (user.id, Recipient::of(&user), Kind::PasswordReset);
        let mut outcome = Outcome::Success;
        if change.may_mail(&to, Mail::RESET_PASSWORD).await? {
            change.void(kind, id).await?;
            let token = change.issue(kind, Some(id), &Sent::to(&user)).await?;
            let expire_time = change.now + kind.lifetime();
            change.mail(&to, &Mail::ResetPassword { token, expire_time }).await?;
        } else {
            outcome = Outcome::Failure(Reason::RateLimited);
        }
        change.audit_as(None, ACTION, format!("users/{id}"), outcome).await
    }

    /// Looks at a token that lets somebody choose a new password, without using it up.
    ///
    /// # Errors
    /// `InvalidOneTimeToken`.
    pub async fn find_password_reset(
        &self,
        caller: &Caller,
        token: String,
    ) -> Result<PasswordReset> {
        match self.look_at_reset(token).await {
            Ok(Some(reset)) => Ok(reset),
            Ok(None) => self.refuse_reset(caller, String::new()).await,
            Err(error) => Err(error),
        }
    }

    async fn look_at_reset(&self, token: String) -> Result<Option<PasswordReset>> {
        let Some(found) = self.world.find::<Sent>(Kind::PasswordReset, &token).await? else {
            return Ok(None);
        };
        let Some(id) = found.user_id else { return Ok(None) };
        let since = self.users.stamp(&id);
        let user = self.world.store.read().await?.find_user(id).await?;
        Ok(user.map(|user| PasswordReset { token, user, since }))
    }

    /// Sets a new password and ends all sessions of the user. Whoever can read mails at the address has shown that it is
    /// theirs, and nothing else: they are not signed in, and a second factor is asked for as ever.
    ///
    /// # Errors
    /// `InvalidOneTimeToken`; `Busy`.
    pub async fn reset_password(
        &self,
        caller: &Caller,
        reset: PasswordReset,
        password: Password,
    ) -> Result<()> {
        let new = &self.hash_new(password).await?;
        let (live, users) = (Arc::clone(&self.sessions.live), Arc::clone(&self.users));
        let (id, since, token) = (reset.user.id, reset.since, &reset.token);
        let done = self.world.change_then(
            caller,
            |change| Box::pin(self.reset_within(change, id, token, new)),
            move |done: &Reset| {
                live.ended(&done.ended);
                if done.is_changed {
                    users.replace(id, Arc::new(done.user.clone()), since);
                }
            },
        );
        match done.await {
            Ok(_) => Ok(()),
            Err(Error::InvalidOneTimeToken) => {
                self.refuse_reset(caller, format!("users/{id}")).await
            }
            Err(error) => Err(error),
        }
    }

    async fn reset_within(
        &self,
        change: &mut Change<'_>,
        id: Id<User>,
        token: &str,
        new: &NewPassword,
    ) -> Result<Reset> {
        // Locked before the token, in the order of whoever makes one.
        let user = change.tx.lock_user(id).await?.filter(|user| user.state == State::Active);
        let mut user = user.ok_or(Error::InvalidOneTimeToken)?;
        let found = change.redeem::<Sent>(Kind::PasswordReset, token).await?;
        let found = found.filter(|found| found.user_id == Some(id) && found.data.to == user.email);
        found.ok_or(Error::InvalidOneTimeToken)?;
        let is_changed = mark_verified(change, &mut user).await?;
        self.guard.clear(change, id).await?;
        let (resource, done) = (format!("users/{id}"), Outcome::Success);
        change.audit_as(Some(id), "auth.reset_password", resource, done).await?;
        let ended = self.replace_password(change, &user, new, None).await?;
        Ok(Reset { user, ended, is_changed })
    }

    async fn refuse_reset<T>(&self, caller: &Caller, resource: String) -> Result<T> {
        let refused = Error::InvalidOneTimeToken;
        let failure = Outcome::Failure(refused.kind());
        self.world.audit(caller, "auth.reset_password", resource, failure).await?;
        Err(refused)
    }
}
