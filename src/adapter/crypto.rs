//! Cryptography by aws-lc: keys derived from the server's secret, and Ed25519 signatures of access tokens.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    constant_time, hkdf, hmac, rand,
    signature::{Ed25519KeyPair, KeyPair},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    domain::{Error, Result, error::BadToken, key::SigningKey},
    port::crypto::{Claims, Kept, Purpose, Signatures, Vault},
};

/// The `typ` of access tokens (RFC 9068).
const TOKEN_TYPE: &str = "at+jwt";

/// Keys derived from the server's secret by HKDF-SHA-256 (RFC 5869), one for each purpose.
pub struct DerivedKeys {
    refresh_token: hmac::Key,
    page_token: hmac::Key,
    request_fingerprint: hmac::Key,
    attempt: hmac::Key,
    one_time_token: hmac::Key,
    api_key: hmac::Key,
    browser: hmac::Key,
    recovery_code: hmac::Key,
    signing_key: RandomizedNonceKey,
    letter: RandomizedNonceKey,
    token_data: RandomizedNonceKey,
    errand: RandomizedNonceKey,
    totp_seed: RandomizedNonceKey,
}

impl DerivedKeys {
    /// The keys of a secret.
    ///
    /// # Errors
    /// `Internal` when the library refuses, which it has no reason to.
    pub fn new(secret: &SecretString) -> Result<Self> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"veza/v1");
        let root = salt.extract(secret.expose_secret().as_bytes());
        let derive = |purpose: &str| {
            let mut key = [0_u8; 32];
            root.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|expanded| expanded.fill(&mut key))
                .map_err(|_| Error::internal("a key could not be derived"))?;
            Ok::<_, Error>(key)
        };
        let mac = |purpose| Ok::<_, Error>(hmac::Key::new(hmac::HMAC_SHA256, &derive(purpose)?));
        let cipher = |purpose| {
            RandomizedNonceKey::new(&AES_256_GCM, &derive(purpose)?)
                .map_err(|_| Error::internal("a key could not be made"))
        };
        Ok(Self {
            refresh_token: mac("refresh token")?,
            page_token: mac("page token")?,
            request_fingerprint: mac("request fingerprint")?,
            attempt: mac("attempt")?,
            one_time_token: mac("one-time token")?,
            api_key: mac("API key")?,
            browser: mac("browser")?,
            recovery_code: mac("recovery code")?,
            signing_key: cipher("signing key")?,
            letter: cipher("letter")?,
            token_data: cipher("data of a one-time token")?,
            errand: cipher("errand")?,
            totp_seed: cipher("totp seed")?,
        })
    }

    fn mac_key(&self, purpose: Purpose) -> &hmac::Key {
        match purpose {
            Purpose::RefreshToken => &self.refresh_token,
            Purpose::PageToken => &self.page_token,
            Purpose::RequestFingerprint => &self.request_fingerprint,
            Purpose::Attempt => &self.attempt,
            Purpose::OneTimeToken => &self.one_time_token,
            Purpose::ApiKey => &self.api_key,
            Purpose::Browser => &self.browser,
            Purpose::RecoveryCode => &self.recovery_code,
        }
    }

    fn cipher(&self, kept: Kept) -> &RandomizedNonceKey {
        match kept {
            Kept::SigningKey => &self.signing_key,
            Kept::Letter => &self.letter,
            Kept::OneTimeToken => &self.token_data,
            Kept::Errand => &self.errand,
            Kept::TotpSeed => &self.totp_seed,
        }
    }
}

impl Vault for DerivedKeys {
    fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(self.mac_key(purpose));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    fn random(&self) -> Result<[u8; 32]> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| Error::internal("no random numbers"))?;
        Ok(bytes)
    }

    fn verify_mac(&self, purpose: Purpose, parts: &[&[u8]], mac: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.mac(purpose, parts), mac).is_ok()
    }

    fn seal(&self, kept: Kept, context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .cipher(kept)
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .map_err(|_| Error::internal("a secret could not be encrypted"))?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(sealed)
    }

    fn open(&self, kept: Kept, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = || {
            Error::internal(
                "a secret in the database was encrypted under another JWT_SECRET; set the one that it was made with",
            )
        };
        let end = sealed.len().checked_sub(NONCE_LEN).ok_or_else(wrong)?;
        let (cipher, nonce) = sealed.split_at(end);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut buffer = cipher.to_vec();
        let plain = self
            .cipher(kept)
            .open_in_place(nonce, Aad::from(context), &mut buffer)
            .map_err(|_| wrong())?;
        Ok(plain.to_vec())
    }
}

/// Access tokens signed with Ed25519.
#[derive(Default)]
pub struct Ed25519;

impl Signatures for Ed25519 {
    fn generate(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let failed = |_| Error::internal("a signing key could not be made");
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let private = pair.to_pkcs8().map_err(failed)?;
        Ok((pair.public_key().as_ref().to_vec(), private.as_ref().to_vec()))
    }

    fn sign(&self, key: &SigningKey, private_key: &[u8], claims: &Claims) -> Result<SecretString> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.id.to_string());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(private_key))
            .map(SecretString::from)
            .map_err(Error::internal)
    }

    fn key_id(&self, token: &str) -> Result<Uuid> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Invalid)?;
        // None of ours marks a field as critical, and none must be passed over that is (RFC 7515, section 4.1.11).
        let is_ours = header.alg == Algorithm::EdDSA
            && header.typ.as_deref() == Some(TOKEN_TYPE)
            && header.crit.is_none();
        if !is_ours {
            return Err(BadToken::Invalid.into());
        }
        header.kid.and_then(|kid| kid.parse().ok()).ok_or(BadToken::Invalid.into())
    }

    fn verify(&self, token: &str, public_key: &[u8]) -> Result<Claims> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Only the signature is checked here. Every claim is a required field of `Claims`, and whoever asks compares
        // them, with a clock that tests can move.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_ed_der(public_key), &validation)
            .map(|token| token.claims)
            .map_err(|_| BadToken::Invalid.into())
    }
}
