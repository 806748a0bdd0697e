//! What rooms and streams have in common, so that one test can speak of both.

use serde_json::{Value, json};

use crate::support::{
    app::{Person, text},
    client::{Call, Transport},
    rpc,
};

/// A kind of resource that people own.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The field that has one of them, as `room`.
    pub one: &'static str,
    /// The field that has many of them, as `rooms`.
    pub many: &'static str,
    /// The field with its name.
    pub name: &'static str,
    /// The field that says who finds it, with the values for everyone and for its owner.
    pub visibility: (&'static str, &'static str, &'static str),
    /// The longest name.
    pub name_length_max: usize,
    pub create: &'static str,
    pub get: &'static str,
    pub list: &'static str,
    pub update: &'static str,
    pub delete: &'static str,
}

pub const ROOM: Kind = Kind {
    one: "room",
    many: "rooms",
    name: "name",
    visibility: ("type", "ROOM_TYPE_PUBLIC", "ROOM_TYPE_PRIVATE"),
    name_length_max: 100,
    create: rpc::CREATE_ROOM,
    get: rpc::GET_ROOM,
    list: rpc::LIST_ROOMS,
    update: rpc::UPDATE_ROOM,
    delete: rpc::DELETE_ROOM,
};

pub const STREAM: Kind = Kind {
    one: "stream",
    many: "streams",
    name: "title",
    visibility: ("visibility", "STREAM_VISIBILITY_PUBLIC", "STREAM_VISIBILITY_PRIVATE"),
    name_length_max: 200,
    create: rpc::CREATE_STREAM,
    get: rpc::GET_STREAM,
    list: rpc::LIST_STREAMS,
    update: rpc::UPDATE_STREAM,
    delete: rpc::DELETE_STREAM,
};

pub const KINDS: [Kind; 2] = [ROOM, STREAM];

impl Kind {
    /// A request for a new one with this name, which everyone finds.
    pub fn draft(&self, name: &str) -> Value {
        json!({ self.one: { self.name: name, "description": "first" } })
    }

    /// A request for a new one that only its owner finds.
    pub fn private_draft(&self, name: &str) -> Value {
        let (field, _, private) = self.visibility;
        json!({ self.one: { self.name: name, field: private } })
    }

    /// A new one, as the answer to its creation has it.
    pub async fn created(&self, owner: &Person, request: Value) -> Value {
        owner.call(Transport::Grpc, self.create, request).await.ok()[self.one].clone()
    }

    /// The id of a new one that everyone finds.
    pub async fn public(&self, owner: &Person) -> String {
        text(&self.created(owner, self.draft("everyone's")).await["id"])
    }

    /// The id of a new one that only its owner finds.
    pub async fn private(&self, owner: &Person) -> String {
        text(&self.created(owner, self.private_draft("mine")).await["id"])
    }

    /// A call that reads one.
    pub fn get(&self, id: &str) -> Call {
        Call::to(self.get, json!({ "id": id }))
    }

    /// A call that lists those of an owner.
    pub fn list_of(&self, owner: &Person) -> Call {
        Call::to(self.list, json!({ "filter": format!("owner_id = \"{}\"", owner.id) }))
    }

    /// A call that gives one a new name.
    pub fn rename(&self, id: &str, name: &str) -> Call {
        Call::to(self.update, json!({ self.one: { "id": id, self.name: name } }))
    }

    /// A call that deletes one.
    pub fn delete(&self, id: &str) -> Call {
        Call::to(self.delete, json!({ "id": id }))
    }

    /// One as it is now.
    pub async fn current(&self, reader: &Person, id: &str) -> Value {
        reader.send(Transport::Grpc, self.get(id)).await.ok()[self.one].clone()
    }

    /// How many an owner has.
    pub async fn count(&self, owner: &Person) -> usize {
        let reply = owner.send(Transport::Grpc, self.list_of(owner)).await;
        reply.ok()[self.many].as_array().map_or(0, Vec::len)
    }
}
