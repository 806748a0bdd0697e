//! F-14: another process holds SQLite's lock, and its disk is full.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use rustix::process::{Resource, Rlimit};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::time;

use super::{
    experiment::{Experiment, stretch},
    probe, store,
    targets::Targets,
    workload::Workload,
};
use crate::support::server::Environment;

/// How long the lock is held: for less than writers wait for it, and for more.
const HELD: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(6)];

/// How long the disk is full.
const FULL: Duration = Duration::from_secs(2);

/// What may still be written of a file then, in bytes: next to nothing.
const PAGE: u64 = 4096;

#[tokio::test(flavor = "multi_thread")]
async fn f_14_a_locked_or_full_sqlite_loses_nothing_and_recovers() {
    let mut experiment = Experiment::begin("F-14").await;
    let mut environment = Environment::new();
    environment.program = bearing_full_disks(&environment);
    let database = environment.get("DATABASE_URL").to_owned();
    let server = environment.clone().start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    workload.progress(50).await;

    let mut locker = SqliteConnection::connect(&database).await.unwrap();
    for (held, name) in HELD.into_iter().zip(["recovery from 2 s lock", "from 6 s lock"]) {
        locker.execute("BEGIN EXCLUSIVE").await.unwrap();
        time::sleep(held).await;
        assert!(probe::is_ready(server.address).await, "reads go on");
        locker.execute("ROLLBACK").await.unwrap();
        let released = workload.ledger.now();
        workload.progress(50).await;
        experiment.measure_time(name, workload.ledger.recovery(released).unwrap_or_default());
    }
    locker.close().await.unwrap();

    server.limit(Resource::Fsize, at_most(Some(PAGE)));
    time::sleep(stretch(FULL)).await;
    assert_eq!(probe::get(server.address, "/health").await.map(|(status, _)| status), Some(200));
    server.limit(Resource::Fsize, at_most(None));
    let freed = workload.ledger.now();
    workload.progress(100).await;
    experiment.measure_time("from full disk", workload.ledger.recovery(freed).unwrap_or_default());
    assert_eq!(store::integrity(&database).await, "ok");
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

/// A script that runs the server so that the system refuses writes past a limit, as a full disk does, instead of ending
/// the process.
fn bearing_full_disks(environment: &Environment) -> PathBuf {
    let script = environment.folder().join("veza.sh");
    let binary = environment.program.display();
    fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec {binary} \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    script
}

fn at_most(bytes: Option<u64>) -> Rlimit {
    Rlimit { current: bytes, maximum: None }
}
