//! Who is active: on all replicas together, or on each while Redis is down.

use std::time::Duration;

use veza::adapter::redis::Options;

use crate::{
    redis::Server,
    replica::{Replica, options},
};

#[tokio::test]
async fn a_user_of_several_replicas_counts_once() {
    let server = Server::start();
    let options = options(&server.url());
    let one = Replica::start(&options, 1, 1).await;
    let other = Replica::start(&options, 1, 1).await;
    assert_eq!(one.note(0..10).await, [10; 3]);
    assert_eq!(other.note(5..15).await, [15; 3]);
    assert_eq!(one.note(0..10).await, [15; 3]);
    let fresh = Replica::start(&options, 1, 1).await;
    assert_eq!(fresh.note(0..0).await, [15; 3]);
}

#[tokio::test]
async fn many_users_are_counted_to_a_few_percent_and_are_forgotten_by_themselves() {
    let server = Server::start();
    let replica = Replica::start(&options(&server.url()), 1, 1).await;
    for count in replica.note(0..20_000).await {
        assert!((19_000..=21_000).contains(&count), "{count}");
    }
    let keys = server.command::<Vec<String>>("KEYS test:active:*");
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in keys {
        let seconds = server.command::<i64>(&format!("TTL {key}"));
        assert!((1..=50 * 3600).contains(&seconds), "{key}: {seconds}");
        assert!(server.command::<i64>(&format!("MEMORY USAGE {key}")) < 15_000);
    }
}

#[tokio::test]
async fn while_redis_is_down_a_replica_counts_its_own_users() {
    let server = Server::start();
    let options = Options { timeout: Duration::from_millis(500), ..options(&server.url()) };
    let one = Replica::start(&options, 1, 1).await;
    let other = Replica::start(&options, 1, 1).await;
    assert_eq!(one.note(0..10).await, [10; 3]);
    server.tell("crash");
    for replica in [&one, &other] {
        replica.wait_until_up(false).await;
    }
    assert_eq!(one.note(10..12).await, [12; 3]);
    assert_eq!(other.note(20..21).await, [1; 3]);
    server.tell("start");
    one.wait_until_up(true).await;
    assert_eq!(one.note(30..33).await, [3; 3]);
}
