//! Chat rooms.

use serde::{Deserialize, Serialize};

use super::{
    id::Id,
    resource::Meta,
    text::{Name, Text},
    user::{User, replace},
};

/// A place where people write to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The id.
    pub id: Id<Room>,
    /// The name.
    pub name: Name<1, 100>,
    /// What it is about.
    pub description: Text<0, 1000>,
    /// Who finds it.
    pub kind: Kind,
    /// Who owns it.
    pub owner_id: Id<User>,
    /// How many members it has.
    pub member_count: i64,
    /// Life and version.
    pub meta: Meta,
}

/// Who finds a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Everyone.
    #[default]
    Public,
    /// Members only.
    Private,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Public, Self::Private];

    /// The name in the store and in filters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a new room is given.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The name.
    pub name: Name<1, 100>,
    /// What it is about.
    pub description: Text<0, 1000>,
    /// Who finds it.
    pub kind: Kind,
}

/// New values for some fields of a room; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The new name.
    pub name: Option<Name<1, 100>>,
    /// The new description.
    pub description: Option<Text<0, 1000>>,
    /// The new kind.
    pub kind: Option<Kind>,
}

impl Room {
    /// Applies a change and returns the names of the fields whose values differ from before.
    pub fn apply(&mut self, change: Change) -> Vec<&'static str> {
        let mut changed = Vec::new();
        replace(&mut self.name, change.name, "name", &mut changed);
        replace(&mut self.description, change.description, "description", &mut changed);
        replace(&mut self.kind, change.kind, "type", &mut changed);
        changed
    }
}
