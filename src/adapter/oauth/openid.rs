//! Any provider that speaks OpenID Connect, by what it says of itself (OpenID Connect Discovery 1.0).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use oauth2::{AuthType, TokenResponse};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{self, Instant},
};

use super::{
    Outbound, Registration,
    client::Client,
    keys::{Claims, Expected, KeySet, Refusal},
};
use crate::{
    domain::{Error, Result, identity::Assertion, text::Email},
    port::provider::{Answer, Provider, Ties},
};

/// What is asked for: who somebody is, and their address.
const SCOPES: [&str; 2] = ["openid", "email"];

/// How long is believed what a provider says of itself, and its keys.
const BELIEVED_FOR: Duration = Duration::from_hours(1);

/// How often keys are asked for again in [`BELIEVED_FOR`] because of a key that is not known: a provider may change its keys at
/// any time, and whoever makes up names of keys must not have us ask without end.
const KEY_SEARCHES_MAX: u32 = 20;

/// The longest subject that is kept, in bytes (OpenID Connect Core, section 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// A provider that speaks OpenID Connect.
pub struct OpenId {
    registration: Registration,
    issuer: String,
    http: Outbound,
    metadata: Mutex<Option<Kept<Metadata>>>,
    keys: Mutex<Option<Kept<KeySet>>>,
}

struct Kept<T> {
    value: Arc<T>,
    since: Instant,
    /// How often it was looked for in vain.
    searches: u32,
}

impl<T> Kept<T> {
    fn new(value: T, searches: u32) -> Self {
        Self { value: Arc::new(value), since: Instant::now(), searches }
    }

    fn is_believed(&self) -> bool {
        self.since.elapsed() < BELIEVED_FOR
    }
}

/// What a provider says of itself.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What a provider tells of somebody beside the token.
#[derive(Debug, Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    email_verified: Option<Value>,
}

impl OpenId {
    /// The provider that calls itself so. Nothing is asked of it before somebody signs in.
    #[must_use]
    pub fn new(registration: Registration, issuer: String, http: Outbound) -> Self {
        Self { registration, issuer, http, metadata: Mutex::default(), keys: Mutex::default() }
    }

    async fn metadata(&self) -> Result<Arc<Metadata>> {
        let mut kept = self.metadata.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_believed()) {
            return Ok(Arc::clone(&kept.value));
        }
        let base = self.issuer.trim_end_matches('/');
        let metadata: Metadata =
            self.http.get(&format!("{base}/.well-known/openid-configuration"), None).await?;
        if metadata.issuer != self.issuer {
            return Err(Error::ProviderUntrusted("it calls itself another issuer".into()));
        }
        let fresh = Kept::new(metadata, 0);
        let metadata = Arc::clone(&fresh.value);
        *kept = Some(fresh);
        Ok(metadata)
    }

    /// The keys; newer ones than those that are known when `unfit` is what is known, and another look is due.
    async fn keys(&self, url: &str, unfit: Option<&Arc<KeySet>>) -> Result<Arc<KeySet>> {
        let mut kept = self.keys.lock().await;
        let mut searches = 0;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_believed()) {
            let is_unfit = unfit.is_some_and(|unfit| Arc::ptr_eq(unfit, &kept.value));
            if !is_unfit || kept.searches >= KEY_SEARCHES_MAX {
                return Ok(Arc::clone(&kept.value));
            }
            searches = kept.searches + 1;
        }
        let since = kept.as_ref().map(|kept| kept.since).filter(|_| searches > 0);
        let mut fresh = Kept::new(self.http.get(url, None).await?, searches);
        // The searches are counted from the first one on.
        fresh.since = since.unwrap_or(fresh.since);
        let keys = Arc::clone(&fresh.value);
        *kept = Some(fresh);
        Ok(keys)
    }

    async fn verify(&self, metadata: &Metadata, token: &str, ties: &Ties) -> Result<Claims> {
        let expected = Expected {
            issuer: &self.issuer,
            client_id: &self.registration.client_id,
            nonce: &ties.nonce,
        };
        let keys = self.keys(&metadata.jwks_uri, None).await?;
        let verified = match keys.verify(token, &expected) {
            Err(Refusal::UnknownKey) => {
                let newer = self.keys(&metadata.jwks_uri, Some(&keys)).await?;
                newer.verify(token, &expected)
            }
            verified => verified,
        };
        verified.map_err(|refusal| match refusal {
            Refusal::Bad(error) => error,
            Refusal::UnknownKey => {
                Error::ProviderUntrusted("it has signed with a key that it does not show".into())
            }
        })
    }

    fn client(&self, metadata: &Metadata) -> Result<Client> {
        // Without a word about it, what OpenID Connect Discovery says is the default.
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let takes_basic = methods
            .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let how = if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let (authorization, token) = (&metadata.authorization_endpoint, &metadata.token_endpoint);
        Client::new(&self.registration, authorization, token, how)
    }

    async fn ask(&self, answer: &Answer, ties: &Ties) -> Result<Assertion> {
        let metadata = self.metadata().await?;
        let is_other = answer.issuer.as_ref().is_some_and(|issuer| *issuer != self.issuer);
        let is_silent = answer.issuer.is_none();
        if is_other || (is_silent && metadata.authorization_response_iss_parameter_supported) {
            return Err(Error::ProviderUntrusted("the answer is of another issuer".into()));
        }
        let tokens = self.client(&metadata)?.exchange(&self.http, answer, ties).await?;
        let token = tokens.extra_fields().id_token.as_deref();
        let token = token.ok_or_else(|| Error::ProviderUntrusted("it sent no id_token".into()))?;
        let mut claims = self.verify(&metadata, token, ties).await?;
        if claims.sub.len() > SUBJECT_BYTES_MAX {
            return Err(Error::ProviderUntrusted("the subject is too long".into()));
        }
        if let (None, Some(url)) = (&claims.email, &metadata.userinfo_endpoint) {
            let token = tokens.access_token().secret();
            let info: UserInfo = self.http.get(url, Some(token)).await?;
            if info.sub != claims.sub {
                return Err(Error::ProviderUntrusted("it tells of somebody else".into()));
            }
            (claims.email, claims.email_verified) = (info.email, info.email_verified);
        }
        Ok(Assertion {
            subject: claims.sub,
            email: claims.email.and_then(|email| Email::parse("email", email).ok()),
            is_email_verified: claims.email_verified == Some(Value::Bool(true)),
            name: claims.preferred_username,
        })
    }
}

#[async_trait]
impl Provider for OpenId {
    fn name(&self) -> &str {
        &self.registration.name
    }

    fn label(&self) -> &str {
        &self.registration.label
    }

    async fn authorization_url(&self, ties: &Ties) -> Result<String> {
        self.registration
            .bounded(async {
                let client = self.client(&*self.metadata().await?)?;
                Ok(client.authorization_url(ties, &SCOPES, Some(&ties.nonce)))
            })
            .await
    }

    async fn identify(&self, answer: &Answer, ties: &Ties) -> Result<Assertion> {
        self.registration.bounded(self.ask(answer, ties)).await
    }
}

impl Registration {
    /// What comes of work with the provider, within its time; the log has what went wrong.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let late = || Error::ProviderUnavailable("it took too long".into());
        let done = time::timeout(self.timeout, work).await.unwrap_or_else(|_| Err(late()));
        if let Err(Error::ProviderUnavailable(why) | Error::ProviderUntrusted(why)) = &done {
            tracing::warn!(
                provider = self.name,
                error = %why,
                event = "provider_failed",
                "a provider of identities let nobody in"
            );
        }
        done
    }
}
