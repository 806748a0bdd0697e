//! The text of refresh tokens: derived from the session and its counter, so that none is stored.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    domain::{id::Id, session::Session},
    port::crypto::{Purpose, Vault},
};

/// What every refresh token begins with, so that scanners recognise a leaked one.
const PREFIX: &str = "vzr_";

/// The session id, the counter and the MAC.
const BYTES: usize = 16 + 8 + 32;

/// The refresh token of a session at a counter: always the same.
#[must_use]
pub fn derive(vault: &dyn Vault, session: Id<Session>, counter: i64) -> SecretString {
    let (id, counter) = (session.uuid(), counter.to_be_bytes());
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(&counter);
    bytes.extend_from_slice(&vault.mac(Purpose::RefreshToken, &[id.as_bytes(), &counter]));
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into()
}

/// The session and the counter of a token, if it is one of ours.
#[must_use]
pub fn read(vault: &dyn Vault, token: &str) -> Option<(Id<Session>, i64)> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let bytes: &[u8; BYTES] = bytes.as_slice().try_into().ok()?;
    let (id, rest) = bytes.split_at(16);
    let (counter, mac) = rest.split_at(8);
    if !vault.verify_mac(Purpose::RefreshToken, &[id, counter], mac) {
        return None;
    }
    let counter = i64::from_be_bytes(counter.try_into().ok()?);
    Some((Id::from(Uuid::from_slice(id).ok()?), counter))
}
