//! Authenticator apps: the codes that they show, and how one is set up.

use std::ops::RangeInclusive;

use secrecy::SecretString;

use crate::domain::Result;

/// Knows what apps show that share a seed with us (TOTP, RFC 6238: HMAC-SHA-1, six digits, 30 seconds).
pub trait Totp: Send + Sync {
    /// The first of these steps whose code this is; none when it is the code of none of them.
    fn find_step(
        &self,
        seed: &[u8],
        code: &SecretString,
        steps: RangeInclusive<i64>,
    ) -> Option<i64>;

    /// What an app needs to show the codes of a seed for the account of this name.
    fn setup(&self, seed: &[u8], account: &str) -> Result<Setup>;
}

/// What an app needs, in the forms that people can give it.
#[derive(Debug)]
pub struct Setup {
    /// The seed in base 32 (RFC 4648), to be typed in.
    pub secret: SecretString,
    /// The seed with all else that matters, as a link that apps open.
    pub uri: SecretString,
    /// The link as a QR code, an SVG image.
    pub qr_svg: SecretString,
}
