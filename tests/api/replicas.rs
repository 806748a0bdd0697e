//! Several servers on one database: whatever one of them was told, the others know.

use serde_json::json;

use crate::support::{
    client::{Call, Transport},
    replicas::Replicas,
    rpc::{CREATE_ROOM, GET_ME, GET_ROOM},
};

#[tokio::test]
async fn a_session_that_was_begun_on_one_replica_is_good_on_every_other_at_once() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for transport in Transport::ALL {
        let ann = a.user("ann").await;
        let room = json!({ "room": { "name": "of all", "type": "ROOM_TYPE_PUBLIC" } });
        let made = ann.at(b).call(transport, CREATE_ROOM, room).await;
        let get = Call::to(GET_ROOM, json!({ "id": made.ok()["room"]["id"] }));
        assert_eq!(ann.send(transport, get).await.ok()["room"]["name"], "of all");
    }
}

#[tokio::test]
async fn what_a_replica_acknowledged_is_there_when_it_has_left_and_another_has_come() {
    let mut replicas = Replicas::start(2).await;
    let ann = replicas.apps[0].user("ann").await;
    replicas.leave(0);
    let place = replicas.join();
    for app in [&replicas.apps[0], &replicas.apps[place]] {
        let me = ann.at(app).everywhere(Call::to(GET_ME, json!({}))).await;
        assert_eq!(me.ok()["user"]["id"], ann.id.as_str());
    }
}
