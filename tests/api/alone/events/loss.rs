//! NATS that forgets, and an outbox that fills up.

use std::collections::BTreeSet;

use serde_json::json;

use super::{make_room, on_each_database, rename_room, text};
use crate::support::{
    app::App,
    client::Transport,
    nats::{self, Published},
    rpc::{LOGOUT, UPDATE_ROOM},
};

const UP: &str = "veza_dependency_up{dependency=\"nats\"}";
const PENDING: &str = "veza_outbox_pending";

#[tokio::test]
async fn events_that_nats_has_lost_are_published_again_in_order() {
    for place in 0..2 {
        let nats = nats::Server::start();
        let environment = on_each_database(&nats).await.into_iter().nth(place).unwrap();
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        let room = make_room(&ann, Transport::Grpc).await;
        rename_room(&ann, &room, 3).await;
        nats.published(5).await;
        app.until_metric(PENDING, 0.0).await;

        nats.tell("crash");
        app.until_metric(UP, 0.0).await;
        rename_room(&ann, &room, 2).await;
        nats.tell("forget");
        nats.tell("start");

        let published = nats.published(7).await;
        let ids: BTreeSet<_> = published.iter().map(Published::id).collect();
        assert_eq!((published.len(), ids.len()), (7, 7));
        let of_room = published.iter().filter(|event| event.resource() == room);
        let versions: Vec<_> =
            of_room.map(|event| text(&event.event["aggregateVersion"])).collect();
        assert_eq!(versions, ["1", "2", "3", "4", "5", "6"]);
        let lost =
            app.server.log.find(|line| (line["event"] == "events_lost").then(|| line.clone()));
        let lost = lost.unwrap();
        assert_eq!((&lost["level"], &lost["events"]), (&json!("error"), &json!(5)), "{lost}");
    }
}

#[tokio::test]
async fn a_full_outbox_refuses_changes_but_not_the_end_of_a_session() {
    let nats = nats::Server::start();
    let mut count = 0;
    for environment in on_each_database(&nats).await {
        let app = App::alone(environment.set("OUTBOX_PENDING_MAX", "3"));
        let ann = app.user("ann").await;
        let room = make_room(&ann, Transport::Grpc).await;
        nats.published(count + 2).await;
        nats.tell("crash");
        app.until_metric(UP, 0.0).await;
        rename_room(&ann, &room, 3).await;
        app.until_metric(PENDING, 3.0).await;

        let id = room.strip_prefix("rooms/").unwrap();
        let update = json!({ "room": { "id": id, "name": "one too many" } });
        for transport in Transport::ALL {
            let refused = ann.call(transport, UPDATE_ROOM, update.clone()).await;
            assert_eq!(refused.code, "UNAVAILABLE", "{refused:?}");
            assert_eq!(refused.reason.as_deref(), Some("OUTBOX_FULL"));
            assert!(refused.details.iter().any(|detail| detail.get("retryDelay").is_some()));
        }
        let other = app.sign_in(&ann.username).await;
        other.call(Transport::Grpc, LOGOUT, json!({})).await.ok();

        nats.tell("start");
        app.until_metric(PENDING, 0.0).await;
        rename_room(&ann, &room, 1).await;
        count += 7;
        nats.published(count).await;
    }
}
