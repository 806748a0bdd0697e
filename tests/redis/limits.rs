//! The sum over replicas: within 5% of a limit, however calls are spread.

use std::time::{Duration, Instant};

use futures::future::join_all;
use veza::port::limiter::{Backend, Budget};

use crate::{
    redis::Server,
    replica::{Replica, options, user},
};

/// The calls a minute in these tests.
const QUOTA: u32 = 1000;

async fn pair(server: &Server, per_minute: u32, sign_in_per_minute: u32) -> [Replica; 2] {
    let options = options(&server.url());
    let one = Replica::start(&options, per_minute, sign_in_per_minute).await;
    [one, Replica::start(&options, per_minute, sign_in_per_minute).await]
}

/// Demands that so many calls were allowed as a budget has, and as came back in the time since.
#[track_caller]
fn assert_near(allowed: u32, quota: u32, since: Instant) {
    let quota = f64::from(quota);
    let back = quota * since.elapsed().as_secs_f64() / 60.0;
    let (least, most) = (0.95 * quota, 1.05 * quota + back);
    assert!((least..=most).contains(&f64::from(allowed)), "{allowed} is not {least}..={most}");
}

/// Calls on each replica so many times at once, this often one after the other; how many were allowed.
async fn call(replica: &Replica, budget: Budget, at_once: usize, each: usize) -> u32 {
    let callers = (0..at_once).map(|_| async {
        let mut allowed = 0;
        for _ in 0..each {
            allowed += u32::from(replica.allows(budget).await);
        }
        allowed
    });
    join_all(callers).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_is_near_the_limit_when_calls_are_spread_evenly() {
    let server = Server::start();
    let [one, other] = &pair(&server, QUOTA, 1).await;
    let start = Instant::now();
    let (first, second) = tokio::join!(call(one, user(1), 8, 200), call(other, user(1), 8, 200));
    assert_near(first + second, QUOTA, start);
}

#[tokio::test]
async fn the_sum_is_near_the_limit_when_one_replica_gets_nearly_all_calls() {
    let server = Server::start();
    let [one, other] = &pair(&server, QUOTA, 1).await;
    let start = Instant::now();
    let (mut allowed, mut last) = (0, 0);
    for _ in 0..40 {
        allowed += call(one, user(1), 1, 50).await;
        last = call(other, user(1), 1, 2).await;
        allowed += last;
    }
    assert_near(allowed, QUOTA, start);
    assert!(last <= 2);
}

#[tokio::test]
async fn the_sum_is_near_the_limit_when_calls_alternate() {
    let server = Server::start();
    let replicas = pair(&server, QUOTA, 1).await;
    let start = Instant::now();
    let mut allowed = 0;
    for number in 0..3000 {
        allowed += u32::from(replicas[number % 2].allows(user(1)).await);
    }
    assert_near(allowed, QUOTA, start);
}

#[tokio::test]
async fn the_sum_is_near_the_limit_when_callers_move_from_one_replica_to_the_other() {
    let server = Server::start();
    let [one, other] = &pair(&server, QUOTA, 1).await;
    let start = Instant::now();
    let allowed = call(one, user(1), 4, 100).await + call(other, user(1), 4, 400).await;
    assert_near(allowed, QUOTA, start);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_callers_has_a_limit_of_their_own() {
    let server = Server::start();
    let [one, other] = &pair(&server, QUOTA, 1).await;
    let start = Instant::now();
    let callers = (0..20).map(|number| async move {
        let [first, second] = [one, other].map(|replica| call(replica, user(number), 1, 700));
        first.await + second.await
    });
    for allowed in join_all(callers).await {
        assert_near(allowed, QUOTA, start);
    }
}

#[tokio::test]
async fn many_who_come_at_once_share_round_trips() {
    let server = Server::start();
    let [one, _] = &pair(&server, QUOTA, 1).await;
    let read = || {
        let stats = server.command::<String>("INFO stats");
        let line = stats.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
        line.unwrap().parse::<u32>().unwrap()
    };
    let before = (read(), Instant::now());
    let decisions = join_all((0..5000).map(|number| one.count(user(number)))).await;
    assert!(decisions.iter().all(|decision| decision.backend == Backend::Redis));
    let heartbeats = 2 * (2 + 10 * u32::try_from(before.1.elapsed().as_secs() + 1).unwrap());
    assert!(read() - before.0 <= 500 + heartbeats, "{}", read() - before.0);
}

#[tokio::test]
async fn a_small_budget_is_exact() {
    let server = Server::start();
    let [one, other] = &pair(&server, QUOTA, 5).await;
    let address = Budget::SignIn("2001:db8::1".parse().unwrap());
    let neighbour = Budget::SignIn("2001:db8::ffff:2".parse().unwrap());
    let (first, second) = tokio::join!(call(one, address, 8, 1), call(other, neighbour, 8, 1));
    assert_eq!(first + second, 5);
    assert!(!one.allows(neighbour).await && !other.allows(address).await);
    assert!(one.allows(Budget::SignIn("2001:db8:0:1::1".parse().unwrap())).await);
}

#[tokio::test]
async fn what_is_told_counts_the_calls_on_the_other_replica() {
    let server = Server::start();
    let [one, other] = &pair(&server, QUOTA, 1).await;
    let first = one.count(user(1)).await;
    assert_eq!((first.quota, first.remaining, first.backend), (QUOTA, 999, Backend::Redis));
    assert_eq!(first.reset_after, Duration::from_millis(60));
    call(one, user(1), 1, 499).await;
    let remaining = other.count(user(1)).await.remaining;
    assert!((450..=550).contains(&remaining), "{remaining}");
    while other.allows(user(1)).await {}
    let refused = other.count(user(1)).await;
    assert_eq!(refused.remaining, 0);
    assert!(refused.retry_after.unwrap() <= Duration::from_millis(60), "{refused:?}");
}

#[tokio::test]
async fn most_calls_and_all_refusals_ask_nobody() {
    let server = Server::start();
    let [one, _] = &pair(&server, QUOTA, 1).await;
    let asked = || {
        let stats = server.command::<String>("INFO commandstats");
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse::<u32>().unwrap())
    };
    let before = (asked(), Instant::now());
    call(one, user(1), 1, 900).await;
    // Whether Redis is alive is asked ten times a second, too.
    let heartbeats = 2 + 10 * u32::try_from(before.1.elapsed().as_secs() + 1).unwrap();
    assert!(asked() - before.0 <= 135 + heartbeats, "{}", asked() - before.0);

    let address = Budget::SignIn("192.0.2.1".parse().unwrap());
    call(one, address, 1, 1).await;
    let before = (asked(), Instant::now());
    assert_eq!(call(one, address, 4, 500).await, 0);
    let heartbeats = 2 + 10 * u32::try_from(before.1.elapsed().as_secs() + 1).unwrap();
    assert!(asked() - before.0 <= 1 + heartbeats, "{}", asked() - before.0);
}

#[tokio::test]
async fn installations_with_prefixes_of_their_own_do_not_meet() {
    let server = Server::start();
    let here = options(&server.url());
    let there = veza::adapter::redis::Options { prefix: "other".into(), ..here.clone() };
    let here = Replica::start(&here, 1, 1).await;
    let there = Replica::start(&there, 1, 1).await;
    assert_eq!([here.allows(user(1)).await, here.allows(user(1)).await], [true, false]);
    assert!(there.allows(user(1)).await);
    for key in server.command::<Vec<String>>("KEYS *") {
        assert!(key.starts_with("test:") || key.starts_with("other:"), "{key}");
        assert!(server.command::<i64>(&format!("PTTL {key}")) != -1, "{key} stays for ever");
    }
}
