//! Mails in the store.

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{
    Result, Timestamp,
    id::Id,
    mail::{Mail, State},
    text::Email,
    user::User,
};

/// A mail as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMail {
    /// The id.
    pub id: Id<Mail>,
    /// Whose account it is about.
    pub user_id: Id<User>,
    /// What it is about, as `reset_password`.
    pub kind: String,
    /// Where it goes.
    pub recipient: Email,
    /// What it says, encrypted; none when nobody needs it any more.
    pub sealed_letter: Option<Vec<u8>>,
    /// What has become of it.
    pub state: State,
    /// When it was recorded.
    pub record_time: Timestamp,
    /// When it is no longer worth sending.
    pub expire_time: Timestamp,
    /// When nothing is known of it any more.
    pub purge_time: Timestamp,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// Why it failed the last time; empty when it did not.
    pub error: String,
    /// When it came to its end, if it has.
    pub end_time: Option<Timestamp>,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailStatus {
    /// The mails that are not sent yet.
    pub pending: i64,
    /// Those of them that can be claimed now.
    pub due: i64,
    /// The letters of mails that have expired.
    pub overdue: i64,
    /// When the one that is not sent yet for the longest time was recorded, if there is one.
    pub oldest: Option<Timestamp>,
}

/// What became of a mail that was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It came to its end.
    Ended {
        /// `Sent`, `Logged` or `Failed`.
        state: State,
        /// Why it failed; empty when it did not.
        error: String,
        /// Whether what it says is kept until it expires.
        keeps_letter: bool,
    },
    /// It is tried again at this time, with one more attempt counted.
    Postponed {
        /// The lease that it was claimed under; whoever has claimed it since keeps it.
        lease: Uuid,
        /// When.
        due: Timestamp,
        /// Why.
        error: String,
    },
    /// It was not tried, and is due at once.
    Untried {
        /// The lease that it was claimed under; whoever has claimed it since keeps it.
        lease: Uuid,
    },
}

/// Reads mails.
#[async_trait]
pub trait ReadMails {
    /// How much there is to do.
    async fn mail_status(&mut self, now: Timestamp) -> Result<MailStatus>;

    /// The newest mails, newest first.
    async fn list_mails(&mut self, limit: i64) -> Result<Vec<KeptMail>>;

    /// How many mails of this kind were recorded for an account since then.
    async fn count_mails(&mut self, user: Id<User>, kind: &str, since: Timestamp) -> Result<i64>;
}

/// Changes mails.
#[async_trait]
pub trait Mails: ReadMails {
    /// Records a mail; it is due at once.
    async fn insert_mail(&mut self, mail: &KeptMail) -> Result<()>;

    /// Takes up to `limit` mails that are due and have not expired, those first that have waited longest, and leases them
    /// until `until`.
    async fn claim_mails(
        &mut self,
        lease: Uuid,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<KeptMail>>;

    /// Lets a lease last until `until` for what is still claimed under it and not settled.
    async fn renew_mails(&mut self, lease: Uuid, until: Timestamp) -> Result<()>;

    /// Notes what became of a mail. That it was sent is noted whoever has it claimed by now.
    async fn settle_mail(
        &mut self,
        id: Id<Mail>,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<()>;

    /// Ends mails that have expired and that nobody has claimed, and drops the letters of those that were kept for the
    /// log. How many were not sent.
    async fn expire_mails(&mut self, now: Timestamp) -> Result<u64>;
}
