//! The flow of OAuth 2.0 that all providers have in common: the authorization code with PKCE (RFC 6749, RFC 7636).

use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
        BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::{Outbound, Registration};
use crate::{
    domain::{Error, Result},
    port::provider::{Answer, Ties},
};

/// What comes with an access token where OpenID Connect is spoken.
#[derive(Debug, Deserialize, Serialize)]
pub struct Extra {
    /// What the provider says of the person.
    pub id_token: Option<String>,
}

impl ExtraTokenFields for Extra {}

/// What a code is exchanged for.
pub type Tokens = StandardTokenResponse<Extra, BasicTokenType>;

/// A client that knows where to go.
pub struct Client(
    oauth2::Client<
        BasicErrorResponse,
        Tokens,
        BasicTokenIntrospectionResponse,
        StandardRevocableToken,
        BasicRevocationErrorResponse,
        EndpointSet,
        EndpointNotSet,
        EndpointNotSet,
        EndpointNotSet,
        EndpointSet,
    >,
);

impl Client {
    /// A client of these endpoints.
    ///
    /// # Errors
    /// `ProviderUntrusted` when one is no URL.
    pub fn new(
        registration: &Registration,
        authorization: &str,
        token: &str,
        auth_type: AuthType,
    ) -> Result<Self> {
        let untrusted = |error: oauth2::url::ParseError| Error::ProviderUntrusted(error.into());
        let secret = registration.client_secret.expose_secret().to_owned();
        let redirect = RedirectUrl::new(registration.redirect_uri.clone());
        let client = oauth2::Client::new(ClientId::new(registration.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_uri(AuthUrl::new(authorization.to_owned()).map_err(untrusted)?)
            .set_token_uri(TokenUrl::new(token.to_owned()).map_err(untrusted)?)
            .set_redirect_uri(redirect.map_err(untrusted)?)
            .set_auth_type(auth_type);
        Ok(Self(client))
    }

    /// Where the browser has to go.
    pub fn authorization_url(&self, ties: &Ties, scopes: &[&str], nonce: Option<&str>) -> String {
        let state = ties.state.expose_secret().to_owned();
        let verifier = PkceCodeVerifier::new(ties.verifier.expose_secret().to_owned());
        let mut request = self
            .0
            .authorize_url(|| CsrfToken::new(state))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())));
        if let Some(nonce) = nonce {
            request = request.add_extra_param("nonce", nonce.to_owned());
        }
        request.url().0.into()
    }

    /// Exchanges a code.
    ///
    /// # Errors
    /// `SignInExpired` when the provider does not know the code; `ProviderUnavailable`, `ProviderUntrusted`.
    pub async fn exchange(&self, http: &Outbound, answer: &Answer, ties: &Ties) -> Result<Tokens> {
        let code = AuthorizationCode::new(answer.code.expose_secret().to_owned());
        let verifier = PkceCodeVerifier::new(ties.verifier.expose_secret().to_owned());
        let request = self.0.exchange_code(code).set_pkce_verifier(verifier);
        let exchanged = request.request_async(http).await;
        exchanged.map_err(|error| match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(response)
                if *response.error() == BasicErrorResponseType::InvalidGrant =>
            {
                Error::SignInExpired
            }
            RequestTokenError::ServerResponse(response) => {
                let said = response.error().to_string();
                Error::ProviderUntrusted(format!("it refuses the code with {said}").into())
            }
            // The answer may hold tokens, so it is not repeated.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Error::ProviderUntrusted("its answer to the code cannot be read".into())
            }
        })
    }
}
