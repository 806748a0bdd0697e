//! Several servers that publish what they have recorded in one database.

use rustix::process::Signal;

use super::{make_room, rename_room, text};
use crate::support::{client::Transport, nats, replicas::Replicas, server::Environment};

#[tokio::test]
async fn changes_on_all_replicas_are_published_once_each_and_in_order() {
    let nats = nats::Server::start();
    let publishing = Environment::new().set("NATS_URL", &nats.url());
    let replicas = Replicas::with(2, publishing).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;
    for _ in 0..10 {
        rename_room(&ann, &room, 2).await;
        rename_room(&ann.at(b), &room, 2).await;
    }
    let published = nats.published(42).await;
    assert_eq!(published.len(), 42);
    let of_room = published.iter().filter(|event| event.resource() == room);
    let versions: Vec<i64> =
        of_room.map(|event| text(&event.event["aggregateVersion"]).parse().unwrap()).collect();
    assert_eq!(versions, (1..=41).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_dead_replica_was_about_to_publish_is_published_by_another() {
    let nats = nats::Server::start();
    let publishing = Environment::new().set("NATS_URL", &nats.url());
    let replicas = Replicas::with(2, publishing).await;
    let (a, _b) = replicas.pair();
    let ann = a.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;
    nats.published(2).await;
    // It takes the events and gets no answer.
    nats.tell("pause");
    rename_room(&ann, &room, 5).await;
    a.server.signal(Signal::KILL);
    nats.tell("resume");
    let published = nats.published(7).await;
    assert_eq!(published.len(), 7);
    let of_room = published.iter().filter(|event| event.resource() == room);
    let versions: Vec<_> = of_room.map(|event| text(&event.event["aggregateVersion"])).collect();
    assert_eq!(versions, ["1", "2", "3", "4", "5", "6"]);
}
