//! Signing up and in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    World,
    admission::{Admission, Admitted, Proven},
    change::{Change, RequestId},
    guard::{Guard, Subject},
    password::PasswordLengths,
    second_factor::find_enabled,
    session::{SessionService, Tokens},
    user::UserCache,
};
use crate::{
    domain::{
        Error, Result,
        audit::Outcome,
        caller::Caller,
        error::BadToken,
        event::Data,
        id::Id,
        reason::Reason,
        resource::Meta,
        session::{Proof, Session},
        text::{Email, Name, Password, Username, fold},
        user::{Profile, State, User},
        verification::Verification,
    },
    port::{
        crypto::{Passwords, Verdict},
        totp::Totp,
    },
};

/// What signing in by a password is called in the audit log.
const ACTION: &str = "auth.login";

/// The role of everyone who signs up.
pub(super) const ROLE_DEFAULT: &str = "user";

/// The role that may do everything.
pub const ROLE_ADMINISTRATOR: &str = "admin";

/// The use cases of signing up and in.
pub struct AuthService {
    /// What every use case needs.
    pub world: World,
    /// Sessions.
    pub sessions: Arc<SessionService>,
    /// What stands before passwords.
    pub guard: Arc<Guard>,
    /// Accounts read lately.
    pub users: UserCache,
    /// What is asked of whoever signs up.
    pub verification: Verification,
    /// Password hashing.
    pub passwords: Arc<dyn Passwords>,
    /// Authenticator apps.
    pub totp: Arc<dyn Totp>,
    /// The fewest characters of new passwords.
    pub password_lengths: PasswordLengths,
}

/// What somebody who signs up says of themselves.
#[derive(Debug)]
pub struct Registration {
    /// The address.
    pub email: Email,
    /// The name that others see.
    pub username: Username,
    /// The password.
    pub password: Password,
    /// The name to show.
    pub display_name: Name<0, 100>,
}

/// Somebody who is signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// The credentials.
    pub tokens: Tokens,
}

/// What becomes of somebody who signs up.
#[derive(Debug)]
pub enum SignedUp {
    /// They have an account, and are signed in.
    SignedIn(Box<SignedIn>),
    /// They are told by mail how to go on, whether there was an account of that address before or not.
    EmailVerificationRequired,
}

/// What a repeated registration is answered from: ids only, because tokens can be made again and need not be kept. There is
/// none when its address had to be verified first.
#[derive(Serialize, Deserialize)]
struct Registered {
    user_id: Id<User>,
    session_id: Id<Session>,
}

/// The hash of a password; none where the account has none.
type Hash = Option<String>;

impl AuthService {
    /// Makes an account and signs it in; or has its address verified first.
    ///
    /// # Errors
    /// `Taken` with the field `email` or `username`; `RequestIdReused`; `Busy`.
    pub async fn register(
        &self,
        caller: &Caller,
        registration: Registration,
        client_name: String,
        request: Option<RequestId>,
    ) -> Result<SignedUp> {
        let hash = self.passwords.hash(registration.password.clone()).await?;
        if self.verification == Verification::Required {
            self.take_down(caller, &registration, &hash, request.as_ref()).await?;
            return Ok(SignedUp::EmailVerificationRequired);
        }
        let (registration, hash, client_name) = (&registration, &hash, &client_name);
        let request = request.as_ref();
        let registered = self.world.change(caller, |change| {
            Box::pin(async move {
                match change.replay::<Option<Registered>>(request).await? {
                    Some(Some(first)) => return self.registered(change, first).await.map(Some),
                    Some(None) => return Ok(None),
                    None => {}
                }
                let user =
                    self.insert(change, registration, hash, ROLE_DEFAULT, "register").await?;
                let resource = format!("users/{}", user.id);
                change.audit_as(Some(user.id), "auth.register", resource, Outcome::Success).await?;
                if self.verification == Verification::Optional {
                    self.offer_verification(change, &user).await?;
                }
                self.guard.welcome(change, user.id).await?;
                let proofs = vec![Proof::Password];
                let session =
                    self.sessions.begin(change, user.id, client_name, proofs).await?.session;
                let first = Registered { user_id: user.id, session_id: session.id };
                change.remember(request, &first).await?;
                Ok(Some((user, session, None)))
            })
        });
        let Some((user, session, repeated)) = registered.await? else {
            return Ok(SignedUp::EmailVerificationRequired);
        };
        if let Some(current) = repeated {
            self.prove_repeated(registration, current).await?;
        }
        Ok(SignedUp::SignedIn(Box::new(self.signed_in(user, &session).await?)))
    }

    /// Makes an administrator.
    ///
    /// # Errors
    /// `Taken` with the field `email` or `username`; `Busy`.
    pub async fn create_administrator(
        &self,
        caller: &Caller,
        registration: Registration,
    ) -> Result<User> {
        let hash = self.passwords.hash(registration.password.clone()).await?;
        let (registration, hash) = (&registration, &hash);
        let created = self.world.change(caller, |change| {
            Box::pin(async move {
                let user =
                    self.insert(change, registration, hash, ROLE_ADMINISTRATOR, "admin").await?;
                change.audit("user.create", format!("users/{}", user.id)).await?;
                Ok(user)
            })
        });
        created.await
    }

    /// Whether there is anybody who may do everything.
    pub async fn has_administrator(&self) -> Result<bool> {
        let mut store = self.world.store.read().await?;
        Ok(store.count_users_with_role(ROLE_ADMINISTRATOR).await? > 0)
    }

    /// Lets somebody in who knows the password.
    ///
    /// # Errors
    /// `EmailNotVerified`; `WrongCredentials` and `RateLimited`, after the same work for known and unknown accounts; `Busy`.
    pub async fn login(
        &self,
        caller: &Caller,
        identifier: &str,
        password: Password,
        client_name: String,
    ) -> Result<Admitted> {
        // The connection is given back before the password is hashed, which takes long.
        let folded = fold(identifier);
        let found = self.world.store.read().await?.find_user_to_sign_in(&folded).await?;
        let (user, hash) = found.unzip();
        let hash = hash.flatten();
        let subject = match &user {
            Some(user) => Subject::Account(user.id),
            None => Subject::Nobody(&folded),
        };
        let judge = async {
            let verdict = self.passwords.verify(password.clone(), hash.clone()).await?;
            Ok((verdict != Verdict::Wrong).then_some(verdict))
        };
        let judged = self.guard.attempt(caller, ACTION, subject, judge).await?;
        let (user, verdict, right) = match (user, judged) {
            (Some(user), Some((verdict, right))) => (user, verdict, right),
            (user, _) => return self.refuse(caller, user.map(|user| user.id)).await,
        };
        let newer_hash = match verdict {
            Verdict::RightButOutdated => Some(self.passwords.hash(password).await?),
            _ => None,
        };
        let proven = Proven { tries: vec![right], ..Proven::by(Proof::Password) };
        let (user_id, hash, client_name, proven) = (user.id, &hash, &client_name, &proven);
        let (newer_hash, live) = (newer_hash.as_deref(), Arc::clone(&self.sessions.live));
        let admitted = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // Hashing takes long: the account may be gone meanwhile, or its password another.
                    let user = change.tx.lock_user(user_id).await?;
                    let user = user.filter(|user| user.state == State::Active);
                    let user = user.ok_or(Error::WrongCredentials)?;
                    if change.tx.find_password_hash(user_id).await? != *hash {
                        return Err(Error::WrongCredentials);
                    }
                    if let Some(hash) = newer_hash {
                        change.tx.update_password_hash(user.id, hash).await?;
                    }
                    let admission = self.admit(change, &user, client_name, proven, ACTION).await?;
                    Ok((user, admission))
                })
            },
            move |(_, admission): &(User, Admission)| live.ended(admission.ended()),
        );
        let (user, admission) = admitted.await?;
        self.admitted(user, admission).await
    }

    async fn refuse(&self, caller: &Caller, user_id: Option<Id<User>>) -> Result<Admitted> {
        let resource = user_id.map_or_else(String::new, |id| format!("users/{id}"));
        let failure = Outcome::Failure(Reason::WrongCredentials);
        self.world.audit(caller, ACTION, resource, failure).await?;
        Err(Error::WrongCredentials)
    }

    async fn insert(
        &self,
        change: &mut Change<'_>,
        registration: &Registration,
        hash: &str,
        role: &str,
        method: &'static str,
    ) -> Result<User> {
        let profile =
            Profile { display_name: registration.display_name.clone(), ..Profile::default() };
        let user = User {
            id: Id::from(self.world.ids.uuid()),
            username: registration.username.clone(),
            email: registration.email.clone(),
            // Operators name the address of the administrators that they make.
            email_verified: method == "admin",
            profile,
            state: State::Active,
            roles: vec![role.to_owned()],
            meta: Meta::new(change.now),
        };
        change.tx.insert_user(&user, hash).await?;
        change.record(Data::UserCreated(user.clone(), method)).await?;
        Ok(user)
    }

    /// Whoever repeats a registration is let in by its password, and so only as long as it is the one of the account.
    async fn prove_repeated(&self, registration: &Registration, current: Hash) -> Result<()> {
        match self.passwords.verify(registration.password.clone(), current).await? {
            Verdict::Wrong => Err(BadToken::Ended.into()),
            Verdict::Right | Verdict::RightButOutdated => Ok(()),
        }
    }

    /// The account and session of a registration that was made before, with the hash of the password as it is now.
    async fn registered(
        &self,
        change: &mut Change<'_>,
        first: Registered,
    ) -> Result<(User, Session, Option<Hash>)> {
        let gone = Error::NotFound { resource: "user" };
        let user = change.tx.lock_user(first.user_id).await?.ok_or(gone)?;
        if find_enabled(&mut *change.tx, user.id).await?.is_some() {
            return Err(BadToken::Ended.into());
        }
        let hash = change.tx.find_password_hash(user.id).await?;
        let session = change.tx.find_session(first.session_id).await?;
        // Once the session has been used, its tokens are with whoever uses it.
        let session = session.filter(|session| session.is_live(change.now) && session.counter == 0);
        Ok((user, session.ok_or(BadToken::Ended)?, Some(hash)))
    }

    /// Somebody with the credentials of their session.
    pub(super) async fn signed_in(&self, user: User, session: &Session) -> Result<SignedIn> {
        Ok(SignedIn { user, tokens: self.sessions.tokens(session).await? })
    }
}
