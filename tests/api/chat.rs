//! What rooms have for themselves.

use serde_json::json;

use crate::{
    kind::ROOM,
    support::{
        app::App,
        client::{Call, Transport},
        rpc::{CREATE_ROOM, LIST_ROOMS, UPDATE_ROOM},
    },
};

#[tokio::test]
async fn the_creator_of_a_room_is_its_first_member() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in Transport::ALL {
        let reply = ann.call(transport, CREATE_ROOM, ROOM.draft("ours")).await;
        let room = &reply.ok()["room"];
        assert_eq!((&room["memberCount"], &room["ownerId"]), (&json!(1), &json!(ann.id)));
    }
}

#[tokio::test]
async fn a_room_has_the_owner_and_the_id_that_the_server_gives_it() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let forged = json!({ "name": "ours", "ownerId": bob.id, "id": bob.id, "memberCount": 99 });
    for transport in Transport::ALL {
        let reply = ann.call(transport, CREATE_ROOM, json!({ "room": forged })).await;
        let room = &reply.ok()["room"];
        assert_eq!((&room["memberCount"], &room["ownerId"]), (&json!(1), &json!(ann.id)));
        assert_ne!(room["id"], bob.id.as_str());
    }
}

#[tokio::test]
async fn rooms_are_found_by_their_type() {
    let app = App::start();
    let ann = app.user("ann").await;
    ROOM.public(&ann).await;
    ROOM.private(&ann).await;
    for (kind, name) in [("PUBLIC", "everyone's"), ("PRIVATE", "mine")] {
        let filter = format!("type = \"{kind}\" AND owner_id = \"{}\"", ann.id);
        let reply = ann.everywhere(Call::to(LIST_ROOMS, json!({ "filter": filter }))).await;
        let rooms = reply.ok()["rooms"].as_array().unwrap();
        assert_eq!(rooms.iter().map(|room| &room["name"]).collect::<Vec<_>>(), [name]);
    }
}

#[tokio::test]
async fn a_room_cannot_lose_its_name() {
    let app = App::start();
    let ann = app.user("ann").await;
    let id = ROOM.public(&ann).await;
    let request = json!({ "room": { "id": id }, "updateMask": "name" });
    ann.everywhere(Call::to(UPDATE_ROOM, request)).await.invalid("room.name");
    assert_eq!(ROOM.current(&ann, &id).await["name"], "everyone's");
}
