//! Proving again who one is by a password, and changing it.

use super::{
    auth::AuthService,
    change::Change,
    guard::{Right, Subject},
    second_factor::{RightCode, find_enabled, use_code},
    user::NOT_FOUND,
};
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::Outcome,
        caller::Caller,
        error::BadToken,
        id::Id,
        mail::{Mail, Recipient},
        one_time_token::Kind,
        second_factor::Code,
        session::{EndReason, FRESH_FOR, Session},
        text::Password,
        user::User,
    },
    port::crypto::Verdict,
};

/// What reauthenticating is called in the audit log.
const REAUTHENTICATE: &str = "auth.reauthenticate";

/// The fewest characters of new passwords.
#[derive(Debug, Clone, Copy)]
pub struct PasswordLengths {
    /// Where the password is all that is asked for.
    pub alone: usize,
    /// Where a second factor is asked for, too.
    pub with_second_factor: usize,
}

/// A new password, hashed.
pub(super) struct NewPassword {
    hash: String,
    /// Whether only an account with a second factor may have it.
    is_short: bool,
}

impl AuthService {
    /// Takes the password, and the second factor of an account that has one, as a fresh proof of who the caller is: all that
    /// signing in asks for, because less would not keep out whoever has stolen a session and knows one of them. Until when.
    ///
    /// # Errors
    /// `PasswordNotSet`; `WrongCredentials`; `MfaCodeRequired`; `MfaNotEnabled`; `WrongMfaCode`; `RateLimited`; `Busy`.
    pub async fn reauthenticate(
        &self,
        caller: &Caller,
        password: Password,
        code: Option<Code>,
    ) -> Result<Timestamp> {
        let user_id = caller.signed_in()?.user_id;
        let mut store = self.world.store.read().await?;
        let hash = store.find_password_hash(user_id).await?.ok_or(Error::PasswordNotSet)?;
        let factor = find_enabled(&mut *store, user_id).await?;
        drop(store);
        // Found out before the password is judged, so that asking costs nobody a try.
        let shown = match (&factor, &code) {
            (Some(factor), Some(code)) => Some((factor, code)),
            (Some(_), None) => return Err(Error::MfaCodeRequired),
            (None, Some(_)) => return Err(Error::MfaNotEnabled),
            (None, None) => None,
        };
        let mut tries = vec![self.check_own_password(caller, password, hash).await?];
        let mut right_code = None;
        if let Some((factor, code)) = shown {
            let (code, right) = self.check_code(caller, REAUTHENTICATE, factor, code).await?;
            tries.push(right);
            right_code = Some(code);
        }
        let renewed = self.renew(caller, right_code.as_ref(), &tries).await;
        self.audit_code(caller, REAUTHENTICATE, user_id, renewed).await
    }

    async fn check_own_password(
        &self,
        caller: &Caller,
        password: Password,
        hash: String,
    ) -> Result<Right> {
        let principal = caller.signed_in()?;
        let (id, user_id) = (principal.session_id()?, principal.user_id);
        let judge = async {
            let verdict = self.passwords.verify(password, Some(hash)).await?;
            Ok((verdict != Verdict::Wrong).then_some(()))
        };
        let judged =
            self.guard.attempt(caller, REAUTHENTICATE, Subject::Account(user_id), judge).await?;
        if let Some(((), right)) = judged {
            return Ok(right);
        }
        let (resource, wrong) = (format!("sessions/{id}"), Error::WrongCredentials);
        self.world.audit(caller, REAUTHENTICATE, resource, Outcome::Failure(wrong.kind())).await?;
        Err(wrong)
    }

    async fn renew(
        &self,
        caller: &Caller,
        code: Option<&RightCode>,
        tries: &[Right],
    ) -> Result<Timestamp> {
        let principal = caller.signed_in()?;
        let (id, user_id) = (principal.session_id()?, principal.user_id);
        let live = self.sessions.live.clone();
        let renewed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    if let Some(code) = code {
                        use_code(change, user_id, code).await?;
                    }
                    if !change.tx.renew_session(id, change.now).await? {
                        return Err(BadToken::Ended.into());
                    }
                    self.guard.forgive(change, tries).await?;
                    change.audit(REAUTHENTICATE, format!("sessions/{id}")).await?;
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

    /// The fewest characters of a new password of this account.
    pub async fn password_length_min(&self, user_id: Id<User>) -> Result<usize> {
        let factor = find_enabled(&mut *self.world.store.read().await?, user_id).await?;
        let PasswordLengths { alone, with_second_factor } = self.password_lengths;
        Ok(factor.map_or(alone, |_| with_second_factor.min(alone)))
    }

    /// Hashes a password that was chosen.
    ///
    /// # Errors
    /// `Busy`.
    pub(super) async fn hash_new(&self, password: Password) -> Result<NewPassword> {
        let is_short = password.length() < self.password_lengths.alone;
        Ok(NewPassword { hash: self.passwords.hash(password).await?, is_short })
    }

    /// Changes the caller's password and ends their other sessions.
    ///
    /// # Errors
    /// `Busy`.
    pub async fn change_password(&self, caller: &Caller, password: Password) -> Result<()> {
        let principal = caller.signed_in()?;
        let new = &self.hash_new(password).await?;
        let (id, current, live) =
            (principal.user_id, principal.session_id()?, self.sessions.live.clone());
        let changed = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // Signing in with the old password waits for this, and then fails.
                    let user = change.tx.lock_user(id).await?.ok_or(BadToken::Ended)?;
                    change.audit("auth.change_password", format!("users/{id}")).await?;
                    self.replace_password(change, &user, new, Some(current)).await
                })
            },
            move |ended: &Vec<_>| live.ended(ended),
        );
        changed.await.map(drop)
    }

    /// Sets the password of a locked account, ends its sessions but perhaps one, and makes void what was begun with the
    /// password of before or to replace it. The ids of the sessions that have ended.
    ///
    /// # Errors
    /// `InvalidFields` when it is too short by now, because the second factor was turned off.
    pub(super) async fn replace_password(
        &self,
        change: &mut Change<'_>,
        user: &User,
        new: &NewPassword,
        but: Option<Id<Session>>,
    ) -> Result<Vec<Id<Session>>> {
        if !change.tx.mark_short_password(user.id, new.is_short).await? && new.is_short {
            return Err(Password::too_short("new_password", self.password_lengths.alone));
        }
        change.tx.update_password_hash(user.id, &new.hash).await?;
        for kind in [Kind::PasswordReset, Kind::SecondFactor] {
            change.void(kind, user.id).await?;
        }
        change.mail(&Recipient::of(user), &Mail::PasswordChanged).await?;
        self.sessions.end_all(change, user.id, but, EndReason::PasswordChanged).await
    }
}
