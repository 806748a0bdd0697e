//! Signing in through providers of identities: to the provider, back with its answer, and on with a code of our own, all in
//! one browser. What the provider says is weighed in `identity.rs`.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    World,
    admission::{Admission, Admitted, Proven},
    auth::AuthService,
    change::Change,
    second_factor::find_enabled,
};
use crate::{
    domain::{
        Error, Result, Timestamp,
        audit::Outcome,
        caller::Caller,
        id::Id,
        identity::Identity,
        one_time_token::Kind,
        session::{Proof, Session},
        user::{State, User},
    },
    port::{
        crypto::Purpose,
        provider::{Answer, Provider, Ties},
    },
};

/// What all of it is called in the audit log.
const ACTION: &str = "auth.oauth";

/// No provider has this name.
const UNKNOWN_PROVIDER: Error = Error::NotFound { resource: "provider" };

/// The use cases of signing in through providers.
pub struct OAuthService {
    /// What every use case needs.
    pub world: World,
    /// Signing in.
    pub auth: Arc<AuthService>,
    /// The providers, each with another name.
    pub providers: Vec<Arc<dyn Provider>>,
    /// The pages that browsers may be sent back to, the default first.
    pub return_to: Vec<String>,
    /// Whether an unknown identity is linked with the account that has its e-mail address, where both are known to belong to
    /// the same person.
    pub links_by_email: bool,
}

/// A browser on its way to a provider.
#[derive(Debug)]
pub struct Departure {
    /// Where it has to go.
    pub authorization_url: String,
    /// What it has to bring back in a cookie.
    pub browser: SecretString,
    /// Until when.
    pub expire_time: Timestamp,
}

/// A browser that comes back from a provider.
#[derive(Debug)]
pub struct Arrival {
    /// What it was sent with.
    pub state: String,
    /// The code of the provider; empty when there is none.
    pub code: String,
    /// Who the provider says it is, where it says so.
    pub issuer: Option<String>,
    /// Why the provider let nobody in; empty where it did.
    pub error: String,
}

/// What a browser is sent to a provider for, and what its answer must fit.
#[derive(Serialize, Deserialize)]
struct Journey {
    provider: String,
    return_to: String,
    nonce: String,
    verifier: String,
    /// Which browser it is.
    browser: [u8; 32],
    /// The session whose user links an identity; none when somebody signs in.
    links_for: Option<(Id<User>, Id<Session>)>,
}

/// What a code of our own stands for.
#[derive(Serialize, Deserialize)]
struct Vouched {
    provider: String,
    subject: String,
    browser: [u8; 32],
    is_new: bool,
}

/// What came of the answer of a provider.
pub(super) enum Arrived {
    /// Somebody can sign in.
    SignsIn {
        /// By this.
        identity: Identity,
        /// Whether the account was made for it.
        is_new: bool,
    },
    /// An identity is linked.
    Linked,
}

impl OAuthService {
    /// Sends somebody to a provider to sign in. `browser` is what the browser has of a journey before.
    ///
    /// # Errors
    /// `NotFound`, `InvalidFields` with `return_to`, `ProviderUnavailable`, `ProviderUntrusted`.
    pub async fn begin(
        &self,
        caller: &Caller,
        provider: &str,
        return_to: &str,
        browser: Option<&str>,
    ) -> Result<Departure> {
        self.depart(caller, provider, return_to, browser, None).await
    }

    /// Sends a browser to a provider.
    pub(super) async fn depart(
        &self,
        caller: &Caller,
        provider: &str,
        return_to: &str,
        browser: Option<&str>,
        links_for: Option<(Id<User>, Id<Session>)>,
    ) -> Result<Departure> {
        let provider = self.provider(provider)?;
        let return_to = self.page(return_to)?;
        let vault = &*self.world.vault;
        let random = || Ok::<_, Error>(BASE64_URL_SAFE_NO_PAD.encode(vault.random()?));
        // A browser keeps what it has, so that several tabs can be on their way.
        let browser = match browser.filter(|browser| is_random(browser)) {
            Some(browser) => browser.to_owned(),
            None => random()?,
        };
        let journey = Journey {
            provider: provider.name().to_owned(),
            return_to: return_to.to_owned(),
            nonce: random()?,
            verifier: random()?,
            browser: vault.mac(Purpose::Browser, &[browser.as_bytes()]),
            links_for,
        };
        let user_id = links_for.map(|(user_id, _)| user_id);
        let issued = self.world.change(caller, |change| {
            let journey = &journey;
            Box::pin(async move {
                if let Some(user_id) = user_id {
                    change.audit("identity.begin_link", format!("users/{user_id}")).await?;
                }
                change.issue(Kind::OAuthState, user_id, journey).await
            })
        });
        let ties = Ties {
            state: issued.await?,
            nonce: journey.nonce.clone(),
            verifier: journey.verifier.clone().into(),
        };
        let authorization_url = provider.authorization_url(&ties).await?;
        let expire_time = self.world.clock.now() + Kind::OAuthState.lifetime();
        Ok(Departure { authorization_url, browser: browser.into(), expire_time })
    }

    /// Takes the answer of a provider; where the browser has to go, whatever came of it.
    ///
    /// # Errors
    /// `NotFound`; `SignInExpired` when nobody knows where the browser comes from; `Unavailable`.
    pub async fn arrive(
        &self,
        caller: &Caller,
        provider: &str,
        browser: Option<&str>,
        arrival: Arrival,
    ) -> Result<String> {
        let provider = self.provider(provider)?;
        let journey = self.end_of_journey(caller, provider, browser, &arrival.state).await;
        let journey = match journey {
            Err(expired @ Error::SignInExpired) => {
                let failure = Outcome::Failure(expired.kind());
                self.world.audit(caller, ACTION, String::new(), failure).await?;
                return Err(expired);
            }
            journey => journey?,
        };
        let came_of_it = match self.identify(provider, &journey, arrival).await {
            Ok(assertion) => {
                let links_for = journey.links_for;
                self.world
                    .change(caller, |change| {
                        let (journey, assertion) = (&journey, &assertion);
                        Box::pin(async move {
                            let arrived =
                                self.weigh(change, provider, assertion, links_for).await?;
                            end(change, journey, arrived).await
                        })
                    })
                    .await
            }
            Err(error) => Err(error),
        };
        let fragment = match came_of_it {
            Ok(fragment) => fragment,
            Err(error @ (Error::Internal(_) | Error::Unavailable(_))) => return Err(error),
            Err(error) => {
                let user_id = journey.links_for.map(|(user_id, _)| user_id);
                let resource = user_id.map_or_else(String::new, |id| format!("users/{id}"));
                let failure = Outcome::Failure(error.kind());
                self.world.audit(caller, ACTION, resource, failure).await?;
                format!("error={}", error.reason())
            }
        };
        Ok(format!("{}#{fragment}", journey.return_to))
    }

    /// Lets in whoever has a code of our own, and whether their account was made on the way.
    ///
    /// # Errors
    /// `NotFound`, `SignInExpired`, `AccountUnusable`, `EmailNotVerified`.
    pub async fn exchange(
        &self,
        caller: &Caller,
        provider: &str,
        browser: Option<&str>,
        code: &str,
        client_name: String,
    ) -> Result<(Admitted, bool)> {
        let provider = self.provider(provider)?.name();
        let (client_name, live) = (&client_name, Arc::clone(&self.auth.sessions.live));
        let exchanged = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let token = change.redeem::<Vouched>(Kind::OAuthCode, code).await?;
                    let vouched = token.ok_or(Error::SignInExpired)?.data;
                    if vouched.provider != provider || !self.is_of(browser, &vouched.browser) {
                        return Err(Error::SignInExpired);
                    }
                    let (user, admission) = self.let_in(change, &vouched, client_name).await?;
                    Ok((user, admission, vouched.is_new))
                })
            },
            move |(_, admission, _): &(User, Admission, bool)| live.ended(admission.ended()),
        );
        match exchanged.await {
            Ok((user, admission, is_new)) => {
                Ok((self.auth.admitted(user, admission).await?, is_new))
            }
            Err(error @ (Error::SignInExpired | Error::AccountUnusable)) => {
                let failure = Outcome::Failure(error.kind());
                self.world.audit(caller, ACTION, String::new(), failure).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn let_in(
        &self,
        change: &mut Change<'_>,
        vouched: &Vouched,
        client_name: &str,
    ) -> Result<(User, Admission)> {
        // All of it is looked at anew: a minute may have passed.
        let identity = change.tx.find_identity(&vouched.provider, &vouched.subject).await?;
        let identity = identity.ok_or(Error::SignInExpired)?;
        let user = change.tx.lock_user(identity.user_id).await?;
        let user = user.filter(|user| user.state == State::Active).ok_or(Error::AccountUnusable)?;
        let proven = Proven::by(Proof::Federation);
        // A second factor may have been set up since the account was made, by another sign-in.
        if !vouched.is_new || find_enabled(&mut *change.tx, user.id).await?.is_some() {
            let admission = self.auth.admit(change, &user, client_name, &proven, ACTION).await?;
            return Ok((user, admission));
        }
        let (resource, done) = (format!("users/{}", user.id), Outcome::Success);
        change.audit_as(Some(user.id), ACTION, resource, done).await?;
        // Nobody is told that they are on a device which is new to an account that is new, too.
        self.auth.guard.welcome(change, user.id).await?;
        let sessions = &self.auth.sessions;
        let begun = sessions.begin(change, user.id, client_name, proven.proofs).await?;
        Ok((user, Admission::SignedIn(begun)))
    }

    /// The journey that ends here, which can do so once.
    async fn end_of_journey(
        &self,
        caller: &Caller,
        provider: &dyn Provider,
        browser: Option<&str>,
        state: &str,
    ) -> Result<Journey> {
        let redeemed = self
            .world
            .change(caller, |change| Box::pin(change.redeem::<Journey>(Kind::OAuthState, state)));
        let journey = redeemed.await?.map(|token| token.data);
        let fits = |journey: &Journey| {
            journey.provider == provider.name() && self.is_of(browser, &journey.browser)
        };
        journey.filter(fits).ok_or(Error::SignInExpired)
    }

    /// Whom the provider vouches for.
    async fn identify(
        &self,
        provider: &dyn Provider,
        journey: &Journey,
        arrival: Arrival,
    ) -> Result<crate::domain::identity::Assertion> {
        match arrival.error.as_str() {
            "" => {}
            "server_error" | "temporarily_unavailable" => {
                return Err(Error::ProviderUnavailable("the provider says so itself".into()));
            }
            _ => return Err(Error::SignInDenied),
        }
        let ties = Ties {
            state: arrival.state.into(),
            nonce: journey.nonce.clone(),
            verifier: journey.verifier.clone().into(),
        };
        let answer = Answer { code: arrival.code.into(), issuer: arrival.issuer };
        provider.identify(&answer, &ties).await
    }

    pub(super) fn provider(&self, name: &str) -> Result<&dyn Provider> {
        let found = self.providers.iter().find(|provider| provider.name() == name);
        found.map(|provider| &**provider).ok_or(UNKNOWN_PROVIDER)
    }

    /// The page to come back to. Compared whole, letter by letter: whatever a browser makes of other spellings.
    fn page<'a>(&'a self, wanted: &str) -> Result<&'a str> {
        let found = match wanted {
            "" => self.return_to.first(),
            wanted => self.return_to.iter().find(|page| *page == wanted),
        };
        let allowed = "must be exactly one of the pages that the server is set to";
        found.map(String::as_str).ok_or_else(|| Error::invalid_field("return_to", allowed))
    }

    /// Whether this is the browser that a journey began in.
    fn is_of(&self, browser: Option<&str>, mac: &[u8; 32]) -> bool {
        let verify = |browser: &str| {
            self.world.vault.verify_mac(Purpose::Browser, &[browser.as_bytes()], mac)
        };
        browser.is_some_and(verify)
    }
}

/// What the browser is to bring to its page, once all that the provider said is kept.
async fn end(change: &mut Change<'_>, journey: &Journey, arrived: Arrived) -> Result<String> {
    match arrived {
        Arrived::Linked => Ok(format!("linked={}", journey.provider)),
        Arrived::SignsIn { identity, is_new } => {
            let user_id = Some(identity.user_id);
            let (provider, subject) = (identity.provider, identity.subject);
            let vouched = Vouched { provider, subject, browser: journey.browser, is_new };
            let code = change.issue(Kind::OAuthCode, user_id, &vouched).await?;
            Ok(format!("code={}", code.expose_secret()))
        }
    }
}

/// Whether a text can be one that [`OAuthService::begin`] made.
fn is_random(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}
