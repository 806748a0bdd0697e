//! What the use cases need of the world, as traits. Adapters implement them; nothing here does anything.

pub mod access;
pub mod backoff;
pub mod bus;
pub mod cache;
pub mod clock;
pub mod coherence;
pub mod crypto;
pub mod limiter;
pub mod mailer;
pub mod presence;
pub mod provider;
pub mod store;
pub mod totp;
pub mod turns;
