//! Providers of identities: any that speaks OpenID Connect, and GitHub, which speaks OAuth 2.0 only.

mod client;
mod github;
mod http;
mod keys;
mod network;
mod openid;

use std::time::Duration;

use secrecy::SecretString;

pub use github::GitHub;
pub use http::Outbound;
pub use openid::OpenId;

/// What a provider knows of this server, and how it is shown.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The name of the provider, as `google`.
    pub name: String,
    /// What people call it, as `Google`.
    pub label: String,
    /// The id that it has given to this server.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: SecretString,
    /// Where it sends browsers back to: one address for each provider (RFC 9700, section 4.4).
    pub redirect_uri: String,
    /// How long it has for all that one call needs of it.
    pub timeout: Duration,
}
