//! F-04 and F-05: Redis is slow, silent, gone, comes and goes, and forgets everything.

use std::time::Duration;

use serde_json::json;
use tokio::time;

use super::{
    experiment::{Experiment, stretch},
    ledger::Ledger,
    nats::proxy_of,
    targets::Targets,
    workload::Workload,
};
use crate::{
    proxy::{Proxy, Way},
    support::{
        client::{Call, Client, Transport},
        redis::Server,
        rpc::LOGIN,
        server::Environment,
    },
};

/// How long each fault lasts.
const FAULT: Duration = Duration::from_secs(2);

/// How often in a minute an address may try to sign in, where somebody guesses.
const GUESSES_MAX: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn f_04_without_redis_calls_go_on_and_guesses_are_still_counted() {
    let mut experiment = Experiment::begin("F-04").await;
    let redis = Server::start();
    let proxy = proxy_of(&redis.url());
    let environment =
        Environment::new().set("REDIS_URL", &format!("redis://127.0.0.1:{}", proxy.port));
    let guessed = Environment::new()
        .set("REDIS_URL", environment.get("REDIS_URL"))
        .set("SIGN_IN_RATE_LIMIT_PER_MINUTE", &GUESSES_MAX.to_string());
    proxy.set(Way::Cut);
    // With a Redis that is not there.
    let (server, guessed) = (environment.clone().start(), guessed.start());
    proxy.set(Way::Open);
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    let ledger = &workload.ledger;

    experiment.measure_time("p95 before", observe(ledger).await);
    proxy.set(Way::Slow(Duration::from_millis(50)));
    experiment.measure_time("with 50 ms", observe(ledger).await);
    proxy.set(Way::Slow(Duration::from_millis(500)));
    experiment.measure_time("with 500 ms", observe(ledger).await);
    proxy.set(Way::Stalled);
    let allowed = guess(&Client::new(guessed.address), 3 * GUESSES_MAX).await;
    assert!(allowed < 2 * GUESSES_MAX, "{allowed} guesses were allowed");
    experiment.measure_time("silent", observe(ledger).await);
    proxy.set(Way::Open);
    redis.tell("pause");
    experiment.measure_time("hung", observe(ledger).await);
    redis.tell("resume");
    experiment.measure_time("coming and going", flap(&proxy, ledger).await);
    redis.tell("crash");
    experiment.measure_time("killed", observe(ledger).await);
    redis.tell("start");
    experiment.measure_time("after", observe(ledger).await);
    ledger.assert_unharmed();
    let database = environment.get("DATABASE_URL").to_owned();
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_05_a_redis_that_forgets_everything_ends_no_session_and_revives_none() {
    let mut experiment = Experiment::begin("F-05").await;
    let redis = Server::start();
    let environment = Environment::new().set("REDIS_URL", &redis.url());
    let server = environment.clone().start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    workload.progress(200).await;
    let forgotten: usize = redis.command("DBSIZE");
    redis.command::<()>("FLUSHALL");
    workload.progress(200).await;
    redis.tell("crash");
    redis.tell("start");
    workload.progress(200).await;
    experiment.measure("keys forgotten", forgotten);
    workload.ledger.assert_unharmed();
    let database = environment.get("DATABASE_URL").to_owned();
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

/// What the slowest twentieth of calls takes at least while this goes on.
async fn observe(ledger: &Ledger) -> Duration {
    let from = ledger.now();
    time::sleep(stretch(FAULT)).await;
    ledger.percentile(95, from, ledger.now())
}

/// The same while Redis comes and goes.
async fn flap(proxy: &Proxy, ledger: &Ledger) -> Duration {
    let from = ledger.now();
    let half = Duration::from_millis(500);
    for _ in 0..stretch(FAULT).as_millis() / (2 * half.as_millis()) {
        proxy.set(Way::Cut);
        time::sleep(half).await;
        proxy.set(Way::Open);
        time::sleep(half).await;
    }
    ledger.percentile(95, from, ledger.now())
}

/// How many guesses of a password are looked at.
async fn guess(client: &Client, times: usize) -> usize {
    let mut allowed = 0;
    for number in 0..times {
        let request =
            json!({ "identifier": "nobody", "password": format!("a guess, number {number}") });
        let reply = client.attempt(Transport::Rest, &Call::to(LOGIN, request)).await;
        let code = reply.expect("an answer").code;
        assert!(["UNAUTHENTICATED", "RESOURCE_EXHAUSTED"].contains(&&*code), "{code}");
        allowed += usize::from(code == "UNAUTHENTICATED");
    }
    allowed
}
