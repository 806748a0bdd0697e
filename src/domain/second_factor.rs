//! Second factors: what people show beside their password.

/// What will do as a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A code of an app that knows the seed and the time (RFC 6238).
    Totp,
    /// One of the codes that were written down in case the app is lost; each is good once.
    RecoveryCode,
}
