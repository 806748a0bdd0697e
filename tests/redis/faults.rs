//! Redis down, slow, flapping or empty: calls go on, and limits hold on each replica.

use std::time::Duration;

use veza::{adapter::redis::Options, port::limiter::Backend};

use crate::{
    redis::Server,
    replica::{Replica, options, user},
};

/// A replica that has as little patience as a server has by default.
async fn impatient(server: &Server, per_minute: u32) -> Replica {
    let options = Options { timeout: Duration::from_millis(100), ..options(&server.url()) };
    let replica = Replica::start(&options, per_minute, 1).await;
    replica.wait_until_up(true).await;
    replica
}

/// Demands that calls are counted by the replica alone, up to the limit and no further.
async fn assert_limited_alone(replica: &Replica, number: u128, quota: u32) {
    for _ in 0..quota {
        let decision = replica.count(user(number)).await;
        assert_eq!((decision.retry_after, decision.backend), (None, Backend::Fallback));
    }
    assert!(!replica.allows(user(number)).await);
}

/// Waits until a new caller is counted in Redis.
async fn assert_shared_again(replica: &Replica, number: u128) {
    replica.wait_until_up(true).await;
    let mut fresh = number;
    // A busy machine may be too slow for the patience of the replica once more.
    while replica.count(user(fresh)).await.backend != Backend::Redis {
        replica.wait_until_up(true).await;
        fresh += 1;
        assert!(fresh < number + 1000, "calls are never counted in Redis again");
    }
}

#[tokio::test]
async fn a_redis_that_was_killed_and_comes_back() {
    let server = Server::start();
    let replica = impatient(&server, 5).await;
    server.tell("crash");
    replica.wait_until_up(false).await;
    assert_limited_alone(&replica, 1, 5).await;
    server.tell("start");
    assert_shared_again(&replica, 1000).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_and_goes_on() {
    let server = Server::start();
    let replica = impatient(&server, 5).await;
    server.tell("pause");
    // The first call may wait for Redis, though not for long, and the others do not.
    for number in 10..20 {
        assert!(replica.allows(user(number)).await);
    }
    replica.wait_until_up(false).await;
    assert_limited_alone(&replica, 1, 5).await;
    server.tell("resume");
    assert_shared_again(&replica, 1000).await;
}

#[tokio::test]
async fn a_redis_that_holds_back_its_answers() {
    let server = Server::start();
    let replica = impatient(&server, 5).await;
    let _: () = server.command("CLIENT PAUSE 600000 ALL");
    replica.wait_until_up(false).await;
    assert_limited_alone(&replica, 1, 5).await;
    server.tell("crash");
    server.tell("start");
    assert_shared_again(&replica, 1000).await;
}

#[tokio::test]
async fn a_redis_that_comes_and_goes() {
    let server = Server::start();
    let replica = impatient(&server, 5).await;
    for round in 0..3 {
        server.tell("crash");
        replica.wait_until_up(false).await;
        assert!(replica.allows(user(round)).await);
        server.tell("start");
        replica.wait_until_up(true).await;
        assert!(replica.allows(user(100 + round)).await);
    }
}

#[tokio::test]
async fn a_redis_that_is_full_counts_as_down() {
    let server = Server::start();
    let replica = impatient(&server, 5).await;
    let _: () = server.command("CONFIG SET maxmemory 1");
    replica.wait_until_up(false).await;
    assert_limited_alone(&replica, 1, 5).await;
    let _: () = server.command("CONFIG SET maxmemory 0");
    assert_shared_again(&replica, 1000).await;
}

#[tokio::test]
async fn a_redis_that_has_lost_everything_starts_budgets_anew() {
    let server = Server::start();
    let replica = Replica::start(&options(&server.url()), 60_000, 1).await;
    while replica.allows(user(1)).await {}
    let _: () = server.command("FLUSHALL");
    let _: () = server.command("SCRIPT FLUSH");
    let mut allowed = 0;
    while allowed < 1000 {
        allowed += u32::from(replica.allows(user(1)).await);
    }
    assert_eq!(replica.count(user(2)).await.backend, Backend::Redis);
}

#[tokio::test]
async fn calls_in_every_phase_of_an_outage_are_decided() {
    let server = Server::start();
    let replica = impatient(&server, 100_000).await;
    let fault = async {
        for _ in 0..3 {
            server.tell("pause");
            replica.wait_until_up(false).await;
            server.tell("resume");
            replica.wait_until_up(true).await;
        }
    };
    let calls = async {
        for number in 0.. {
            assert!(replica.allows(user(number % 50)).await);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = fault => {}
        () = calls => {}
    }
}
