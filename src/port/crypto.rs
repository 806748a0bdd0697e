//! Secrets: passwords, signatures, message authentication and encryption. Use cases never see a key.

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::{Result, key::SigningKey, text::Password};

/// Hashes passwords. Hashing takes long, so it happens off the async threads and behind a bounded queue.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A new hash in PHC string format.
    ///
    /// Errors: `Busy` when the queue is full.
    async fn hash(&self, password: Password) -> Result<String>;

    /// Compares a password with a hash. Without a hash it works as long and says no, so that an unknown account
    /// cannot be told from a wrong password by the time the answer takes.
    ///
    /// Errors: `Busy` when the queue is full.
    async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict>;
}

/// Whether a password fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does not.
    Wrong,
    /// It does.
    Right,
    /// It does, and the hash was made with other parameters than are used now: store a new one.
    RightButOutdated,
}

/// What a message authentication code is for: codes of different purposes have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Refresh tokens.
    RefreshToken,
    /// Page tokens.
    PageToken,
    /// Fingerprints of requests with a request id.
    RequestFingerprint,
    /// Under which tries to guess a secret are counted.
    Attempt,
    /// What one-time tokens are found by.
    OneTimeToken,
    /// The secrets of API keys.
    ApiKey,
    /// Browsers on their way to a provider of identities.
    Browser,
    /// What recovery codes are found by.
    RecoveryCode,
}

/// What is kept encrypted in the store: each under a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Private signing keys.
    SigningKey,
    /// What mails say.
    Letter,
    /// What one-time tokens carry.
    OneTimeToken,
    /// What errands are about.
    Errand,
    /// The seeds that authenticator apps share with us.
    TotpSeed,
}

/// Message authentication and encryption under keys derived from the server's secret, and chance.
pub trait Vault: Send + Sync {
    /// HMAC-SHA-256 (RFC 2104) of the parts; parts cannot be shifted into each other.
    fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32];

    /// 256 bits that nobody can guess.
    fn random(&self) -> Result<[u8; 32]>;

    /// Whether `mac` is the one that [`Vault::mac`] gives; takes as long for every wrong one.
    fn verify_mac(&self, purpose: Purpose, parts: &[&[u8]], mac: &[u8]) -> bool;

    /// Encrypts (AES-256-GCM under a fresh nonce); `context` must be the same to decrypt.
    fn seal(&self, kept: Kept, context: &[u8], plain: &[u8]) -> Result<Vec<u8>>;

    /// Decrypts what [`Vault::seal`] made.
    ///
    /// Errors: `Internal` when it was made under another secret or context, or was changed.
    fn open(&self, kept: Kept, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>>;
}

/// The claims of an access token (RFC 9068). Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// Who it is for.
    pub aud: String,
    /// The id of the user.
    pub sub: uuid::Uuid,
    /// The id of the session.
    pub sid: uuid::Uuid,
    /// The id of the token.
    pub jti: uuid::Uuid,
    /// When it was made.
    pub iat: i64,
    /// From when it is good.
    pub nbf: i64,
    /// Until when it is good.
    pub exp: i64,
}

/// Signs and reads access tokens (EdDSA, RFC 8037).
pub trait Signatures: Send + Sync {
    /// A new key pair: the public key (32 bytes) and the private key (PKCS#8).
    fn generate(&self) -> Result<(Vec<u8>, Vec<u8>)>;

    /// Signs claims with a private key in PKCS#8; the header carries `typ` `at+jwt` and the `kid`.
    fn sign(&self, key: &SigningKey, private_key: &[u8], claims: &Claims) -> Result<SecretString>;

    /// The `kid` of a token, unverified: for choosing the key.
    ///
    /// Errors: `BadToken::Invalid` when it is not a JWT of type `at+jwt` signed with EdDSA.
    fn key_id(&self, token: &str) -> Result<uuid::Uuid>;

    /// The claims of a token whose signature fits the public key. Times are the caller's to check.
    ///
    /// Errors: `BadToken::Invalid`.
    fn verify(&self, token: &str, public_key: &[u8]) -> Result<Claims>;
}
