//! `veza.chat.v1.ChatService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    convert,
    filter::{self, Grammar, Operator},
    input::Input,
    mask::Mask,
    page,
    proto::chat::v1::{self as proto, chat_service_server},
};
use crate::{
    domain::{
        Error, Result,
        id::Id,
        page::RoomFilter,
        resource::Etag,
        room::{Change, Draft, Kind, Room},
        text::{Text, fold},
    },
    service::room::RoomService,
};

/// The fields of a room that a client can change.
const MUTABLE: [&str; 3] = ["name", "description", "type"];

/// The fields of a room that only the server sets.
const OUTPUT_ONLY: [&str; 4] = ["id", "owner_id", "member_count", "meta"];

/// What the list of rooms can be filtered by.
const FILTER: Grammar =
    Grammar { terms: r#"`type = "PUBLIC"`, `owner_id = "ID"` and `name : "games"`"# };

/// The service.
pub struct Rooms {
    /// The use cases.
    pub service: Arc<RoomService>,
}

#[tonic::async_trait]
impl chat_service_server::ChatService for Rooms {
    async fn list_rooms(
        &self,
        request: Request<proto::ListRoomsRequest>,
    ) -> Result<Response<proto::ListRoomsResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let (size, token) = (message.page_size, message.page_token);
        let page = page::request(size, token, &message.filter, &message.order_by, "name")?;
        let page = self.service.list(&caller, read_filter(&message.filter)?, &page).await?;
        let rooms = page.items.iter().map(show).collect();
        Ok(Response::new(proto::ListRoomsResponse { rooms, next_page_token: page.next_token }))
    }

    async fn create_room(
        &self,
        request: Request<proto::CreateRoomRequest>,
    ) -> Result<Response<proto::CreateRoomResponse>, Status> {
        let mut input = Input::of(request)?;
        let request_id = input.request_id(|message| &mut message.request_id)?;
        let Input { caller, message, .. } = input;
        let draft = read_draft(message.room.unwrap_or_default())?;
        let room = self.service.create(&caller, draft, request_id).await?;
        Ok(Response::new(proto::CreateRoomResponse { room: Some(show(&room)) }))
    }

    async fn get_room(
        &self,
        request: Request<proto::GetRoomRequest>,
    ) -> Result<Response<proto::GetRoomResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let room = self.service.get(&caller, Id::parse("id", &message.id)?).await?;
        Ok(Response::new(proto::GetRoomResponse { room: Some(show(&room)) }))
    }

    async fn update_room(
        &self,
        request: Request<proto::UpdateRoomRequest>,
    ) -> Result<Response<proto::UpdateRoomResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let room = message.room.unwrap_or_default();
        let id = Id::parse("room.id", &room.id)?;
        let mask = Mask::parse(message.update_mask, &MUTABLE, &OUTPUT_ONLY)?;
        let change = read_change(room, &mask)?;
        let room = self.service.update(&caller, id, change, Etag::parse(message.etag)).await?;
        Ok(Response::new(proto::UpdateRoomResponse { room: Some(show(&room)) }))
    }

    async fn delete_room(
        &self,
        request: Request<proto::DeleteRoomRequest>,
    ) -> Result<Response<proto::DeleteRoomResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let id = Id::parse("id", &message.id)?;
        let room = self.service.delete(&caller, id, Etag::parse(message.etag)).await?;
        Ok(Response::new(proto::DeleteRoomResponse { room: Some(show(&room)) }))
    }
}

/// The room on the wire.
pub(super) fn show(room: &Room) -> proto::Room {
    proto::Room {
        id: room.id.to_string(),
        name: room.name.to_string(),
        description: room.description.to_string(),
        r#type: match room.kind {
            Kind::Public => proto::RoomType::Public,
            Kind::Private => proto::RoomType::Private,
        }
        .into(),
        owner_id: room.owner_id.to_string(),
        member_count: i32::try_from(room.member_count).unwrap_or(i32::MAX),
        meta: Some(convert::meta(&room.meta)),
    }
}

fn read_kind(number: i32) -> Kind {
    // The field rules refuse numbers that are not declared.
    match proto::RoomType::try_from(number) {
        Ok(proto::RoomType::Private) => Kind::Private,
        _ => Kind::Public,
    }
}

fn read_draft(room: proto::Room) -> Result<Draft> {
    Ok(Draft {
        name: Text::parse("room.name", room.name)?,
        description: Text::parse("room.description", room.description)?,
        kind: read_kind(room.r#type),
    })
}

fn read_change(room: proto::Room, mask: &Mask) -> Result<Change> {
    Ok(Change {
        name: mask
            .take("name", room.name)
            .map(|text| Text::parse("room.name", text))
            .transpose()?,
        description: mask
            .take("description", room.description)
            .map(|text| Text::parse("room.description", text))
            .transpose()?,
        // What is not given stays: a private room must not become public by omission.
        kind: mask.take("type", room.r#type).filter(|number| *number != 0).map(read_kind),
    })
}

fn read_filter(text: &str) -> Result<RoomFilter, Error> {
    let mut filter = RoomFilter::default();
    for term in FILTER.read(text)? {
        match (term.field.as_str(), term.operator) {
            ("type", Operator::Equals) => {
                filter.kind = Some(filter::choice(&term, &Kind::ALL, Kind::name)?);
            }
            ("owner_id", Operator::Equals) => {
                filter.owner_id = Some(Id::parse("filter", &term.value)?);
            }
            ("name", Operator::Has) => filter.name_contains = Some(fold(&term.value)),
            _ => return Err(FILTER.unknown(&term)),
        }
    }
    Ok(filter)
}
