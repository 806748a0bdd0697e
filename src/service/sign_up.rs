//! Signing up where an address has to be verified first: whoever does learns by mail, and by nothing else, whether the
//! address has an account.

use std::time::Duration;

use super::{
    auth::{AuthService, ROLE_DEFAULT, Registration},
    change::{Change, RequestId},
    verification::Sent,
};
use crate::domain::{
    Error, Result,
    audit::Outcome,
    caller::Caller,
    errand::{Draft, Errand},
    event::Data,
    id::Id,
    mail::{Mail, Recipient},
    one_time_token::Kind,
    reason::Reason,
    resource::Meta,
    text::Username,
    user::{Profile, State, User},
};

/// What the audit log calls it.
const ACTION: &str = "auth.register";

/// How long a pending account is kept: a little longer than the last token of it.
const KEPT: Duration = Duration::from_hours(25);

impl AuthService {
    /// Takes down that somebody wants to sign up. What is looked at now is only what everybody may know, whether the username
    /// is free; and it is not reserved, or whether it is free afterwards would tell whether the address was.
    ///
    /// # Errors
    /// `Taken` with the field `username`.
    pub(super) async fn take_down(
        &self,
        caller: &Caller,
        registration: &Registration,
        hash: &str,
        request: Option<&RequestId>,
    ) -> Result<()> {
        let taken_down = self.world.change(caller, |change| {
            Box::pin(async move {
                if change.replay::<serde_json::Value>(request).await?.is_some() {
                    return Ok(());
                }
                if change.tx.is_username_taken(&registration.username.folded()).await? {
                    return Err(Error::Taken { field: "username" });
                }
                let draft = Draft {
                    email: registration.email.clone(),
                    username: registration.username.clone(),
                    display_name: registration.display_name.clone(),
                    password_hash: hash.to_owned(),
                };
                change.leave(Errand::SignUp(draft)).await?;
                change.remember(request, &()).await
            })
        });
        taken_down.await
    }

    /// Writes to the address of whoever wants to sign up: a link that makes the account, or that it has one. To an address
    /// whose account is barred or was deleted nothing is written.
    pub(super) async fn offer_account(&self, change: &mut Change<'_>, draft: &Draft) -> Result<()> {
        let found = change.tx.find_user_by_email(&draft.email.folded()).await?;
        let user = match found {
            Some(user) => change.tx.lock_user(user.id).await?,
            None => Some(self.insert_pending(change, draft).await?),
        };
        let Some(user) = user else { return Ok(()) };
        let (outcome, resource) = (self.write_to(change, user.clone(), draft).await?, user.id);
        change.audit_as(None, ACTION, format!("users/{resource}"), outcome).await
    }

    async fn write_to(
        &self,
        change: &mut Change<'_>,
        mut user: User,
        draft: &Draft,
    ) -> Result<Outcome> {
        let in_use = Outcome::Failure(Reason::EmailTaken);
        match user.state {
            State::Pending => {}
            State::Active => {
                change.mail(&Recipient::of(&user), &Mail::AccountExists).await?;
                return Ok(in_use);
            }
            State::Suspended | State::Deleted => return Ok(in_use),
        }
        // The name that was chosen, so that nobody follows a link that somebody else has asked for.
        let (email, name) = (draft.email.clone(), draft.username.to_string());
        let to = Recipient { user_id: user.id, email: email.clone(), name };
        let kind = Kind::EmailVerification;
        if !change.may_mail(&to, Mail::VERIFY_EMAIL).await? {
            return Ok(Outcome::Failure(Reason::RateLimited));
        }
        if user.meta.update_time != change.now {
            user.meta.touch(change.now);
            user.meta.purge_time = Some(change.now + KEPT);
            change.tx.update_user(&user).await?;
        }
        change.void(kind, user.id).await?;
        let sent = Sent { to: email, draft: Some(draft.clone()) };
        let token = change.issue(kind, Some(user.id), &sent).await?;
        let expire_time = change.now + kind.lifetime();
        change.mail(&to, &Mail::VerifyEmail { token, expire_time }).await?;
        Ok(Outcome::Success)
    }

    /// Makes an account that is there for nobody but the mails to its address, and goes by itself. It has no username that
    /// anybody could have.
    async fn insert_pending(&self, change: &mut Change<'_>, draft: &Draft) -> Result<User> {
        let id: Id<User> = change.new_id();
        let user = User {
            id,
            username: Username::trusted(id.to_string()),
            email: draft.email.clone(),
            email_verified: false,
            profile: Profile::default(),
            state: State::Pending,
            roles: vec![ROLE_DEFAULT.to_owned()],
            meta: Meta { purge_time: Some(change.now + KEPT), ..Meta::new(change.now) },
        };
        change.tx.insert_user(&user, "").await?;
        Ok(user)
    }

    /// Makes a pending account, which is locked, the one that was signed up for.
    ///
    /// # Errors
    /// `Taken` with the field `username`, when somebody was faster.
    pub(super) async fn activate(
        &self,
        change: &mut Change<'_>,
        user: &mut User,
        draft: Draft,
    ) -> Result<()> {
        user.username = draft.username;
        user.email = draft.email;
        user.email_verified = true;
        user.profile.display_name = draft.display_name;
        user.state = State::Active;
        user.meta.touch(change.now);
        user.meta.create_time = change.now;
        user.meta.purge_time = None;
        change.tx.update_user(user).await?;
        change.tx.update_password_hash(user.id, &draft.password_hash).await?;
        self.guard.welcome(change, user.id).await?;
        change.record(Data::UserCreated(user.clone(), "register")).await
    }
}
