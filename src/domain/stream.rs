//! Live streams.

use serde::{Deserialize, Serialize};

use super::{
    Timestamp,
    id::Id,
    resource::Meta,
    text::{Name, Text},
    user::{User, replace},
};

/// A channel that somebody broadcasts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The id.
    pub id: Id<Stream>,
    /// Who owns it.
    pub owner_id: Id<User>,
    /// What its owner says of it.
    pub details: Details,
    /// Where it is in its life.
    pub state: State,
    /// Life and version.
    pub meta: Meta,
}

/// What the owner of a stream says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The title.
    pub title: Name<1, 200>,
    /// What it is about.
    pub description: Text<0, 5000>,
    /// Who finds it.
    pub visibility: Visibility,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// When it is meant to begin.
    #[serde(with = "time::serde::rfc3339::option")]
    pub scheduled_start_time: Option<Timestamp>,
}

/// Who finds a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Everyone; it is listed.
    #[default]
    Public,
    /// Everyone who knows its id; it is not listed.
    Unlisted,
    /// Its owner only.
    Private,
}

impl Visibility {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Unlisted, Self::Private];

    /// The name in the store and in filters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Unlisted => "UNLISTED",
            Self::Private => "PRIVATE",
        }
    }

    /// The visibility of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visibility| visibility.name() == name)
    }
}

/// Where a stream is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not broadcasting.
    #[default]
    Idle,
    /// Broadcasting.
    Live,
    /// Over for good.
    Ended,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Idle, Self::Live, Self::Ended];

    /// The name in the store and in filters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Live => "LIVE",
            Self::Ended => "ENDED",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// New values for some details of a stream; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The new title.
    pub title: Option<Name<1, 200>>,
    /// The new description.
    pub description: Option<Text<0, 5000>>,
    /// The new visibility.
    pub visibility: Option<Visibility>,
    /// The new tags.
    pub tags: Option<Vec<String>>,
    /// The new time; `Some(None)` takes it away.
    pub scheduled_start_time: Option<Option<Timestamp>>,
}

impl Stream {
    /// Applies a change and returns the names of the fields whose values differ from before.
    pub fn apply(&mut self, change: Change) -> Vec<&'static str> {
        let mut changed = Vec::new();
        let details = &mut self.details;
        replace(&mut details.title, change.title, "title", &mut changed);
        replace(&mut details.description, change.description, "description", &mut changed);
        replace(&mut details.visibility, change.visibility, "visibility", &mut changed);
        replace(&mut details.tags, change.tags, "tags", &mut changed);
        let start = change.scheduled_start_time;
        replace(&mut details.scheduled_start_time, start, "scheduled_start_time", &mut changed);
        changed
    }
}
