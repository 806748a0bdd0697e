//! What other services read.

use std::collections::BTreeSet;

use super::{make_room, on_each_database, rename_room, text};
use crate::support::{
    app::App,
    client::{Call, Transport},
    nats::{self, Published},
    rpc::CREATE_ROOM,
};

use serde_json::json;

#[tokio::test]
async fn a_change_over_each_transport_is_published_once_as_the_contract_says() {
    let nats = nats::Server::start();
    let mut count = 0;
    for environment in on_each_database(&nats).await {
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        count += 1;
        for transport in Transport::ALL {
            let room = make_room(&ann, transport).await;
            count += 1;
            let published = nats.published(count).await;
            assert_eq!(published.len() as u64, count);
            let last = published.last().unwrap();
            assert_eq!(last.subject, "room.created");
            assert_eq!(last.event["type"], "room.created");
            assert_eq!(last.resource(), room);
            assert_eq!(last.event["source"], "veza");
            assert_eq!(last.event["actorId"], ann.id.as_str());
            assert_eq!(last.event["aggregateVersion"], "1");
            assert_eq!(last.event["roomCreated"]["room"]["name"], "of events");
            assert_eq!(last.headers["Nats-Msg-Id"], last.id());
            let content_type = "application/protobuf; proto=veza.event.v1.Event";
            assert_eq!(last.headers["content-type"], content_type);
        }
    }
    let published = nats.published(count).await;
    let ids: BTreeSet<_> = published.iter().map(Published::id).collect();
    assert_eq!(ids.len(), published.len());
}

#[tokio::test]
async fn the_trace_of_a_call_goes_on_in_its_event() {
    let nats = nats::Server::start();
    let [environment, _] = on_each_database(&nats).await;
    let app = App::alone(environment);
    let ann = app.user("ann").await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let call =
        Call::to(CREATE_ROOM, json!({ "room": { "name": "traced", "type": "ROOM_TYPE_PUBLIC" } }))
            .header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"));
    ann.send(Transport::Grpc, call).await.ok();
    let published = nats.published(2).await;
    let traced = &published[1].headers["traceparent"];
    assert!(traced.starts_with(&format!("00-{trace}-")), "{traced}");
    assert_eq!(published[1].event["traceParent"], traced.as_str());
}

#[tokio::test]
async fn events_of_one_resource_keep_their_order() {
    let nats = nats::Server::start();
    let mut count = 0;
    for environment in on_each_database(&nats).await {
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        let rooms =
            [make_room(&ann, Transport::Grpc).await, make_room(&ann, Transport::Rest).await];
        tokio::join!(rename_room(&ann, &rooms[0], 30), rename_room(&ann, &rooms[1], 30));
        count += 63;
        let published = nats.published(count).await;
        for room in &rooms {
            let of_room = published.iter().filter(|event| event.resource() == room);
            let versions: Vec<i64> = of_room
                .map(|event| text(&event.event["aggregateVersion"]).parse().unwrap())
                .collect();
            assert_eq!(versions, (1..=31).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn the_oldest_supported_release_takes_events() {
    let Some(nats) = nats::Server::oldest() else {
        println!("skipped: NATS 2.9 is not in target/tools; make tools");
        return;
    };
    let [environment, _] = on_each_database(&nats).await;
    let app = App::alone(environment);
    let ann = app.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;
    let published = nats.published(2).await;
    assert_eq!(published[1].resource(), room);
    nats.tell("crash");
    rename_room(&ann, &room, 1).await;
    nats.tell("start");
    let published = nats.published(3).await;
    assert_eq!(published[2].subject, "room.updated");
}
