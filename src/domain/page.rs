//! Pages of lists: how many, in which order, from where, and which.

use super::{id::Id, user::User};

/// Which part of a list is asked for.
#[derive(Debug, Clone)]
pub struct PageQuery {
    /// How many items at most: 1 to 200.
    pub limit: i64,
    /// In which order.
    pub order: Order,
    /// Where the page before ended; none for the first page.
    pub after: Option<Cursor>,
}

/// The order of a list. Ties are broken by id, so every order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub key: OrderKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKey {
    /// The time of creation, which is the order of ids.
    CreateTime,
    /// The name or title, without regard to case.
    Name,
}

/// The position of an item in an ordered list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The folded name of the item; empty when ordered by time.
    pub name: String,
    /// The id of the item.
    pub id: uuid::Uuid,
}

/// Some items of a list, and where the next page begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The position of the last item; none on the last page.
    pub next: Option<Cursor>,
}

/// Which accounts are listed. Deleted ones never are.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// In this state.
    pub state: Option<super::user::State>,
    /// The folded username contains this.
    pub username_contains: Option<String>,
    /// The folded display name contains this.
    pub display_name_contains: Option<String>,
}

/// Which rooms are listed. Deleted ones never are.
#[derive(Debug, Clone, Default)]
pub struct RoomFilter {
    /// Public rooms, and rooms that this user is a member of; none sees public rooms only.
    pub visible_to: Option<Id<User>>,
    /// Of this kind.
    pub kind: Option<super::room::Kind>,
    /// Owned by this user.
    pub owner_id: Option<Id<User>>,
    /// The folded name contains this.
    pub name_contains: Option<String>,
}

/// Which streams are listed. Deleted ones never are.
#[derive(Debug, Clone, Default)]
pub struct StreamFilter {
    /// Public streams, and streams that this user owns; none sees public streams only.
    pub visible_to: Option<Id<User>>,
    /// In this state.
    pub state: Option<super::stream::State>,
    /// With this visibility.
    pub visibility: Option<super::stream::Visibility>,
    /// Owned by this user.
    pub owner_id: Option<Id<User>>,
    /// The folded title contains this.
    pub title_contains: Option<String>,
}
