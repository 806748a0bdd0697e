//! The store: repositories read through [`Read`], changed within one [`Tx`].
//!
//! Methods named `find_` may return none, `get_` fail with `NotFound`, `list_` page. Every method may fail with
//! `Unavailable` (the database does not answer) or `Internal`. Deleted resources are found by id, never listed.

mod api_key;
mod attempt;
mod errand;
mod federation;
mod identity;
mod mail;
mod one_time_token;
mod record;
mod room;
mod second_factor;
mod stream;

use std::sync::Arc;

use async_trait::async_trait;

pub use api_key::{ApiKeys, ReadApiKeys};
pub use attempt::{Attempts, ReadAttempts, TallyKey};
pub use errand::{Errands, KeptErrand, ReadErrands};
pub use federation::{Identities, ReadIdentities};
pub use identity::{Keys, ReadKeys, ReadSessions, ReadUsers, Sessions, Users};
pub use mail::{KeptMail, MailStatus, Mails, ReadMails, Settlement};
pub use one_time_token::{KeptToken, OneTimeTokens, ReadOneTimeTokens};
pub use record::{
    Audit, Idempotency, IdempotencyKey, Outbox, OutboxRow, OutboxStatus, Places, Published,
    ReadOutbox, Remembered, Retention,
};
pub use room::{ReadRooms, Rooms};
pub use second_factor::{ReadSecondFactors, RecoveryDigest, SecondFactors};
pub use stream::{ReadStreams, Streams};

use super::coherence::{Following, Memory};
use crate::domain::{Result, error::Race};

/// A database.
#[async_trait]
pub trait Store: Send + Sync {
    /// A connection for reading, without a transaction: every read sees what was committed before it.
    async fn read(&self) -> Result<Box<dyn Read>>;

    /// A transaction. Nothing of it is kept unless it is committed.
    async fn begin(&self) -> Result<Box<dyn Tx>>;

    /// A transaction in place of one that lost a race, after a pause that differs from one loser to the next, so that those
    /// that met do not meet again. `attempt` counts the tries before, from 1.
    async fn begin_again(&self, race: Race, attempt: u32) -> Result<Box<dyn Tx>>;

    /// Hears what others change in the database, and tells `memory`.
    fn follow(&self, memory: Arc<dyn Memory>) -> Following;

    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;

    /// Lets go of every connection, after the work under way.
    async fn close(&self);
}

/// Everything that can be read.
pub trait Read:
    ReadUsers
    + ReadSessions
    + ReadKeys
    + ReadApiKeys
    + ReadAttempts
    + ReadIdentities
    + ReadMails
    + ReadOneTimeTokens
    + ReadErrands
    + ReadSecondFactors
    + ReadRooms
    + ReadStreams
    + ReadOutbox
    + Send
{
}

/// Everything that can be read and changed, all of it or nothing. After `Taken` and `StaleEtag` it can go on; after any
/// other error it can only be rolled back. Every method may also fail with `LostRace`.
#[async_trait]
pub trait Tx:
    Read
    + Users
    + Sessions
    + Keys
    + ApiKeys
    + Attempts
    + Identities
    + Mails
    + OneTimeTokens
    + Errands
    + SecondFactors
    + Rooms
    + Streams
    + Outbox
    + Audit
    + Idempotency
    + Retention
{
    /// Keeps the changes: when it returns they survive a crash.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Drops the changes and frees the connection at once; merely dropping the transaction does it later.
    async fn rollback(self: Box<Self>) -> Result<()>;
}
