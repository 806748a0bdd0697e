//! Events on their way to other services: what is published, and what stays true while NATS comes and goes.

mod command;
mod document;
mod loss;
mod outage;
mod published;
mod replicas;
mod start;

use serde_json::{Value, json};

use crate::support::{
    app::Person,
    client::Transport,
    nats, postgres,
    rpc::{CREATE_ROOM, UPDATE_ROOM},
    server::Environment,
};

/// A new and private database of each kind, for servers that publish to this NATS.
async fn on_each_database(nats: &nats::Server) -> [Environment; 2] {
    let publishing = || Environment::new().set("NATS_URL", &nats.url());
    let database = postgres::server().create_database().await;
    let on_postgres = publishing().set("DATABASE_URL", &database);
    let migrated = on_postgres.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    [publishing(), on_postgres]
}

/// Makes a room; its resource name.
async fn make_room(person: &Person, transport: Transport) -> String {
    let room = json!({ "room": { "name": "of events", "type": "ROOM_TYPE_PUBLIC" } });
    let made = person.call(transport, CREATE_ROOM, room).await;
    format!("rooms/{}", text(&made.ok()["room"]["id"]))
}

/// Changes a room so many times.
async fn rename_room(person: &Person, resource: &str, times: usize) {
    let id = resource.strip_prefix("rooms/").unwrap();
    for time in 0..times {
        let room = json!({ "room": { "id": id, "name": format!("name {time}") } });
        person.call(Transport::Grpc, UPDATE_ROOM, room).await.ok();
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
