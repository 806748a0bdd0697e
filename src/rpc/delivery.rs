//! How a refresh token reaches whoever signed in, and how it comes back: in messages, or in a cookie that no page can read.

use ::cookie::SameSite;
use secrecy::ExposeSecret;
use tonic::{Response, Status, metadata::MetadataMap};

use super::{
    convert::timestamp,
    cookie,
    proto::auth::v1::{self as proto, Delivery},
};
use crate::{
    domain::{Error, Result, error::BadToken},
    service::session::Tokens,
};

/// The cookie. No other site can have it sent, nor can a page of another subdomain replace it.
const COOKIE: &str = "__Host-veza-refresh";

/// Who may have it sent: pages of the same site.
const SAME_SITE: SameSite = SameSite::Strict;

/// An answer with the credentials of a session.
///
/// # Errors
/// `Internal` when a token cannot stand in a cookie, which none of ours does.
pub fn answer<M>(
    tokens: &Tokens,
    delivery: Delivery,
    answer: impl FnOnce(proto::Tokens) -> M,
) -> Result<Response<M>> {
    let mut shown = show(tokens);
    if delivery != Delivery::Cookie {
        return Ok(Response::new(answer(shown)));
    }
    let token = std::mem::take(&mut shown.refresh_token);
    let mut response = Response::new(answer(shown));
    let until = tokens.refresh_expire_time;
    cookie::keep(response.metadata_mut(), COOKIE, &token, SAME_SITE, until)?;
    Ok(response)
}

fn show(tokens: &Tokens) -> proto::Tokens {
    proto::Tokens {
        access_token: tokens.access_token.expose_secret().to_owned(),
        token_type: "Bearer".to_owned(),
        access_expire_time: Some(timestamp(tokens.access_expire_time)),
        refresh_token: tokens.refresh_token.expose_secret().to_owned(),
        refresh_expire_time: Some(timestamp(tokens.refresh_expire_time)),
        session_id: tokens.session_id.to_string(),
    }
}

/// A refresh token that came with a call.
pub struct Shown {
    /// The token.
    pub token: String,
    /// How it came, which is how its successor goes back.
    pub delivery: Delivery,
}

impl Shown {
    /// The token of the message or, where it has none, of the cookie.
    pub fn of(message: String, metadata: &MetadataMap) -> Option<Self> {
        if !message.is_empty() {
            return Some(Self { token: message, delivery: Delivery::Body });
        }
        let token = cookie::find(metadata, COOKIE).filter(|token| !token.is_empty())?;
        Some(Self { token, delivery: Delivery::Cookie })
    }

    /// A refusal, which has the browser forget a cookie that will never be good again.
    pub fn refuse(&self, error: Error) -> Status {
        let is_void = matches!(
            error,
            Error::InvalidRefreshToken
                | Error::RefreshTokenReused
                | Error::BadToken(BadToken::Ended)
        );
        let mut status = Status::from(error);
        if is_void && self.delivery == Delivery::Cookie {
            // What is refused stays refused, even if a cookie could not be taken back.
            cookie::forget(status.metadata_mut(), COOKIE, SAME_SITE).ok();
        }
        status
    }
}

/// Has a browser forget the cookie that came with a call, if one did.
pub fn forget<M>(response: &mut Response<M>, metadata: &MetadataMap) -> Result<()> {
    if cookie::find(metadata, COOKIE).is_none() {
        return Ok(());
    }
    cookie::forget(response.metadata_mut(), COOKIE, SAME_SITE)
}
