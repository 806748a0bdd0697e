//! The methods of `veza.auth.v1.AuthService` for signing in through others.

use std::sync::Arc;

use ::cookie::SameSite;
use secrecy::{ExposeSecret, SecretString};
use tonic::{
    Request, Response, Status,
    metadata::{Ascii, MetadataValue},
};

use super::{
    convert::timestamp,
    cookie,
    input::Input,
    mfa,
    proto::{auth::v1 as proto, meta::v1::SignInProvider},
};
use crate::{
    domain::{Error, Result, Timestamp, id::Id, identity::Identity, text::Email},
    service::oauth::{Arrival, OAuthService},
};

/// The method that providers send browsers back to: with parameters that nobody has to know (RFC 6749, section 4.1.2).
pub const CALLBACK: &str = "veza.auth.v1.AuthService/CompleteOAuth";

/// The cookie that ties all of a sign-in to one browser. Its prefix keeps other hosts and plain HTTP from setting it.
const COOKIE: &str = "__Host-veza-oauth";

/// When it is sent: also when the browser comes back from the pages of somebody else, which is what it is for.
const SAME_SITE: SameSite = SameSite::Lax;

/// The methods.
pub struct OAuth {
    /// The use cases.
    pub service: Arc<OAuthService>,
}

impl OAuth {
    /// Begins to sign in.
    pub async fn begin(
        &self,
        request: Request<proto::BeginOAuthRequest>,
    ) -> Result<Response<proto::BeginOAuthResponse>, Status> {
        let input = Input::of(request)?;
        let browser = cookie::find(&input.metadata, COOKIE);
        let (provider, return_to) = (&input.message.provider, &input.message.return_to);
        let departure =
            self.service.begin(&input.caller, provider, return_to, browser.as_deref()).await?;
        let authorization_url = departure.authorization_url;
        let place = location(&authorization_url)?;
        let mut response = Response::new(proto::BeginOAuthResponse { authorization_url });
        response.metadata_mut().insert("location", place);
        keep(&mut response, &departure.browser, departure.expire_time)?;
        Ok(response)
    }

    /// Goes on with signing in.
    pub async fn complete(
        &self,
        request: Request<proto::CompleteOAuthRequest>,
    ) -> Result<Response<proto::CompleteOAuthResponse>, Status> {
        let Input { caller, message, metadata } = Input::of(request)?;
        let browser = cookie::find(&metadata, COOKIE);
        let (provider, browser) = (&message.provider, browser.as_deref());
        if message.state.is_empty() {
            let (code, client) = (&message.code, message.client_name.clone());
            let done = self.service.exchange(&caller, provider, browser, code, client).await?;
            let (admitted, is_new) = done;
            return Ok(mfa::answer(&admitted, message.delivery(), |result| {
                let result = Some(proto::AuthResult { created: is_new, ..result });
                proto::CompleteOAuthResponse { redirect_url: String::new(), result }
            })?);
        }
        let arrival = Arrival {
            state: message.state,
            code: message.code,
            issuer: Some(message.iss).filter(|issuer| !issuer.is_empty()),
            error: message.error,
        };
        let redirect_url = self.service.arrive(&caller, provider, browser, arrival).await?;
        let place = location(&redirect_url)?;
        let mut response =
            Response::new(proto::CompleteOAuthResponse { redirect_url, result: None });
        response.metadata_mut().insert("location", place);
        Ok(response)
    }

    /// Lists the identities of the caller.
    pub async fn list(
        &self,
        request: Request<proto::ListIdentitiesRequest>,
    ) -> Result<Response<proto::ListIdentitiesResponse>, Status> {
        let identities = self.service.list(&Input::of(request)?.caller).await?;
        let identities = identities.iter().map(show).collect();
        Ok(Response::new(proto::ListIdentitiesResponse { identities }))
    }

    /// Begins to link an identity.
    pub async fn link(
        &self,
        request: Request<proto::LinkIdentityRequest>,
    ) -> Result<Response<proto::LinkIdentityResponse>, Status> {
        let input = Input::of(request)?;
        let browser = cookie::find(&input.metadata, COOKIE);
        let (provider, return_to) = (&input.message.provider, &input.message.return_to);
        let departure =
            self.service.begin_link(&input.caller, provider, return_to, browser.as_deref());
        let departure = departure.await?;
        let authorization_url = departure.authorization_url;
        let mut response = Response::new(proto::LinkIdentityResponse { authorization_url });
        keep(&mut response, &departure.browser, departure.expire_time)?;
        Ok(response)
    }

    /// Unlinks an identity.
    pub async fn unlink(
        &self,
        request: Request<proto::UnlinkIdentityRequest>,
    ) -> Result<Response<proto::UnlinkIdentityResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let identity = self.service.unlink(&caller, Id::parse("id", &message.id)?).await?;
        let identity = Some(show(&identity));
        Ok(Response::new(proto::UnlinkIdentityResponse { identity }))
    }
}

/// Through whom people can sign in.
#[must_use]
pub fn providers(service: &OAuthService) -> Vec<SignInProvider> {
    let shown = service.providers.iter().map(|provider| SignInProvider {
        name: provider.name().to_owned(),
        label: provider.label().to_owned(),
    });
    shown.collect()
}

/// The place that the browser goes to.
fn location(url: &str) -> Result<MetadataValue<Ascii>> {
    url.parse().map_err(|_| Error::internal("an address that no header can have"))
}

/// Has the browser keep the cookie for as long as its journey may last.
fn keep<M>(response: &mut Response<M>, browser: &SecretString, until: Timestamp) -> Result<()> {
    cookie::keep(response.metadata_mut(), COOKIE, browser.expose_secret(), SAME_SITE, until)
}

fn show(identity: &Identity) -> proto::Identity {
    proto::Identity {
        id: identity.id.to_string(),
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        email: identity.email.as_ref().map(Email::as_str).unwrap_or_default().to_owned(),
        create_time: Some(timestamp(identity.create_time)),
        last_use_time: Some(timestamp(identity.last_use_time)),
    }
}
