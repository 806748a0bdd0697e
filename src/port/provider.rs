//! Providers of identities: others whom people are known to, such as Google.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::domain::{Result, identity::Assertion};

/// What ties the answer of a provider to the question.
#[derive(Debug)]
pub struct Ties {
    /// What the browser brings back (RFC 6749, section 10.12).
    pub state: SecretString,
    /// What stands in the token about the person (OpenID Connect Core, section 3.1.2.1).
    pub nonce: String,
    /// What only whoever asked can show, when the code is exchanged (RFC 7636): 43 characters or more.
    pub verifier: SecretString,
}

/// The answer of a provider, which the browser has brought.
#[derive(Debug)]
pub struct Answer {
    /// What is exchanged for what the provider knows.
    pub code: SecretString,
    /// Who the provider says it is (RFC 9207).
    pub issuer: Option<String>,
}

/// A provider of identities. Nothing of what it hands out is kept.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name, as `google`: stable, for it is a part of every identity.
    fn name(&self) -> &str;

    /// What people call it, as `Google`.
    fn label(&self) -> &str;

    /// The address at the provider that the browser has to go to.
    ///
    /// Errors: `ProviderUnavailable`, `ProviderUntrusted`.
    async fn authorization_url(&self, ties: &Ties) -> Result<String>;

    /// Whom the provider vouches for. It takes a bounded time, shorter than that of a call.
    ///
    /// Errors: `ProviderUnavailable`, `ProviderUntrusted`; `SignInExpired` when the provider does not know the code.
    async fn identify(&self, answer: &Answer, ties: &Ties) -> Result<Assertion>;
}
