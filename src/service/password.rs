//! Proving again who one is by a password, and changing it.

use super::{auth::AuthService, change::Change, guard::Subject, user::NOT_FOUND};
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::Outcome,
        caller::Caller,
        error::BadToken,
        id::Id,
        mail::{Mail, Recipient},
        one_time_token::Kind,
        session::{EndReason, FRESH_FOR, Session},
        text::Password,
        user::User,
    },
    port::crypto::Verdict,
};

impl AuthService {
    /// Takes the password as a fresh proof of who the caller is; until when.
    ///
    /// # Errors
    /// `WrongCredentials`; `RateLimited`; `Busy`.
    pub async fn reauthenticate(&self, caller: &Caller, password: Password) -> Result<Timestamp> {
        const ACTION: &str = "auth.reauthenticate";
        let principal = caller.signed_in()?;
        let (id, user_id) = (principal.session_id()?, principal.user_id);
        let hash = self.world.store.read().await?.find_password_hash(user_id).await?;
        let judge = async {
            let verdict = self.passwords.verify(password, hash).await?;
            Ok((verdict != Verdict::Wrong).then_some(()))
        };
        let judged = self.guard.attempt(caller, ACTION, Subject::Account(user_id), judge).await?;
        let Some(((), right)) = judged else {
            let (resource, wrong) = (format!("sessions/{id}"), Error::WrongCredentials);
            let failure = Outcome::Failure(wrong.reason());
            self.world.audit(caller, ACTION, resource, failure).await?;
            return Err(wrong);
        };
        let (live, tries) = (self.sessions.live.clone(), &[right]);
        let renewed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    if !change.tx.renew_session(id, change.now).await? {
                        return Err(BadToken::Ended.into());
                    }
                    self.guard.forgive(change, tries).await?;
                    change.audit(ACTION, format!("sessions/{id}")).await?;
                    Ok(change.now + FRESH_FOR)
                })
            },
            move |_| live.renewed(id),
        );
        renewed.await
    }

    /// The folded names by which the caller is known, none of which is a good password.
    ///
    /// # Errors
    /// `MissingToken` or `BadToken`.
    pub async fn own_names(&self, caller: &Caller) -> Result<[String; 2]> {
        let id = caller.signed_in()?.user_id;
        let user = self.world.store.read().await?.find_user(id).await?.ok_or(NOT_FOUND)?;
        Ok([user.username.folded(), user.email.folded_local_part()])
    }

    /// Changes the caller's password and ends their other sessions.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn change_password(&self, caller: &Caller, password: Password) -> Result<()> {
        let principal = caller.signed_in()?;
        let hash = &self.passwords.hash(password).await?;
        let (id, current, live) =
            (principal.user_id, principal.session_id()?, self.sessions.live.clone());
        let changed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // Signing in with the old password waits for this, and then fails.
                    let user = change.tx.lock_user(id).await?.ok_or(BadToken::Ended)?;
                    change.audit("auth.change_password", format!("users/{id}")).await?;
                    self.replace_password(change, &user, hash, Some(current)).await
                })
            },
            move |ended: &Vec<_>| live.ended(ended),
        );
        changed.await.map(drop)
    }
    /// Sets the password of a locked account, ends its sessions but perhaps one, and makes void what was begun with the
    /// password of before or to replace it. The ids of the sessions that have ended.
    pub(super) async fn replace_password(
        &self,
        change: &mut Change<'_>,
        user: &User,
        hash: &str,
        but: Option<Id<Session>>,
    ) -> Result<Vec<Id<Session>>> {
        change.tx.update_password_hash(user.id, hash).await?;
        for kind in [Kind::PasswordReset, Kind::SecondFactor] {
            change.void(kind, user.id).await?;
        }
        change.mail(&Recipient::of(user), &Mail::PasswordChanged).await?;
        self.sessions.end_all(change, user.id, but, EndReason::PasswordChanged).await
    }
}
