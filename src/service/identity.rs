//! Identities: which account one belongs to, and how it gets there and away again.

use super::{
    change::Change,
    oauth::{Arrived, Departure, OAuthService},
};
use crate::{
    domain::{
        Error, Result,
        audit::Outcome,
        caller::Caller,
        error::BadToken,
        event::Data,
        id::Id,
        identity::{Assertion, Identity},
        mail::{Mail, Recipient},
        resource::Meta,
        session::{EndReason, Session},
        text::Email,
        user::{Profile, State, User},
    },
    port::provider::Provider,
    service::auth::ROLE_DEFAULT,
};

const NOT_FOUND: Error = Error::NotFound { resource: "identity" };

/// What stands for the hash of a password where there is none.
const NO_PASSWORD: &str = "";

/// How many usernames are tried for a new account.
const USERNAMES_MAX: usize = 10;

impl OAuthService {
    /// The identities of the caller.
    ///
    /// # Errors
    /// `MissingToken` or `BadToken`.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Identity>> {
        let user_id = caller.signed_in()?.user_id;
        self.world.store.read().await?.list_identities(user_id).await
    }

    /// Sends the caller to a provider to link an identity.
    ///
    /// # Errors
    /// As [`OAuthService::begin`].
    pub async fn begin_link(
        &self,
        caller: &Caller,
        provider: &str,
        return_to: &str,
        browser: Option<&str>,
    ) -> Result<Departure> {
        let principal = caller.signed_in()?;
        let links_for = Some((principal.user_id, principal.session_id()?));
        self.depart(caller, provider, return_to, browser, links_for).await
    }

    /// Unlinks an identity of the caller's and ends their other sessions: whoever has got in by it is out.
    ///
    /// # Errors
    /// `NotFound`, `LastWayToSignIn`.
    pub async fn unlink(&self, caller: &Caller, id: Id<Identity>) -> Result<Identity> {
        let principal = caller.signed_in()?;
        let (user_id, current) = (principal.user_id, principal.session_id()?);
        let live = self.auth.sessions.live.clone();
        let unlinked = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // Of two that are unlinked at once, one waits here, and is the last.
                    let user = change.tx.lock_user(user_id).await?.ok_or(BadToken::Ended)?;
                    let mut identities = change.tx.list_identities(user_id).await?;
                    let place = identities.iter().position(|identity| identity.id == id);
                    let identity = identities.swap_remove(place.ok_or(NOT_FOUND)?);
                    let is_used = |other: &Identity| self.provider(&other.provider).is_ok();
                    let has_password = change.tx.find_password_hash(user_id).await?.is_some();
                    if !has_password && !identities.iter().any(is_used) {
                        return Err(Error::LastWayToSignIn);
                    }
                    change.tx.delete_identity(id).await?;
                    change.audit("identity.unlink", format!("users/{user_id}")).await?;
                    let provider = self.label(&identity.provider);
                    change
                        .mail(&Recipient::of(&user), &Mail::ProviderUnlinked { provider })
                        .await?;
                    let why = EndReason::IdentityUnlinked;
                    let ended =
                        self.auth.sessions.end_all(change, user_id, Some(current), why).await?;
                    Ok((identity, ended))
                })
            },
            move |(_, ended): &(Identity, Vec<_>)| live.ended(ended),
        );
        unlinked.await.map(|(identity, _)| identity)
    }

    /// What follows from what a provider says.
    pub(super) async fn weigh(
        &self,
        change: &mut Change<'_>,
        provider: &dyn Provider,
        assertion: &Assertion,
        links_for: Option<(Id<User>, Id<Session>)>,
    ) -> Result<Arrived> {
        let known = change.tx.find_identity(provider.name(), &assertion.subject).await?;
        match (known, links_for) {
            (Some(known), None) => self.recognise(change, known, assertion).await,
            (None, None) => self.admit_stranger(change, provider, assertion).await,
            (known, Some((user_id, session_id))) => {
                let principal = change.tx.find_principal(session_id, change.now).await?;
                if principal.is_none_or(|principal| principal.user_id != user_id) {
                    return Err(Error::SignInExpired);
                }
                let user = change.tx.lock_user(user_id).await?.ok_or(Error::SignInExpired)?;
                match known {
                    // Linking twice is no mistake.
                    Some(known) if known.user_id == user_id => {}
                    Some(_) => return Err(Error::Taken { field: "identity" }),
                    None => drop(self.link(change, provider, assertion, &user).await?),
                }
                Ok(Arrived::Linked)
            }
        }
    }

    /// Somebody who has signed in by this identity before.
    async fn recognise(
        &self,
        change: &mut Change<'_>,
        known: Identity,
        assertion: &Assertion,
    ) -> Result<Arrived> {
        let user = change.tx.find_user(known.user_id).await?;
        if user.is_none_or(|user| user.state != State::Active) {
            return Err(Error::AccountUnusable);
        }
        let email = assertion.email.clone();
        let identity = Identity { email, last_use_time: change.now, ..known };
        change.tx.update_identity(&identity).await?;
        Ok(Arrived::SignsIn { identity, is_new: false })
    }

    /// Somebody whose identity belongs to nobody yet.
    async fn admit_stranger(
        &self,
        change: &mut Change<'_>,
        provider: &dyn Provider,
        assertion: &Assertion,
    ) -> Result<Arrived> {
        // Before anything is looked up: what is asked with an address of somebody else's tells nothing about it.
        let email = assertion.verified_email().ok_or(Error::ProviderEmailUnverified)?;
        if let Some(user) = self.add_account(change, email, assertion).await? {
            let identity = self.link_quietly(change, provider, assertion, user.id).await?;
            return Ok(Arrived::SignsIn { identity, is_new: true });
        }
        // Somebody has the address. It may be the same person, who came twice at once.
        let known = change.tx.find_identity(provider.name(), &assertion.subject).await?;
        if let Some(known) = known {
            return self.recognise(change, known, assertion).await;
        }
        let user = change.tx.find_user_by_name(&email.folded()).await?;
        let same =
            |user: &User| self.links_by_email && user.email_verified && user.state == State::Active;
        let user = user.filter(same).ok_or(Error::LinkRequired)?;
        let identity = self.link(change, provider, assertion, &user).await?;
        Ok(Arrived::SignsIn { identity, is_new: false })
    }

    /// Makes an account without a password; none when somebody has the address.
    async fn add_account(
        &self,
        change: &mut Change<'_>,
        email: &Email,
        assertion: &Assertion,
    ) -> Result<Option<User>> {
        for attempt in 0..USERNAMES_MAX {
            let suffix = match attempt {
                0 => String::new(),
                _ => self.suffix()?,
            };
            let user = User {
                id: Id::from(self.world.ids.uuid()),
                username: assertion.username(&suffix),
                email: email.clone(),
                email_verified: true,
                profile: Profile::default(),
                state: State::Active,
                roles: vec![ROLE_DEFAULT.to_owned()],
                meta: Meta::new(change.now),
            };
            match change.tx.insert_user(&user, NO_PASSWORD).await {
                Ok(()) => {
                    change.record(Data::UserCreated(user.clone(), "oauth")).await?;
                    let (resource, done) = (format!("users/{}", user.id), Outcome::Success);
                    change.audit_as(Some(user.id), "auth.register", resource, done).await?;
                    return Ok(Some(user));
                }
                Err(Error::Taken { field: "username" }) => {}
                Err(Error::Taken { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Taken { field: "username" })
    }

    /// Links an identity with an account that was there before, and tells its owner.
    async fn link(
        &self,
        change: &mut Change<'_>,
        provider: &dyn Provider,
        assertion: &Assertion,
        user: &User,
    ) -> Result<Identity> {
        let identity = self.link_quietly(change, provider, assertion, user.id).await?;
        let (resource, done) = (format!("users/{}", user.id), Outcome::Success);
        change.audit_as(Some(user.id), "identity.link", resource, done).await?;
        let provider = provider.label().to_owned();
        change.mail(&Recipient::of(user), &Mail::ProviderLinked { provider }).await?;
        Ok(identity)
    }

    async fn link_quietly(
        &self,
        change: &mut Change<'_>,
        provider: &dyn Provider,
        assertion: &Assertion,
        user_id: Id<User>,
    ) -> Result<Identity> {
        let identity = Identity {
            id: Id::from(self.world.ids.uuid()),
            provider: provider.name().to_owned(),
            subject: assertion.subject.clone(),
            user_id,
            email: assertion.email.clone(),
            create_time: change.now,
            last_use_time: change.now,
        };
        change.tx.insert_identity(&identity).await?;
        Ok(identity)
    }

    /// What tells a username from one that is taken.
    fn suffix(&self) -> Result<String> {
        let random = self.world.vault.random()?;
        let number = u16::from_be_bytes([random[0], random[1]]) % 10_000;
        Ok(format!("-{number:04}"))
    }

    /// What people call a provider; its name, when it is not there any more.
    fn label(&self, name: &str) -> String {
        self.provider(name).map_or(name, Provider::label).to_owned()
    }
}
