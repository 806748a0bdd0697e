//! Whether people are asked to show that an e-mail address is theirs.

/// What is asked of whoever signs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Nothing, unless they ask for it themselves.
    Off,
    /// They are sent a link, and may follow it.
    Optional,
    /// Nobody has an account before they have followed the link.
    Required,
}
