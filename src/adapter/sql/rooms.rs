//! Rooms and who is in them.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{super::time, Change, Handle, Link, Row, list::List, row};
use crate::adapter::sql::query::Query;
use crate::domain::{
    Error, Result,
    id::Id,
    page::{Cursor, Page, PageQuery, RoomFilter},
    room::{Kind, Room},
    text::{Text, fold},
    user::User,
};
use crate::port::store::{ReadRooms, Rooms};

/// Members are counted, so that the number is right after accounts were purged, too.
macro_rules! room_columns {
    () => {
        "id, name, description, kind, owner_id, version, create_time, update_time, delete_time, \
         purge_time, (SELECT count(*) FROM room_members WHERE room_id = rooms.id) AS member_count"
    };
}

#[async_trait]
impl<L: Link> ReadRooms for Handle<L> {
    async fn find_room(&mut self, id: Id<Room>) -> Result<Option<Room>> {
        let sql = concat!("SELECT ", room_columns!(), " FROM rooms WHERE id = $1");
        let query = sqlx::query(sql).bind(id.uuid());
        Ok(query.try_map(|row| room(&row)).fetch_optional(self.on(Query::FindRoom)).await?)
    }

    async fn is_room_member(&mut self, room: Id<Room>, user: Id<User>) -> Result<bool> {
        let query = sqlx::query("SELECT 1 FROM room_members WHERE room_id = $1 AND user_id = $2");
        let query = query.bind(room.uuid()).bind(user.uuid());
        Ok(query.fetch_optional(self.on(Query::IsRoomMember)).await?.is_some())
    }

    async fn list_rooms(&mut self, filter: &RoomFilter, page: &PageQuery) -> Result<Page<Room>> {
        let select = concat!("SELECT ", room_columns!(), " FROM rooms WHERE delete_time IS NULL");
        List::of(select)
            .visible(
                "kind = 'PUBLIC'",
                ("id IN (SELECT room_id FROM room_members WHERE user_id = ", ")"),
                filter.visible_to.map(Id::uuid),
            )
            .only("kind =", filter.kind.map(Kind::name))
            .only("owner_id =", filter.owner_id.map(Id::uuid))
            .containing("name_folded", filter.name_contains.as_deref())
            .page("name_folded", page, self.on(Query::ListRooms), room, position)
            .await
    }
}

#[async_trait]
impl Rooms for Change {
    async fn insert_room(&mut self, room: &Room) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO rooms (id, name, name_folded, description, kind, owner_id, version, \
             create_time, update_time, delete_time, purge_time) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        );
        query
            .bind(room.id.uuid())
            .bind(&*room.name)
            .bind(fold(&room.name))
            .bind(&*room.description)
            .bind(room.kind.name())
            .bind(room.owner_id.uuid())
            .bind(room.meta.version)
            .bind(time(room.meta.create_time))
            .bind(time(room.meta.update_time))
            .bind(room.meta.delete_time.map(time))
            .bind(room.meta.purge_time.map(time))
            .execute(self.on(Query::InsertRoom))
            .await?;
        let query = sqlx::query(
            "INSERT INTO room_members (room_id, user_id, create_time) VALUES ($1, $2, $3)",
        );
        let query = query.bind(room.id.uuid()).bind(room.owner_id.uuid());
        query.bind(time(room.meta.create_time)).execute(self.on(Query::InsertRoom)).await?;
        Ok(())
    }

    async fn lock_room(&mut self, id: Id<Room>) -> Result<Option<Room>> {
        let sql = concat!("SELECT ", room_columns!(), " FROM rooms WHERE id = $1", for_update!());
        let query = sqlx::query(sql).bind(id.uuid());
        Ok(query.try_map(|row| room(&row)).fetch_optional(self.on(Query::LockRoom)).await?)
    }

    async fn update_room(&mut self, room: &Room) -> Result<()> {
        let query = sqlx::query(
            "UPDATE rooms SET name = $3, name_folded = $4, description = $5, kind = $6, \
             create_time = $7, update_time = $8, delete_time = $9, purge_time = $10, version = $2 \
             WHERE id = $1 AND version = $2 - 1",
        );
        let done = query
            .bind(room.id.uuid())
            .bind(room.meta.version)
            .bind(&*room.name)
            .bind(fold(&room.name))
            .bind(&*room.description)
            .bind(room.kind.name())
            .bind(time(room.meta.create_time))
            .bind(time(room.meta.update_time))
            .bind(room.meta.delete_time.map(time))
            .bind(room.meta.purge_time.map(time))
            .execute(self.on(Query::UpdateRoom))
            .await?;
        if done.rows_affected() == 0 { Err(Error::StaleEtag) } else { Ok(()) }
    }
}

fn room(row: &Row) -> sqlx::Result<Room> {
    Ok(Room {
        id: row::id(row, "id")?,
        name: Text::trusted(row.try_get("name")?),
        description: Text::trusted(row.try_get("description")?),
        kind: row::named(row, "kind", Kind::from_name)?,
        owner_id: row::id(row, "owner_id")?,
        member_count: row.try_get("member_count")?,
        meta: row::meta(row)?,
    })
}

fn position(room: &Room) -> Cursor {
    Cursor { name: fold(&room.name), id: room.id.uuid() }
}
