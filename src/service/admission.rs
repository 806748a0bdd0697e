//! Letting somebody in who has proved who they are: at once, or after a second factor. Every way of signing in ends here.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    auth::{AuthService, SignedIn},
    change::Change,
    guard::Right,
    second_factor::{find_enabled, methods, use_code},
    session::Begun,
};
use crate::domain::{
    Error, Result, Timestamp,
    audit::Outcome,
    caller::Caller,
    id::Id,
    one_time_token::Kind,
    reason::Reason,
    second_factor::{Code, Method},
    session::{Proof, Session},
    user::{State, User},
    verification::Verification,
};

/// What completing a sign-in is called in the audit log.
const COMPLETE: &str = "auth.login_mfa";

/// What somebody has shown of who they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proven {
    /// How.
    pub proofs: Vec<Proof>,
    /// The tries at which they did, those that can be guessed: each counts as a failure until its user is let in.
    pub tries: Vec<Right>,
}

/// What becomes of somebody who has proved who they are.
#[derive(Debug)]
pub enum Admission {
    /// A session has begun.
    SignedIn(Begun),
    /// They have to show a second factor first.
    SecondFactor(Challenge),
    /// Their address has to be verified first: they were sent a link.
    Unverified,
}

/// What whoever signs in is told, once it is committed.
#[derive(Debug)]
pub enum Admitted {
    /// They are signed in.
    SignedIn(Box<SignedIn>),
    /// They have to show a second factor first. Nothing is said of the account before they do.
    SecondFactor(Challenge),
}

/// Asks for a second factor.
#[derive(Debug)]
pub struct Challenge {
    /// What to show together with it. It is good for nothing else.
    pub ticket: SecretString,
    /// What will do.
    pub methods: Vec<Method>,
    /// Until when the ticket is good.
    pub expire_time: Timestamp,
}

/// What a ticket remembers of a sign-in that waits for a second factor.
#[derive(Serialize, Deserialize)]
struct Pending {
    proven: Proven,
    client_name: String,
}

impl Proven {
    /// What was shown by something that nobody can guess.
    #[must_use]
    pub fn by(proof: Proof) -> Self {
        Self { proofs: vec![proof], tries: Vec::new() }
    }
}

impl Admission {
    /// The sessions that ended because it was one too many: tell [`super::memory::Sessions::ended`] of them after the commit.
    #[must_use]
    pub fn ended(&self) -> &[Id<Session>] {
        match self {
            Self::SignedIn(begun) => &begun.ended,
            Self::SecondFactor(_) | Self::Unverified => &[],
        }
    }
}

impl AuthService {
    /// Lets somebody in, within the change that has locked their account and found it in use: at once, or with a ticket to show
    /// their second factor with, or not before their address is verified. `action` is what they do, in the audit log.
    pub async fn admit(
        &self,
        change: &mut Change<'_>,
        user: &User,
        client_name: &str,
        proven: &Proven,
        action: &'static str,
    ) -> Result<Admission> {
        let (user_id, resource) = (Some(user.id), format!("users/{}", user.id));
        if self.verification == Verification::Required && !user.email_verified {
            self.guard.forgive(change, &proven.tries).await?;
            let failure = Outcome::Failure(Reason::EmailNotVerified);
            change.audit_as(user_id, action, resource, failure).await?;
            self.offer_verification(change, user).await?;
            return Ok(Admission::Unverified);
        }
        if !proven.proofs.contains(&Proof::MultipleFactors)
            && find_enabled(&mut *change.tx, user.id).await?.is_some()
        {
            let challenge = self.challenge(change, user, client_name, proven).await?;
            change.audit_as(user_id, "auth.mfa_challenge", resource, Outcome::Success).await?;
            return Ok(Admission::SecondFactor(challenge));
        }
        self.guard.forgive(change, &proven.tries).await?;
        change.audit_as(user_id, action, resource, Outcome::Success).await?;
        let proofs = proven.proofs.clone();
        let begun = self.sessions.sign_in(change, user, client_name, proofs).await?;
        Ok(Admission::SignedIn(begun))
    }

    async fn challenge(
        &self,
        change: &mut Change<'_>,
        user: &User,
        client_name: &str,
        proven: &Proven,
    ) -> Result<Challenge> {
        let pending = Pending { proven: proven.clone(), client_name: client_name.to_owned() };
        let ticket = change.issue(Kind::SecondFactor, Some(user.id), &pending).await?;
        let methods = methods(change.tx.count_recovery_codes(user.id).await?);
        let expire_time = change.now + Kind::SecondFactor.lifetime();
        Ok(Challenge { ticket, methods, expire_time })
    }

    /// What to tell somebody of how they were let in, after the commit.
    ///
    /// # Errors
    /// `EmailNotVerified`.
    pub async fn admitted(&self, user: User, admission: Admission) -> Result<Admitted> {
        match admission {
            Admission::SignedIn(begun) => {
                let signed_in = self.signed_in(user, &begun.session).await?;
                Ok(Admitted::SignedIn(Box::new(signed_in)))
            }
            Admission::SecondFactor(challenge) => Ok(Admitted::SecondFactor(challenge)),
            Admission::Unverified => Err(Error::EmailNotVerified),
        }
    }

    /// Lets somebody in who shows a second factor with the ticket that they got for the first.
    ///
    /// # Errors
    /// `InvalidMfaTicket`; `WrongMfaCode`, which leaves the ticket good; `RateLimited`.
    pub async fn complete_mfa_login(
        &self,
        caller: &Caller,
        ticket: &str,
        code: &Code,
    ) -> Result<Admitted> {
        let pending = self.world.find::<Pending>(Kind::SecondFactor, ticket).await?;
        let Some(user_id) = pending.and_then(|pending| pending.user_id) else {
            let invalid = Error::InvalidMfaTicket;
            let failure = Outcome::Failure(invalid.kind());
            self.world.audit(caller, COMPLETE, String::new(), failure).await?;
            return Err(invalid);
        };
        let (user, admission) = self.complete(caller, user_id, ticket, code).await?;
        self.admitted(user, admission).await
    }

    async fn complete(
        &self,
        caller: &Caller,
        user_id: Id<User>,
        ticket: &str,
        code: &Code,
    ) -> Result<(User, Admission)> {
        let factor = find_enabled(&mut *self.world.store.read().await?, user_id).await?;
        let factor = factor.ok_or(Error::InvalidMfaTicket);
        let factor = self.audit_code(caller, COMPLETE, user_id, factor).await?;
        let shown: &[Proof] = match code {
            Code::Totp(_) => &[Proof::OneTimeCode, Proof::MultipleFactors],
            Code::Recovery(_) => &[Proof::MultipleFactors],
        };
        let (code, right) = &self.check_code(caller, COMPLETE, &factor, code).await?;
        let live = self.sessions.live.clone();
        let admitted = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    // The account is looked at anew: it may be gone by now, or its tickets void.
                    let user = change.tx.lock_user(user_id).await?;
                    let user = user.filter(|user| user.state == State::Active);
                    let user = user.ok_or(Error::InvalidMfaTicket)?;
                    let pending = change.redeem::<Pending>(Kind::SecondFactor, ticket).await?;
                    let Pending { mut proven, client_name } =
                        pending.ok_or(Error::InvalidMfaTicket)?.data;
                    use_code(change, user_id, code).await?;
                    proven.proofs.extend(shown);
                    proven.tries.push(right.clone());
                    let admission =
                        self.admit(change, &user, &client_name, &proven, COMPLETE).await?;
                    Ok((user, admission))
                })
            },
            move |(_, admission): &(User, Admission)| live.ended(admission.ended()),
        );
        self.audit_code(caller, COMPLETE, user_id, admitted.await).await
    }
}
