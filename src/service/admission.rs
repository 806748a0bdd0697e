//! Letting somebody in who has proved who they are: at once, or after a second factor. Every way of signing in ends here.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    auth::{AuthService, SignedIn},
    change::Change,
    guard::Right,
    session::Begun,
};
use crate::domain::{
    Result, Timestamp,
    id::Id,
    second_factor::Method,
    session::{Proof, Session},
    user::User,
};

/// What somebody has shown of who they are.
#[derive(Debug, Serialize, Deserialize)]
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
            Self::SecondFactor(_) => &[],
        }
    }
}

impl AuthService {
    /// Lets somebody in, within the change that has locked their account and found it in use.
    pub async fn admit(
        &self,
        change: &mut Change<'_>,
        user: &User,
        client_name: &str,
        proven: &Proven,
    ) -> Result<Admission> {
        self.guard.forgive(change, &proven.tries).await?;
        let proofs = proven.proofs.clone();
        let begun = self.sessions.sign_in(change, user, client_name, proofs).await?;
        Ok(Admission::SignedIn(begun))
    }

    /// What to tell somebody of how they were let in, after the commit.
    pub async fn admitted(&self, user: User, admission: Admission) -> Result<Admitted> {
        match admission {
            Admission::SignedIn(begun) => {
                let signed_in = self.signed_in(user, &begun.session).await?;
                Ok(Admitted::SignedIn(Box::new(signed_in)))
            }
            Admission::SecondFactor(challenge) => Ok(Admitted::SecondFactor(challenge)),
        }
    }
}
