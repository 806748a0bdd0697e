//! The keys that access tokens are signed with.

use super::{Timestamp, id::Id};

/// An Ed25519 key pair (RFC 8032) as it is stored.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// The id: the `kid` of the tokens signed with it.
    pub id: Id<SigningKey>,
    /// The public key, 32 bytes.
    pub public_key: Vec<u8>,
    /// The private key in PKCS#8, encrypted.
    pub sealed_private_key: Vec<u8>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it begins to sign: later than it is published, so that every verifier knows it by then.
    pub activate_time: Timestamp,
    /// When tokens signed with it are no longer accepted.
    pub retire_time: Timestamp,
}
