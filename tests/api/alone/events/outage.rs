//! NATS that comes and goes.

use std::collections::BTreeSet;

use async_nats::jetstream::stream;
use serde_json::json;

use super::{make_room, on_each_database, rename_room, text};
use crate::support::{
    app::App,
    client::Transport,
    nats::{self, Published},
    rpc::UPDATE_ROOM,
    server::Environment,
};

const UP: &str = "veza_dependency_up{dependency=\"nats\"}";
const PENDING: &str = "veza_outbox_pending";

#[tokio::test]
async fn while_nats_is_away_changes_are_made_and_afterwards_their_events_arrive_in_order() {
    let nats = nats::Server::start();
    let mut count = 0;
    for environment in on_each_database(&nats).await {
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        let room = make_room(&ann, Transport::Grpc).await;
        count += 2;
        nats.published(count).await;

        nats.tell("crash");
        app.until_metric(UP, 0.0).await;
        rename_room(&ann, &room, 5).await;
        app.until_metric(PENDING, 5.0).await;

        nats.tell("start");
        count += 5;
        let published = nats.published(count).await;
        assert_eq!(published.len() as u64, count);
        let of_room = published.iter().filter(|event| event.resource() == room);
        let versions: Vec<_> =
            of_room.map(|event| text(&event.event["aggregateVersion"])).collect();
        assert_eq!(versions, ["1", "2", "3", "4", "5", "6"]);
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(app.metric(UP).await, Some(1.0));
        assert_eq!(app.get("/ready").await.status, 200);
    }
}

#[tokio::test]
async fn a_server_starts_without_nats_and_publishes_once_it_is_there() {
    let nats = nats::Server::start();
    nats.tell("crash");
    let app = App::alone(Environment::new().set("NATS_URL", &nats.url()));
    let warned = app.server.log.find(|line| (line["event"] == "nats_down").then(|| line.clone()));
    let warned = warned.unwrap();
    assert_eq!(warned["level"], "warn");
    let address = nats.url().replace("nats://", "");
    assert!(text(&warned["error"]).contains(&address), "{warned}");
    app.until_metric(UP, 0.0).await;
    let ann = app.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;

    nats.tell("start");
    let published = nats.published(2).await;
    assert_eq!(published[1].resource(), room);
    app.until_metric(UP, 1.0).await;
}

#[tokio::test]
async fn a_nats_that_stands_still_holds_up_no_change_and_gets_the_events_later() {
    let nats = nats::Server::start();
    let [environment, _] = on_each_database(&nats).await;
    let app = App::alone(environment);
    let ann = app.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;
    nats.published(2).await;
    nats.tell("pause");
    rename_room(&ann, &room, 5).await;
    app.until_metric(UP, 0.0).await;
    nats.tell("resume");
    let published = nats.published(7).await;
    let of_room = published.iter().filter(|event| event.resource() == room);
    let versions: Vec<_> = of_room.map(|event| text(&event.event["aggregateVersion"])).collect();
    assert_eq!(versions, ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_made_again_with_what_it_had() {
    let nats = nats::Server::start();
    let [environment, _] = on_each_database(&nats).await;
    let app = App::alone(environment);
    let ann = app.user("ann").await;
    nats.published(1).await;
    let context = async_nats::jetstream::new(nats.client().await);
    context.delete_stream("VEZA").await.unwrap();
    let room = make_room(&ann, Transport::Grpc).await;
    let published = nats.published(2).await;
    let resources: BTreeSet<_> = published.iter().map(Published::resource).collect();
    assert_eq!(resources, BTreeSet::from([&*format!("users/{}", ann.id), &*room]));
}

#[tokio::test]
async fn an_event_that_the_stream_refuses_is_named_and_holds_up_its_resource_alone() {
    let nats = nats::Server::start();
    let context = async_nats::jetstream::new(nats.client().await);
    let mut config = stream::Config {
        name: "VEZA".to_owned(),
        subjects: ["user.*", "session.*", "room.*", "message.*", "stream.*"]
            .map(str::to_owned)
            .to_vec(),
        max_message_size: 1024,
        ..stream::Config::default()
    };
    context.create_stream(config.clone()).await.unwrap();
    for (before, environment) in (0..).step_by(5).zip(on_each_database(&nats).await) {
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        let [large, small] =
            [make_room(&ann, Transport::Grpc).await, make_room(&ann, Transport::Grpc).await];
        nats.published(before + 3).await;
        let id = large.strip_prefix("rooms/").unwrap();
        let update = json!({ "room": { "id": id, "description": "x".repeat(1000) } });
        ann.call(Transport::Grpc, UPDATE_ROOM, update).await.ok();
        let named = app.server.log.find(|line| {
            (line["event"] == "relay_failed" && line["resource"] == *large).then_some(())
        });
        assert!(named.is_some());
        rename_room(&ann, &small, 1).await;
        assert_eq!(nats.published(before + 4).await.last().unwrap().resource(), small);
        assert_eq!(app.metric(UP).await, Some(1.0));

        config.max_message_size = -1;
        context.update_stream(&config).await.unwrap();
        assert_eq!(nats.published(before + 5).await.last().unwrap().resource(), large);
        config.max_message_size = 1024;
        context.update_stream(&config).await.unwrap();
    }
}
