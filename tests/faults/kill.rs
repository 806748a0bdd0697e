//! F-01 and F-02: the server is killed in the middle of its work, again and again.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time;

use super::{
    chance::Chance,
    experiment::{Experiment, rounds},
    store,
    targets::Targets,
    workload::Workload,
};
use crate::support::{postgres, process::free_port, server::Environment};

/// How long a server may take to listen again.
const RESTART_MAX: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn f_01_a_server_that_is_killed_loses_nothing_with_postgresql() {
    let experiment = Experiment::begin("F-01").await;
    let database = postgres::server().create_database().await;
    let environment = Environment::new().set("DATABASE_URL", &database);
    let migrated = environment.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    kill_again_and_again(experiment, environment).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_02_a_server_that_is_killed_loses_nothing_with_sqlite() {
    let experiment = Experiment::begin("F-02").await;
    kill_again_and_again(experiment, Environment::new()).await;
}

async fn kill_again_and_again(mut experiment: Experiment, environment: Environment) {
    let environment = environment.set("LISTEN_ADDR", &format!("127.0.0.1:{}", free_port()));
    let database = environment.get("DATABASE_URL").to_owned();
    let mut chance = Chance::of(experiment.seed, 1000);
    let mut server = environment.clone().start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    let mut slowest = Duration::ZERO;
    let rounds = rounds(3);
    for _ in 0..rounds {
        workload.progress(50).await;
        time::sleep(chance.time(200, 2000)).await;
        server.signal(Signal::KILL);
        server.stop();
        if database.starts_with("sqlite") {
            assert_eq!(store::integrity(&database).await, "ok");
        }
        let began = Instant::now();
        server = environment.clone().start();
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < RESTART_MAX, "{slowest:?}");
    workload.progress(200).await;
    experiment.measure("kills", rounds);
    experiment.measure_time("slowest restart", slowest);
    let silence = workload.ledger.longest_silence(Duration::ZERO, workload.ledger.now());
    experiment.measure_time("longest silence", silence);
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}
