//! F-06, F-07 and F-32: NATS is away, loses what it had, and the replica that publishes is killed.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use tokio::time;
use uuid::Uuid;

use super::{
    experiment::{Experiment, eventually, rounds, stretch},
    oracle::Delivered,
    store::{self, Store},
    targets::Targets,
    workload::Workload,
};
use crate::{
    proxy::{Proxy, Speaker},
    support::{
        nats::{PATIENCE, Server},
        postgres,
        process::free_port,
        server::Environment,
    },
};

/// How long NATS is away, and for how long it remembers ids: in the proportion of five minutes to a bit more than one.
const OUTAGE: Duration = Duration::from_secs(9);
const WINDOW: Duration = Duration::from_secs(2);

/// How soon another replica publishes what a dead one had leased.
const TAKEOVER_MAX: Duration = Duration::from_secs(30);

/// What a client of NATS says when it publishes.
pub const PUBLISH: &str = "HPUB ";

/// A server on a new database of PostgreSQL, at a port that stays, with events going to NATS.
pub async fn on_postgres(nats: &str) -> Environment {
    let database = postgres::server().create_database().await;
    let environment = Environment::new().set("DATABASE_URL", &database);
    let migrated = environment.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    at_fixed_port(&environment).set("NATS_URL", nats)
}

/// The same at a port that stays.
pub fn at_fixed_port(environment: &Environment) -> Environment {
    environment.clone().set("LISTEN_ADDR", &format!("127.0.0.1:{}", free_port()))
}

/// A proxy of the server at this URL.
pub fn proxy_of(url: &str) -> Proxy {
    let (_, port) = url.rsplit_once(':').expect("a port");
    Proxy::of(port.parse().expect("a number"))
}

/// Everything in the stream, once every event of the outbox is, or in vain.
pub async fn delivered(nats: &Server, store: &Store) -> Option<Vec<Delivered>> {
    let began = Instant::now();
    loop {
        let messages = nats.published(1).await;
        let delivered = messages.iter().map(|message| Delivered {
            id: message.id().parse::<Uuid>().expect("a UUID"),
            message_id: message.headers["Nats-Msg-Id"].clone(),
        });
        let delivered: Vec<_> = delivered.collect();
        let there: BTreeSet<_> = delivered.iter().map(|message| message.id).collect();
        let are_all = store.events.iter().all(|event| there.contains(&event.id));
        if are_all || began.elapsed() > PATIENCE {
            return Some(delivered);
        }
        time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_06_events_wait_while_nats_is_away() {
    let mut experiment = Experiment::begin("F-06").await;
    let nats = Server::start();
    let window = format!("{}ms", stretch(WINDOW).as_millis());
    let environment = on_postgres(&nats.url()).await.set("NATS_STREAM_DUPLICATE_WINDOW", &window);
    let database = environment.get("DATABASE_URL").to_owned();
    let server = environment.start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    workload.progress(100).await;

    nats.tell("crash");
    let before = store::last_event(&database).await;
    time::sleep(stretch(OUTAGE)).await;
    let last = store::last_event(&database).await;
    let waiting = store::pending_until(&database, last).await;
    nats.tell("start");
    let returned = Instant::now();
    let first_is_published = async {
        while store::pending_until(&database, last).await == waiting {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    eventually("the first event that waited is published", first_is_published).await;
    let noticed = returned.elapsed();
    store::until_published(&database, last).await;
    let lag = returned.elapsed();
    workload.ledger.assert_unharmed();
    workload.progress(100).await;

    let rate = |events: i64, time: Duration| {
        format!("{:.0}/s", f64::from(i32::try_from(events).unwrap()) / time.as_secs_f64())
    };
    experiment.measure_time("outage", stretch(OUTAGE));
    experiment.measure("waited", waiting);
    experiment.measure("arrival", rate(last - before, stretch(OUTAGE)));
    experiment.measure_time("return noticed after", noticed);
    experiment.measure_time("all published after", lag);
    experiment.measure("drain", rate(waiting, lag.saturating_sub(noticed)));
    let deliver = async |store: &Store| delivered(&nats, store).await;
    experiment.conclude(workload, &targets, &database, deliver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_07_what_nats_loses_is_published_again() {
    let mut experiment = Experiment::begin("F-07").await;
    let nats = Server::start();
    let environment = on_postgres(&nats.url()).await;
    let database = environment.get("DATABASE_URL").to_owned();
    let server = environment.start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    let losses = rounds(2);
    for _ in 0..losses {
        workload.progress(200).await;
        nats.tell("crash");
        nats.tell("forget");
        nats.tell("start");
    }
    workload.progress(200).await;
    experiment.measure("losses", losses);
    let deliver = async |store: &Store| delivered(&nats, store).await;
    experiment.conclude(workload, &targets, &database, deliver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_32_another_replica_publishes_what_a_dead_one_held() {
    let mut experiment = Experiment::begin("F-32").await;
    let nats = Server::start();
    let proxy = proxy_of(&nats.url());
    let lasting = on_postgres(&nats.url()).await;
    let dying =
        at_fixed_port(&lasting).set("NATS_URL", &format!("nats://127.0.0.1:{}", proxy.port));
    let database = lasting.get("DATABASE_URL").to_owned();
    let lasting = lasting.start();
    let mut server = dying.clone().start();
    let targets = Targets::new(&[lasting.address, server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;

    let mut slowest = Duration::ZERO;
    let deaths = rounds(1);
    for _ in 0..deaths {
        workload.progress(100).await;
        let mut held = proxy.hold(Speaker::Client, PUBLISH);
        held.reached().await;
        server.signal(Signal::KILL);
        server.stop();
        let killed = Instant::now();
        drop(held);
        let last = store::last_event(&database).await;
        store::until_published(&database, last).await;
        slowest = slowest.max(killed.elapsed());
        server = dying.clone().start();
    }
    assert!(slowest < TAKEOVER_MAX, "{slowest:?}");
    workload.progress(100).await;
    experiment.measure("deaths", deaths);
    experiment.measure_time("slowest takeover", slowest);
    let deliver = async |store: &Store| delivered(&nats, store).await;
    experiment.conclude(workload, &targets, &database, deliver).await;
}
