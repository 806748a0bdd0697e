//! Chat rooms: created, found, changed and deleted.

use super::{
    World,
    change::RequestId,
    page::{PageRequest, TokenPage},
};
use crate::{
    domain::{
        Error, Result,
        caller::Caller,
        event::Data,
        id::Id,
        page::RoomFilter,
        permission::Permission,
        resource::{Etag, Meta},
        room::{Change, Draft, Kind, Room},
    },
    port::store::ReadRooms,
};

/// The use cases of rooms.
pub struct RoomService {
    /// What every use case needs.
    pub world: World,
}

const NOT_FOUND: Error = Error::NotFound { resource: "room" };

impl RoomService {
    /// Creates a room that the caller owns.
    ///
    /// # Errors
    /// `RequestIdReused`.
    pub async fn create(
        &self,
        caller: &Caller,
        draft: Draft,
        request: Option<RequestId>,
    ) -> Result<Room> {
        let owner_id = caller.signed_in()?.user_id;
        let (draft, request) = (&draft, request.as_ref());
        let created = self.world.change(caller, |change| {
            Box::pin(async move {
                if let Some(first) = change.replay(request).await? {
                    return Ok(first);
                }
                let room = Room {
                    id: Id::from(self.world.ids.uuid()),
                    name: draft.name.clone(),
                    description: draft.description.clone(),
                    kind: draft.kind,
                    owner_id,
                    member_count: 1,
                    meta: Meta::new(change.now),
                };
                change.tx.insert_room(&room).await?;
                change.audit("room.create", format!("rooms/{}", room.id)).await?;
                change.record(Data::RoomCreated(room.clone())).await?;
                change.remember(request, &room).await?;
                Ok(room)
            })
        });
        created.await
    }

    /// One room that the caller may see.
    ///
    /// # Errors
    /// `NotFound`, for a room that the caller may not see too.
    pub async fn get(&self, caller: &Caller, id: Id<Room>) -> Result<Room> {
        let mut store = self.world.store.read().await?;
        let room = store.find_room(id).await?;
        visible(&mut *store, caller, room).await
    }

    /// A page of the rooms that the caller may see.
    ///
    /// # Errors
    /// `InvalidPageToken`.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: RoomFilter,
        request: &PageRequest,
    ) -> Result<TokenPage<Room>> {
        let filter = RoomFilter { visible_to: caller.user_id(), ..filter };
        let query = self.world.page_query(caller, request)?;
        let page = self.world.store.read().await?.list_rooms(&filter, &query).await?;
        Ok(self.world.token_page(caller, request, page))
    }

    /// Changes a room: one's own, or with `rooms.update_any` any that one may see.
    ///
    /// # Errors
    /// `NotFound`, `NotOwner`, `StaleEtag`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: Id<Room>,
        new: Change,
        etag: Option<Etag>,
    ) -> Result<Room> {
        let (new, etag) = (&new, etag.as_ref());
        let updated = self.world.change(caller, |change| {
            Box::pin(async move {
                let found = change.tx.lock_room(id).await?;
                let mut room = visible(&mut *change.tx, caller, found).await?;
                caller.owns_or_has("room", room.owner_id, Permission::RoomsUpdateAny)?;
                room.meta.check(etag)?;
                let changed = room.apply(new.clone());
                if changed.is_empty() {
                    return Ok(room);
                }
                room.meta.touch(change.now);
                change.tx.update_room(&room).await?;
                change.audit("room.update", format!("rooms/{id}")).await?;
                change.record(Data::RoomUpdated(room.clone(), changed)).await?;
                Ok(room)
            })
        });
        updated.await
    }

    /// Deletes a room: one's own, or with `rooms.delete_any` any that one may see.
    ///
    /// # Errors
    /// `NotFound`, `NotOwner`, `StaleEtag`.
    pub async fn delete(&self, caller: &Caller, id: Id<Room>, etag: Option<Etag>) -> Result<Room> {
        let etag = etag.as_ref();
        let deleted = self.world.change(caller, |change| {
            Box::pin(async move {
                let found = change.tx.lock_room(id).await?;
                let mut room = visible(&mut *change.tx, caller, found).await?;
                caller.owns_or_has("room", room.owner_id, Permission::RoomsDeleteAny)?;
                room.meta.check(etag)?;
                room.meta.delete(change.now);
                change.tx.update_room(&room).await?;
                change.audit("room.delete", format!("rooms/{id}")).await?;
                change.record(Data::RoomDeleted(room.clone())).await?;
                Ok(room)
            })
        });
        deleted.await
    }
}

/// The room, unless it is deleted or private to others.
async fn visible<S: ReadRooms + Send + ?Sized>(
    store: &mut S,
    caller: &Caller,
    room: Option<Room>,
) -> Result<Room> {
    let room = room.filter(|room| room.meta.delete_time.is_none()).ok_or(NOT_FOUND)?;
    let user_id = caller.signed_in()?.user_id;
    if room.kind == Kind::Public
        || room.owner_id == user_id
        || store.is_room_member(room.id, user_id).await?
    {
        return Ok(room);
    }
    Err(NOT_FOUND)
}
