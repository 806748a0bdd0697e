//! What happened: recorded in the transaction that made it happen, told to others afterwards.

use super::{
    Timestamp, api_key::ApiKey, id::Id, room::Room, session::EndReason, session::Session,
    stream::Stream, user::User,
};

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// The id: consumers drop one that they have seen.
    pub id: Id<Event>,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it; none for the system.
    pub actor_id: Option<Id<User>>,
    /// The W3C `traceparent` of the call that did it.
    pub trace_parent: Option<String>,
    /// What happened.
    pub data: Data,
}

/// The type of every event there is, as [`Data::event_type`] gives it.
pub const TYPES: [&str; 12] = [
    "user.created",
    "user.updated",
    "user.deleted",
    "user.api_key_created",
    "user.api_key_deleted",
    "session.revoked",
    "room.created",
    "room.updated",
    "room.deleted",
    "stream.created",
    "stream.updated",
    "stream.deleted",
];

/// What happened.
#[derive(Debug, Clone)]
pub enum Data {
    /// An account was made; by `register` or `admin`.
    UserCreated(User, &'static str),
    /// These fields of an account were changed.
    UserUpdated(User, Vec<&'static str>),
    /// An account was deleted.
    UserDeleted(User),
    /// An API key was made that acts for a user.
    ApiKeyCreated(ApiKey),
    /// An API key was deleted.
    ApiKeyDeleted(ApiKey),
    /// Sessions ended before their time.
    SessionRevoked {
        /// Whose.
        user_id: Id<User>,
        /// Which; never empty.
        session_ids: Vec<Id<Session>>,
        /// Why.
        reason: EndReason,
    },
    /// A room was created.
    RoomCreated(Room),
    /// These fields of a room were changed.
    RoomUpdated(Room, Vec<&'static str>),
    /// A room was deleted.
    RoomDeleted(Room),
    /// A stream was created.
    StreamCreated(Stream),
    /// These fields of a stream were changed.
    StreamUpdated(Stream, Vec<&'static str>),
    /// A stream was deleted.
    StreamDeleted(Stream),
}

impl Data {
    /// The type of the event: the subject it is published under.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::UserCreated(..) => "user.created",
            Self::UserUpdated(..) => "user.updated",
            Self::UserDeleted(_) => "user.deleted",
            Self::ApiKeyCreated(_) => "user.api_key_created",
            Self::ApiKeyDeleted(_) => "user.api_key_deleted",
            Self::SessionRevoked { .. } => "session.revoked",
            Self::RoomCreated(_) => "room.created",
            Self::RoomUpdated(..) => "room.updated",
            Self::RoomDeleted(_) => "room.deleted",
            Self::StreamCreated(_) => "stream.created",
            Self::StreamUpdated(..) => "stream.updated",
            Self::StreamDeleted(_) => "stream.deleted",
        }
    }

    /// Whether it ends somebody's access, which must never wait.
    #[must_use]
    pub fn ends_access(&self) -> bool {
        matches!(self, Self::SessionRevoked { .. } | Self::ApiKeyDeleted(_) | Self::UserDeleted(_))
    }

    /// The resource that it happened to, as `rooms/0190...`: events of one resource are delivered in order.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::UserCreated(user, _) | Self::UserUpdated(user, _) | Self::UserDeleted(user) => {
                format!("users/{}", user.id)
            }
            Self::ApiKeyCreated(key) | Self::ApiKeyDeleted(key) => format!("users/{}", key.user_id),
            Self::SessionRevoked { user_id, .. } => format!("users/{user_id}"),
            Self::RoomCreated(room) | Self::RoomUpdated(room, _) | Self::RoomDeleted(room) => {
                format!("rooms/{}", room.id)
            }
            Self::StreamCreated(stream)
            | Self::StreamUpdated(stream, _)
            | Self::StreamDeleted(stream) => format!("streams/{}", stream.id),
        }
    }

    /// The version of the resource after the event; 0 where the event does not change the resource itself.
    #[must_use]
    pub fn aggregate_version(&self) -> i64 {
        match self {
            Self::UserCreated(user, _) | Self::UserUpdated(user, _) | Self::UserDeleted(user) => {
                user.meta.version
            }
            Self::ApiKeyCreated(_) | Self::ApiKeyDeleted(_) | Self::SessionRevoked { .. } => 0,
            Self::RoomCreated(room) | Self::RoomUpdated(room, _) | Self::RoomDeleted(room) => {
                room.meta.version
            }
            Self::StreamCreated(stream)
            | Self::StreamUpdated(stream, _)
            | Self::StreamDeleted(stream) => stream.meta.version,
        }
    }
}

/// Whether a type of event, which has no wildcards, is one of those that a pattern of NATS names: `*` stands for a word,
/// and `>` at the end for one or more.
#[must_use]
pub fn covers(pattern: &str, event_type: &str) -> bool {
    let (mut wanted, mut words) = (pattern.split('.'), event_type.split('.'));
    loop {
        match (wanted.next(), words.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(wanted), Some(word)) if wanted == "*" || wanted == word => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_the_types_that_it_names() {
        for pattern in [">", "user.>", "user.*", "*.created", "*.*", "user.created"] {
            assert!(covers(pattern, "user.created"), "{pattern}");
        }
        for pattern in ["", "user", "*", "room.*", "user.created.*", "user.created.>", "users.>"] {
            assert!(!covers(pattern, "user.created"), "{pattern}");
        }
    }
}
