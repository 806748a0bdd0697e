//! Tries to guess a secret, in the store.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::domain::{Result, Timestamp, attempt::Tally};

/// Under which a tally is kept: a message authentication code of what it is about.
pub type TallyKey = [u8; 32];

/// Reads what is remembered of tries.
#[async_trait]
pub trait ReadAttempts {
    /// Those of these tallies that have not expired.
    async fn find_tallies(
        &mut self,
        keys: &[TallyKey],
        now: Timestamp,
    ) -> Result<HashMap<TallyKey, Tally>>;
}

/// Changes what is remembered of tries.
#[async_trait]
pub trait Attempts: ReadAttempts {
    /// As [`ReadAttempts::find_tallies`], and nobody else locks one of them, whether it is there or not, before this
    /// transaction ends; two that want the same ones do not wait for each other.
    async fn lock_tallies(
        &mut self,
        keys: &[TallyKey],
        now: Timestamp,
    ) -> Result<HashMap<TallyKey, Tally>>;

    /// Writes tallies, none or several, each with another key.
    async fn keep_tallies(&mut self, tallies: &[(TallyKey, Tally)]) -> Result<()>;
}
