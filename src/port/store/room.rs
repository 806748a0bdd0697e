//! Rooms in the store.

use async_trait::async_trait;

use crate::domain::{
    Result,
    id::Id,
    page::{Page, PageQuery, RoomFilter},
    room::Room,
    user::User,
};

/// Reads rooms.
#[async_trait]
pub trait ReadRooms {
    /// The room with this id, deleted or not.
    async fn find_room(&mut self, id: Id<Room>) -> Result<Option<Room>>;

    /// Whether the user is a member of the room.
    async fn is_room_member(&mut self, room: Id<Room>, user: Id<User>) -> Result<bool>;

    /// A page of the rooms that are not deleted.
    async fn list_rooms(&mut self, filter: &RoomFilter, page: &PageQuery) -> Result<Page<Room>>;
}

/// Changes rooms.
#[async_trait]
pub trait Rooms: ReadRooms {
    /// Adds a room with its owner as its only member.
    async fn insert_room(&mut self, room: &Room) -> Result<()>;

    /// The room with this id, deleted or not; nobody else changes it before this transaction ends.
    async fn lock_room(&mut self, id: Id<Room>) -> Result<Option<Room>>;

    /// Writes every field but owner and member count.
    ///
    /// Errors: `StaleEtag` when the stored version is not the one before.
    async fn update_room(&mut self, room: &Room) -> Result<()>;
}
