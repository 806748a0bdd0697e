//! The audit log: who did what, to what, from where, and how it went.

use super::{Timestamp, caller::Caller, id::Id, reason::Reason, user::User};

/// One line of the audit log. Lines are added and never changed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The id.
    pub id: Id<Entry>,
    /// When.
    pub time: Timestamp,
    /// Who and from where.
    pub caller: Caller,
    /// Who did it; none when nobody is known.
    pub actor_id: Option<Id<User>>,
    /// What, as `room.update`.
    pub action: &'static str,
    /// To what, as `rooms/0190...`.
    pub resource: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How an audited action went; where it did not, with the reason that the answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// The caller may not do it.
    Denied(Reason),
    /// It failed.
    Failure(Reason),
}

impl Outcome {
    /// The name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Denied(_) => "DENIED",
            Self::Failure(_) => "FAILURE",
        }
    }

    /// The reason; empty for a success.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Success => "",
            Self::Denied(reason) | Self::Failure(reason) => reason.name(),
        }
    }
}
