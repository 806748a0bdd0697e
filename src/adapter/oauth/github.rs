//! GitHub, or a GitHub Enterprise Server: OAuth 2.0, and an API that says who somebody is.

use async_trait::async_trait;
use oauth2::{AuthType, TokenResponse};
use serde::Deserialize;

use super::{Outbound, Registration, client::Client};
use crate::{
    domain::{Error, Result, identity::Assertion, text::Email},
    port::provider::{Answer, Provider, Ties},
};

/// What is asked for: the public profile, and the addresses.
const SCOPES: [&str; 2] = ["read:user", "user:email"];

/// GitHub.
pub struct GitHub {
    registration: Registration,
    client: Client,
    url: String,
    api_url: String,
    http: Outbound,
}

/// An account there. Its number never changes, its name does, and may go to somebody else.
#[derive(Debug, Deserialize)]
struct Account {
    id: u64,
    login: Option<String>,
}

/// An e-mail address of an account.
#[derive(Debug, Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    /// The GitHub at these addresses, of its pages and of its API.
    ///
    /// # Errors
    /// `ProviderUntrusted` when one is no URL.
    pub fn new(
        registration: Registration,
        url: String,
        api_url: String,
        http: Outbound,
    ) -> Result<Self> {
        let [authorization, token] =
            ["authorize", "access_token"].map(|endpoint| format!("{url}/login/oauth/{endpoint}"));
        let client = Client::new(&registration, &authorization, &token, AuthType::RequestBody)?;
        Ok(Self { registration, client, url, api_url, http })
    }

    async fn ask(&self, answer: &Answer, ties: &Ties) -> Result<Assertion> {
        // It has no issuer of OpenID Connect; should it name one, it is of its own host.
        let is_own = |issuer: &String| {
            let rest = issuer.strip_prefix(&self.url);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !answer.issuer.as_ref().is_none_or(is_own) {
            return Err(Error::ProviderUntrusted("the answer is of another issuer".into()));
        }
        let tokens = self.client.exchange(&self.http, answer, ties).await?;
        let token = Some(tokens.access_token().secret().as_str());
        let account: Account = self.http.get(&format!("{}/user", self.api_url), token).await?;
        if account.id == 0 {
            return Err(Error::ProviderUntrusted("it tells of nobody".into()));
        }
        let addresses: Vec<Address> =
            self.http.get(&format!("{}/user/emails", self.api_url), token).await?;
        let primary = addresses.into_iter().find(|address| address.primary);
        let is_email_verified = primary.as_ref().is_some_and(|primary| primary.verified);
        Ok(Assertion {
            subject: account.id.to_string(),
            email: primary.and_then(|primary| Email::parse("email", primary.email).ok()),
            is_email_verified,
            name: account.login,
        })
    }
}

#[async_trait]
impl Provider for GitHub {
    fn name(&self) -> &str {
        &self.registration.name
    }

    fn label(&self) -> &str {
        &self.registration.label
    }

    async fn authorization_url(&self, ties: &Ties) -> Result<String> {
        Ok(self.client.authorization_url(ties, &SCOPES, None))
    }

    async fn identify(&self, answer: &Answer, ties: &Ties) -> Result<Assertion> {
        self.registration.bounded(self.ask(answer, ties)).await
    }
}
