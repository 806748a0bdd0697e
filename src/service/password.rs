//! Proving again who one is by a password, and changing it.

use super::auth::AuthService;
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::Outcome,
        caller::Caller,
        error::BadToken,
        mail::{Mail, Recipient},
        session::{EndReason, FRESH_FOR},
        text::Password,
    },
    port::crypto::Verdict,
};

impl AuthService {
    /// Takes the password as a fresh proof of who the caller is; until when.
    ///
    /// # Errors
    /// `WrongCredentials`; `Busy`.
    pub async fn reauthenticate(&self, caller: &Caller, password: Password) -> Result<Timestamp> {
        let principal = caller.signed_in()?;
        let hash = self.world.store.read().await?.find_password_hash(principal.user_id).await?;
        if self.passwords.verify(password, hash).await? == Verdict::Wrong {
            let (resource, wrong) = (principal.session_id, Error::WrongCredentials);
            let (resource, failure) =
                (format!("sessions/{resource}"), Outcome::Failure(wrong.reason()));
            self.world.audit(caller, "auth.reauthenticate", resource, failure).await?;
            return Err(wrong);
        }
        let (id, live) = (principal.session_id, self.sessions.live.clone());
        let renewed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    if !change.tx.renew_session(id, change.now).await? {
                        return Err(BadToken::Ended.into());
                    }
                    change.audit("auth.reauthenticate", format!("sessions/{id}")).await?;
                    Ok(change.now + FRESH_FOR)
                })
            },
            move |_| live.renewed(id),
        );
        renewed.await
    }

    /// Changes the caller's password and ends their other sessions.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn change_password(&self, caller: &Caller, password: Password) -> Result<()> {
        let principal = caller.signed_in()?;
        let hash = &self.passwords.hash(password).await?;
        let (id, current, live) =
            (principal.user_id, principal.session_id, self.sessions.live.clone());
        let changed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // Signing in with the old password waits for this, and then fails.
                    let user = change.tx.lock_user(id).await?.ok_or(BadToken::Ended)?;
                    change.tx.update_password_hash(id, hash).await?;
                    change.audit("auth.change_password", format!("users/{id}")).await?;
                    change.mail(&Recipient::of(&user), &Mail::PasswordChanged).await?;
                    let why = EndReason::PasswordChanged;
                    self.sessions.end_all(change, id, Some(current), why).await
                })
            },
            move |ended: &Vec<_>| live.ended(ended),
        );
        changed.await.map(drop)
    }
}
