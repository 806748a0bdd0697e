//! The text of API keys: derived from the id of the key, so that none is stored.
//!
//! It is `vz_`, eight digits of the id by which people recognise the key, `_`, the rest of the id and a MAC of 256 bits in
//! base64url, and a CRC-32 of all that in eight digits, by which anybody tells a mistake of copying, and a scanner a leaked
//! key, without asking a server.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use crc::{CRC_32_ISO_HDLC, Crc};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    domain::{Result, api_key::ApiKey, error::BadToken, id::Id},
    port::crypto::{Purpose, Vault},
};

/// What every key begins with, so that scanners recognise a leaked one.
const MARK: &str = "vz_";

/// How many bytes of the id are not shown in the beginning; the others are random.
const HIDDEN_BYTES: usize = 12;

/// How many digits the checksum has.
const CHECKSUM_DIGITS: usize = 8;

/// As gzip and zlib have it.
static CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Whether a bearer token is meant to be an API key.
#[must_use]
pub fn is_meant(bearer: &str) -> bool {
    bearer.starts_with(MARK)
}

/// What the secret of a key begins with, which is no secret.
#[must_use]
pub fn prefix(id: Id<ApiKey>) -> String {
    let [.., a, b, c, d] = *id.uuid().as_bytes();
    format!("{MARK}{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// The secret of a key: always the same.
#[must_use]
pub fn derive(vault: &dyn Vault, key: Id<ApiKey>) -> SecretString {
    let id = key.uuid();
    let mac = vault.mac(Purpose::ApiKey, &[id.as_bytes()]);
    let body = [&id.as_bytes()[..HIDDEN_BYTES], &mac].concat();
    let text = format!("{}_{}", prefix(key), BASE64_URL_SAFE_NO_PAD.encode(body));
    format!("{text}{:08x}", checksum(&text)).into()
}

/// The id of the key that has this secret.
///
/// # Errors
/// `BadToken::MistypedKey` when it is the secret of no key of any server, and `BadToken::UnknownKey` when it is none of this
/// one.
pub fn read(vault: &dyn Vault, secret: &str) -> Result<Id<ApiKey>> {
    let (id, mac) = parse(secret).ok_or(BadToken::MistypedKey)?;
    if vault.verify_mac(Purpose::ApiKey, &[id.uuid().as_bytes()], &mac) {
        return Ok(id);
    }
    Err(BadToken::UnknownKey.into())
}

/// The id and the MAC of what is whole.
fn parse(secret: &str) -> Option<(Id<ApiKey>, Vec<u8>)> {
    let (text, digits) = secret.split_at_checked(secret.len().checked_sub(CHECKSUM_DIGITS)?)?;
    if format!("{:08x}", checksum(text)) != digits {
        return None;
    }
    let (shown, body) = text.strip_prefix(MARK)?.split_once('_')?;
    let body = BASE64_URL_SAFE_NO_PAD.decode(body).ok()?;
    let (hidden, mac) = body.split_at_checked(HIDDEN_BYTES)?;
    let shown = u32::from_str_radix(shown, 16).ok()?.to_be_bytes();
    let id = Id::from(Uuid::from_slice(&[hidden, &shown].concat()).ok()?);
    // A key is spelt in one way only.
    text.starts_with(&prefix(id)).then(|| (id, mac.to_vec()))
}

fn checksum(text: &str) -> u32 {
    CHECKSUM.checksum(text.as_bytes())
}
