//! Guessing passwords: how many guesses are judged, how long the next one waits, and who is not kept out by it.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream};
use serde_json::{Value, json};

use crate::{
    auth::registration,
    support::{
        app::{App, PASSWORD, unique},
        client::{Call, Client, Transport},
        database::on_database,
        replicas::Replicas,
        reply::Reply,
        rpc::{LOGIN, REGISTER},
        server::Environment,
        world::World,
    },
};

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "192.0.2.2";
const WRONG: &str = "not the right one";
const DAY: Duration = Duration::from_hours(24);

/// How long a try waits at most.
const DELAY_MAX: Duration = Duration::from_mins(30);

/// How many tries of strangers may fail at an account before the next one waits.
const STRANGERS_FREE: u64 = 10;

/// A try to sign in, from this address.
fn login(identifier: &str, password: &str, from: &str) -> Call {
    let request = json!({ "identifier": identifier, "password": password });
    Call::to(LOGIN, request).header("x-forwarded-for", from)
}

/// The address of a stranger, another for each number.
fn stranger(number: u32) -> String {
    Ipv4Addr::from_bits(0x0a00_0000 + number).to_string()
}

/// How long an answer asks to wait, to the second.
#[track_caller]
fn retry_after(reply: &Reply) -> Duration {
    reply.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
    let delay = reply.detail("google.rpc.RetryInfo").map(|info| &info["retryDelay"]);
    let delay = delay.and_then(Value::as_str).and_then(|delay| delay.strip_suffix('s'));
    Duration::from_secs_f64(delay.and_then(|delay| delay.parse().ok()).unwrap())
}

fn is_judged(reply: &Reply) -> bool {
    reply.reason.as_deref() == Some("WRONG_CREDENTIALS")
}

/// The client of a server on which somebody has signed up from home.
async fn client_of_ann(world: &World) -> &Client {
    let call = Call::to(REGISTER, registration("ann")).header("x-forwarded-for", HOME);
    world.client.send(Transport::Grpc, &call).await.ok();
    &world.client
}

/// Guesses on, each time from another address, and waits as long as it is told to, until it is told to wait for a day. How
/// many guesses were judged.
async fn guess_to_the_end(world: &World, identifier: &str, from: impl Fn(u32) -> String) -> usize {
    let (mut judged, mut number) = (0, 0);
    loop {
        let transport = Transport::ALL[number as usize % Transport::ALL.len()];
        let guess = login(identifier, WRONG, &from(number));
        let reply = world.client.send(transport, &guess).await;
        number += 1;
        if is_judged(&reply) {
            judged += 1;
            continue;
        }
        let wait = retry_after(&reply);
        if wait > DELAY_MAX {
            return judged;
        }
        world.wait(wait);
    }
}

#[tokio::test]
async fn authn_04_tries_by_username_and_by_email_are_counted_on_the_account() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    for number in 0..5 {
        let identifier = ["ann", "ann@example.com", "ANN"][number % 3];
        let transport = Transport::ALL[number % Transport::ALL.len()];
        let reply = client.send(transport, &login(identifier, WRONG, ELSEWHERE)).await;
        reply.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    }
    for identifier in ["ann", "ann@example.com", "Ann@Example.com"] {
        for transport in Transport::ALL {
            let reply = client.send(transport, &login(identifier, PASSWORD, ELSEWHERE)).await;
            assert_eq!(retry_after(&reply), Duration::from_secs(1));
            if transport == Transport::Rest {
                assert_eq!(reply.header("retry-after"), "1");
            }
        }
    }
    world.wait(Duration::from_secs(1));
    client.send(Transport::Grpc, &login("ann", PASSWORD, ELSEWHERE)).await.ok();
}

#[tokio::test]
async fn authn_04_each_failure_doubles_the_wait_until_it_is_as_long_as_the_operator_says() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    let guess = login("ann", WRONG, ELSEWHERE);
    for _ in 0..5 {
        assert!(is_judged(&client.send(Transport::Rest, &guess).await));
    }
    for doublings in 0..14 {
        let wait = Duration::from_secs(1 << doublings).min(DELAY_MAX);
        assert_eq!(retry_after(&client.send(Transport::Rest, &guess).await), wait);
        world.wait(wait.saturating_sub(Duration::from_millis(1)));
        let reply = client.send(Transport::Grpc, &login("ann", PASSWORD, ELSEWHERE)).await;
        assert_eq!(retry_after(&reply), Duration::from_millis(1));
        world.wait(Duration::from_millis(1));
        assert!(is_judged(&client.send(Transport::Rest, &guess).await));
    }
}

#[tokio::test]
async fn authn_04_whoever_signs_in_has_all_their_tries_again() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    for _ in 0..10 {
        for _ in 0..4 {
            assert!(is_judged(&client.send(Transport::Rest, &login("ann", WRONG, HOME)).await));
        }
        client.send(Transport::Rest, &login("ann", PASSWORD, HOME)).await.ok();
    }
}

#[tokio::test]
async fn authn_04_a_thousand_tries_from_one_address_keep_nobody_else_out() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    let guess = &login("ann", WRONG, ELSEWHERE);
    let guesses = (0..1000).map(|number| client.send(Transport::ALL[number % 4], guess));
    let replies: Vec<_> = stream::iter(guesses).buffer_unordered(20).collect().await;
    assert_eq!(replies.iter().filter(|reply| is_judged(reply)).count(), 5);
    for from in [HOME, "192.0.2.3"] {
        client.send(Transport::Grpc, &login("ann", PASSWORD, from)).await.ok();
    }
}

#[tokio::test]
async fn authn_04_no_more_than_a_hundred_failures_in_a_row_are_judged_wherever_they_come_from() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    let strangers = guess_to_the_end(&world, "ann", stranger).await;
    let at_home = guess_to_the_end(&world, "ann@example.com", |_| HOME.to_owned()).await;
    assert_eq!((strangers, at_home), (80, 20));
    // Not even after years, when all that is less than a hundred is forgotten.
    world.wait(10 * 366 * DAY);
    for from in [HOME, ELSEWHERE] {
        let reply = client.send(Transport::Rest, &login("ann", PASSWORD, from)).await;
        assert_eq!(retry_after(&reply), DAY);
    }
}

#[tokio::test]
async fn authn_04_strangers_never_keep_somebody_out_who_has_signed_in_from_there_before() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    client.send(Transport::Grpc, &login("ann", PASSWORD, ELSEWHERE)).await.ok();
    guess_to_the_end(&world, "ann", stranger).await;
    for from in [HOME, ELSEWHERE] {
        client.send(Transport::Grpc, &login("ann", PASSWORD, from)).await.ok();
    }
    // A new device has to wait for them: until they have been quiet for a day, and she has signed in meanwhile.
    let new_device = login("ann", PASSWORD, "192.0.2.3");
    retry_after(&client.send(Transport::Grpc, &new_device).await);
    world.wait(DAY);
    retry_after(&client.send(Transport::Grpc, &new_device).await);
    client.send(Transport::Grpc, &login("ann", PASSWORD, HOME)).await.ok();
    client.send(Transport::Grpc, &new_device).await.ok();
}

#[tokio::test]
async fn authn_04_a_new_device_waits_no_longer_than_the_operator_says() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    for number in 0..40 {
        let guess = login("ann", WRONG, &stranger(number));
        let reply = client.send(Transport::Rest, &guess).await;
        if !is_judged(&reply) {
            assert!(retry_after(&reply) <= DELAY_MAX, "{reply:#?}");
            world.wait(retry_after(&reply));
            assert!(is_judged(&client.send(Transport::Rest, &guess).await));
        }
    }
    world.wait(DELAY_MAX);
    client.send(Transport::Rest, &login("ann", PASSWORD, "192.0.2.3")).await.ok();
}

#[tokio::test]
async fn authn_05_tries_at_known_unknown_and_suspended_accounts_are_counted_and_answered_alike() {
    let world = World::start().await;
    let client = client_of_ann(&world).await;
    let mut bob = registration("bob");
    bob["email"] = "bob@example.com".into();
    client.send(Transport::Grpc, &Call::to(REGISTER, bob)).await.ok();
    on_database!(&world.database_url, |connection| {
        let query = sqlx::query("UPDATE users SET state = 'SUSPENDED' WHERE username = 'bob'");
        query.execute(&mut connection).await.unwrap().rows_affected()
    });
    for number in 0..60 {
        let transport = Transport::ALL[number % Transport::ALL.len()];
        // From home too, where ann is known.
        let from = [HOME, ELSEWHERE, "192.0.2.3"][number / 20];
        let mut told = Vec::new();
        for identifier in ["ann", "nobody", "bob"] {
            let reply = client.send(transport, &login(identifier, WRONG, from)).await;
            told.push((reply.code, reply.reason, reply.message, reply.details));
        }
        assert_eq!(told[0], told[1], "try {number}");
        assert_eq!(told[0], told[2], "try {number}");
        if number % 2 == 0 {
            world.wait(Duration::from_secs(number as u64));
        }
    }
}

#[tokio::test]
async fn authn_04_of_guesses_that_race_on_two_replicas_each_is_counted_before_it_is_judged() {
    let environment = Environment::new().set("TRUSTED_PROXIES", "127.0.0.1");
    let replicas = Replicas::with(2, environment).await;
    let (a, b) = replicas.pair();
    let username = unique("ann");
    let call = Call::to(REGISTER, registration(&username)).header("x-forwarded-for", HOME);
    a.send(Transport::Grpc, &call).await.ok();
    let begin = Instant::now();
    let (username, email) = (username.clone(), format!("{username}@example.com"));
    let guesses = (0..500_u32).map(|number| {
        let app = if number % 2 == 0 { a } else { b };
        let identifier = if number % 3 == 0 { &username } else { &email };
        let guess = login(identifier, WRONG, &stranger(number));
        async move { app.send(Transport::ALL[number as usize % 4], &guess).await }
    });
    let replies = join_all(guesses).await;
    // Each one that is due after some time was allowed, too, and the time between them doubles.
    let allowed = STRANGERS_FREE + u64::from((begin.elapsed().as_secs() + 1).ilog2()) + 1;
    let judged = replies.iter().filter(|reply| is_judged(reply)).count() as u64;
    assert!((STRANGERS_FREE..=allowed).contains(&judged), "{judged} of {allowed}");
    for reply in replies.iter().filter(|reply| !is_judged(reply)) {
        assert!(["RESOURCE_EXHAUSTED", "UNAVAILABLE"].contains(&&*reply.code), "{reply:#?}");
    }
    for app in [a, b] {
        app.send(Transport::Rest, &login(&username, PASSWORD, HOME)).await.ok();
    }
}

/// A server on which an address may fail three times in an hour.
fn strict() -> App {
    let environment = Environment::new()
        .set("SIGN_IN_FAILURES_PER_HOUR", "3")
        .set("TRUSTED_PROXIES", "127.0.0.1");
    App::with(environment)
}

#[tokio::test]
async fn authn_04_an_address_has_a_limit_of_failures_at_all_accounts_together() {
    let app = strict();
    let mine = app.user("mallory").await;
    for (network, other) in [("198.51.100.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::ff:2")] {
        for number in 0..3 {
            let guess = login(&unique("victim"), WRONG, network);
            assert!(is_judged(&app.send(Transport::ALL[number], &guess).await));
            // An account of one's own gives no more of them.
            if number < 2 {
                let login = login(&mine.username, PASSWORD, network);
                app.send(Transport::ALL[number], &login).await.ok();
            }
        }
        for transport in Transport::ALL {
            let guess = login(&unique("victim"), WRONG, other);
            let wait = retry_after(&app.send(transport, &guess).await);
            assert!(wait > Duration::from_mins(1) && wait <= Duration::from_mins(20), "{wait:?}");
        }
    }
    for elsewhere in ["198.51.100.2", "2001:db8:0:1::1"] {
        let guess = login(&unique("victim"), WRONG, elsewhere);
        assert!(is_judged(&app.send(Transport::Rest, &guess).await));
    }
}

#[tokio::test]
async fn authn_04_a_server_that_starts_again_has_forgotten_no_failure() {
    let app = strict();
    for _ in 0..3 {
        let guess = login(&unique("victim"), WRONG, ELSEWHERE);
        assert!(is_judged(&app.send(Transport::Rest, &guess).await));
    }
    app.server.stop();
    let app = App::with(app.server.environment.clone());
    let guess = login(&unique("victim"), WRONG, ELSEWHERE);
    retry_after(&app.send(Transport::Rest, &guess).await);
}

#[tokio::test]
async fn authn_04_a_try_that_is_not_judged_is_counted_and_leaves_a_line_in_the_audit_log() {
    let app = strict();
    let ann = app.user("ann").await;
    for _ in 0..3 {
        let guess = login(&ann.username, WRONG, ELSEWHERE);
        assert!(is_judged(&app.send(Transport::Rest, &guess).await));
    }
    for transport in Transport::ALL {
        retry_after(&app.send(transport, &login(&ann.username, WRONG, ELSEWHERE)).await);
    }
    let lines: i64 = on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM audit_events WHERE resource = $1 AND action = 'auth.login' \
             AND outcome = 'FAILURE' AND reason = 'RATE_LIMITED'",
        );
        query.bind(format!("users/{}", ann.id)).fetch_one(&mut connection).await.unwrap()
    });
    assert_eq!(lines, 4);
    let name = r#"veza_sign_in_refusals_total{scope="address"}"#;
    let mut refused = 0.0;
    // Of replicas, each has counted its own.
    for _ in 0..=app.server.replicas.len() {
        refused += app.metric(name).await.unwrap_or_default();
    }
    assert!((refused - 4.0).abs() < f64::EPSILON, "{refused}");
}

#[tokio::test]
async fn authn_04_what_is_kept_of_tries_tells_neither_names_nor_addresses() {
    let app = strict();
    let ann = app.user("ann").await;
    for identifier in [&ann.username, &ann.email, &unique("victim")] {
        app.send(Transport::Rest, &login(identifier, WRONG, ELSEWHERE)).await;
    }
    let kept: Vec<Vec<u8>> =
        on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
            let query = sqlx::query_scalar("SELECT subject FROM attempts");
            query.fetch_all(&mut connection).await.unwrap()
        });
    assert!(kept.len() > 3);
    assert!(kept.iter().all(|subject| subject.len() == 32));
    for text in ["ann", "victim", ELSEWHERE, &ann.id] {
        let holds =
            |subject: &Vec<u8>| subject.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!kept.iter().any(holds), "{text}");
    }
}

#[tokio::test]
async fn authn_04_an_operator_unlocks_an_account() {
    let app = App::with(Environment::new().set("TRUSTED_PROXIES", "127.0.0.1"));
    let ann = app.user("ann").await;
    let guess = login(&ann.username, WRONG, ELSEWHERE);
    assert!(is_judged(&app.send(Transport::Rest, &guess).await));
    on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query("UPDATE attempts SET failures = 80 WHERE known_until < try_time");
        query.execute(&mut connection).await.unwrap().rows_affected()
    });
    let new_device = login(&ann.username, PASSWORD, "192.0.2.3");
    assert_eq!(retry_after(&app.send(Transport::Rest, &new_device).await), DAY);
    let run = |name: &str| app.server.environment.run(&["user", "unlock", name], "");
    assert!(run(&ann.email).status.success());
    app.send(Transport::Rest, &new_device).await.ok();
    assert!(!run(&unique("nobody")).status.success());
}
