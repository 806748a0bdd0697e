//! Showing that an e-mail address is one's own, by a link in a mail.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{auth::AuthService, change::Change, user::NOT_FOUND};
use crate::{
    domain::{
        Error, Result,
        audit::Outcome,
        caller::Caller,
        errand::Draft,
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
    /// The account that it makes, if there is none before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) draft: Option<Draft>,
}

impl Sent {
    /// What is sent about an account that is there.
    pub(super) fn to(user: &User) -> Self {
        Self { to: user.email.clone(), draft: None }
    }
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
        let token = change.issue(kind, Some(user.id), &Sent::to(user)).await?;
        let expire_time = change.now + kind.lifetime();
        change.mail(&to, &Mail::VerifyEmail { token, expire_time }).await
    }

    /// Takes the token of a link as a proof that the address is of whoever shows it, and makes the account that they signed up
    /// for, if that had to wait for it. They need not be signed in, and are not
    /// afterwards: mails are often read elsewhere.
    ///
    /// # Errors
    /// `InvalidOneTimeToken`; `Taken` with the field `username`.
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
            let failure = Outcome::Failure(refused.kind());
            self.world.audit(caller, "auth.verify_email", resource, failure).await?;
        }
        verified
    }

    async fn verify_shown(&self, caller: &Caller, shown: Shown, token: &str) -> Result<()> {
        let (Shown { id, since }, users) = (shown, Arc::clone(&self.users));
        let verified = self.world.change_then(
            caller,
            |change| Box::pin(self.verify_within(change, id, token)),
            move |changed: &Option<User>| {
                if let Some(user) = changed {
                    users.replace(id, Arc::new(user.clone()), since);
                }
            },
        );
        verified.await.map(drop)
    }

    /// The account, if it was changed.
    async fn verify_within(
        &self,
        change: &mut Change<'_>,
        id: Id<User>,
        token: &str,
    ) -> Result<Option<User>> {
        // Locked before the token, in the order of whoever makes one.
        let mut user = change.tx.lock_user(id).await?.ok_or(Error::InvalidOneTimeToken)?;
        let found = change.redeem::<Sent>(Kind::EmailVerification, token).await?;
        let found = found.filter(|found| found.user_id == Some(id));
        let Sent { to, draft } = found.ok_or(Error::InvalidOneTimeToken)?.data;
        let is_changed = match (user.state, draft) {
            (State::Active, None) if to == user.email => mark_verified(change, &mut user).await?,
            (State::Pending, Some(draft)) => {
                self.activate(change, &mut user, draft).await?;
                true
            }
            _ => return Err(Error::InvalidOneTimeToken),
        };
        let (resource, done) = (format!("users/{id}"), Outcome::Success);
        change.audit_as(Some(id), "auth.verify_email", resource, done).await?;
        Ok(is_changed.then_some(user))
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
