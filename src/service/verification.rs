//! Showing that an e-mail address is one's own, by a link in a mail.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{auth::AuthService, change::Change, user::NOT_FOUND};
use crate::{
    domain::{
        Error, Result,
        audit::Outcome,
        caller::Caller,
        event::Data,
        id::Id,
        mail::{Mail, Recipient},
        one_time_token::Kind,
        text::Email,
        user::{State, User},
    },
    port::cache::Stamp,
};

/// What a token says beside whose it is.
#[derive(Serialize, Deserialize)]
pub(super) struct Sent {
    /// Where it was sent. When the account has another address, it is void.
    pub(super) to: Email,
}

/// An account whose token was shown, as it was then.
struct Shown {
    id: Id<User>,
    /// When the account was read.
    since: Stamp,
}

impl AuthService {
    /// Sends the caller a link by which they can show that their address is theirs, unless they have shown it.
    ///
    /// # Errors
    /// `MissingToken` or `BadToken`.
    pub async fn send_email_verification(&self, caller: &Caller) -> Result<()> {
        let id = caller.signed_in()?.user_id;
        let sent = self.world.change(caller, |change| {
            Box::pin(async move {
                let user = change.tx.lock_user(id).await?.ok_or(NOT_FOUND)?;
                change.audit("auth.send_email_verification", format!("users/{id}")).await?;
                self.offer_verification(change, &user).await
            })
        });
        sent.await
    }

    /// Writes to somebody whose account is locked or new, and whose address nobody has verified. Tokens of before are void: the
    /// mail that came last is the one that is good. When the account has had as many of these mails as it may, the last one
    /// stays good.
    pub(super) async fn offer_verification(
        &self,
        change: &mut Change<'_>,
        user: &User,
    ) -> Result<()> {
        let (to, kind) = (Recipient::of(user), Kind::EmailVerification);
        if user.email_verified || !change.may_mail(&to, Mail::VERIFY_EMAIL).await? {
            return Ok(());
        }
        change.void(kind, user.id).await?;
        let sent = Sent { to: user.email.clone() };
        let token = change.issue(kind, Some(user.id), &sent).await?;
        let expire_time = change.now + kind.lifetime();
        change.mail(&to, &Mail::VerifyEmail { token, expire_time }).await
    }

    /// Takes the token of a link as a proof that the address is of whoever shows it. They need not be signed in, and are not
    /// afterwards: mails are often read elsewhere.
    ///
    /// # Errors
    /// `InvalidOneTimeToken`.
    pub async fn verify_email(&self, caller: &Caller, token: &str) -> Result<()> {
        let shown = self.world.find::<Sent>(Kind::EmailVerification, token).await?;
        let shown = shown.and_then(|shown| shown.user_id);
        let shown = shown.map(|id| Shown { id, since: self.users.stamp(&id) });
        let resource =
            shown.as_ref().map_or_else(String::new, |shown| format!("users/{}", shown.id));
        let verified = match shown {
            Some(shown) => self.verify_shown(caller, shown, token).await,
            None => Err(Error::InvalidOneTimeToken),
        };
        if let Err(refused @ Error::InvalidOneTimeToken) = &verified {
            let failure = Outcome::Failure(refused.reason());
            self.world.audit(caller, "auth.verify_email", resource, failure).await?;
        }
        verified
    }

    async fn verify_shown(&self, caller: &Caller, shown: Shown, token: &str) -> Result<()> {
        let (Shown { id, since }, users) = (shown, Arc::clone(&self.users));
        let verified = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // Locked before the token, in the order of whoever makes one.
                    let user = change.tx.lock_user(id).await?;
                    let user = user.filter(|user| user.state == State::Active);
                    let mut user = user.ok_or(Error::InvalidOneTimeToken)?;
                    let found = change.redeem::<Sent>(Kind::EmailVerification, token).await?;
                    let is_theirs = found.is_some_and(|found| {
                        found.user_id == Some(id) && found.data.to == user.email
                    });
                    if !is_theirs {
                        return Err(Error::InvalidOneTimeToken);
                    }
                    let (resource, done) = (format!("users/{id}"), Outcome::Success);
                    change.audit_as(Some(id), "auth.verify_email", resource, done).await?;
                    let is_changed = mark_verified(change, &mut user).await?;
                    Ok(is_changed.then_some(user))
                })
            },
            move |changed: &Option<User>| {
                if let Some(user) = changed {
                    users.replace(id, Arc::new(user.clone()), since);
                }
            },
        );
        verified.await.map(drop)
    }
}

/// Notes that the address of a locked account is its owner's; whether that was not known. Links that would show it are void.
pub(super) async fn mark_verified(change: &mut Change<'_>, user: &mut User) -> Result<bool> {
    if user.email_verified {
        return Ok(false);
    }
    change.void(Kind::EmailVerification, user.id).await?;
    user.email_verified = true;
    user.meta.touch(change.now);
    change.tx.update_user(user).await?;
    change.record(Data::UserUpdated(user.clone(), vec!["email_verified"])).await?;
    Ok(true)
}
