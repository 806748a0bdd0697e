//! Errands in the store.

use async_trait::async_trait;

use crate::domain::{Result, Timestamp, errand::Errand, id::Id};

/// An errand as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptErrand {
    /// The id.
    pub id: Id<Errand>,
    /// What is to be done for whom, encrypted.
    pub sealed_slip: Vec<u8>,
    /// When it was recorded.
    pub record_time: Timestamp,
    /// When it is no longer worth doing.
    pub expire_time: Timestamp,
}

/// Reads errands.
#[async_trait]
pub trait ReadErrands {
    /// Up to `limit` errands that have not expired, those first that have waited longest.
    async fn list_errands(&mut self, now: Timestamp, limit: i64) -> Result<Vec<KeptErrand>>;
}

/// Changes errands.
#[async_trait]
pub trait Errands: ReadErrands {
    /// Records an errand.
    async fn insert_errand(&mut self, errand: &KeptErrand) -> Result<()>;

    /// Takes an errand away, in one statement; whether it was there: of several that want to do it one gets it.
    async fn take_errand(&mut self, id: Id<Errand>) -> Result<bool>;
}
