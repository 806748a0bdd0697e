//! The use cases, one file per aggregate: they know no transport and no database. The caller is their first argument.

pub mod access;
pub mod admission;
pub mod api_key;
pub mod attendance;
pub mod auth;
pub mod change;
mod device;
pub mod errand;
pub mod guard;
mod identity;
pub mod keyring;
pub mod mail;
pub mod memory;
pub mod oauth;
pub mod one_time_token;
pub mod outbox;
pub mod page;
pub mod password;
pub mod recovery;
pub mod refresh_token;
pub mod revocation;
pub mod role;
pub mod room;
pub mod second_factor;
pub mod session;
mod sign_up;
pub mod stream;
pub mod token;
pub mod user;
pub mod verification;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use self::{mail::Mails, revocation::Subscribers};

use crate::domain::audit::Outcome;
use crate::port::{
    bus::Relay,
    clock::{Clock, Ids},
    crypto::Vault,
    store::Store,
};

/// What every use case needs.
#[derive(Clone)]
pub struct World {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// Keys derived from the server's secret.
    pub vault: Arc<dyn Vault>,
    /// Whoever carries events on.
    pub relay: Arc<dyn Relay>,
    /// Writes to people.
    pub mails: Arc<Mails>,
    /// Who is told of what ends or changes access, after the commit: none where the store announces it.
    pub told: Option<Arc<Subscribers>>,
    /// Counts what was added to the audit log, after the commit.
    pub audited: Arc<dyn Fn(&'static str, Outcome) + Send + Sync>,
    /// Commits under way: they end even when whoever asked for them is gone.
    pub commits: TaskTracker,
}
