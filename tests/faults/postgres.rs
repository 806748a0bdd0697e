//! F-08, F-10 and F-11: PostgreSQL restarts, has no connection left, and lets changes collide.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time;

use super::{
    experiment::{Experiment, eventually, stretch},
    probe,
    targets::Targets,
    workload::Workload,
};
use crate::support::{
    app::{App, text},
    client::{Call, Transport},
    postgres::Server,
    rpc::{CREATE_ROOM, UPDATE_ROOM},
    server::Environment,
};

/// How long PostgreSQL is away, and how long it has no connection left.
const OUTAGE: Duration = Duration::from_secs(2);

/// How soon a server says that it is not ready.
const UNREADY_MAX: Duration = Duration::from_secs(5);

/// Lets every hundredth change of a room fail as a collision does, by turns in both ways.
const COLLISIONS: &str = "
    CREATE SEQUENCE collisions;
    CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE turn bigint := nextval('collisions');
    BEGIN
        IF turn % 200 = 0 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '40001'; END IF;
        IF turn % 200 = 100 THEN RAISE EXCEPTION 'injected' USING ERRCODE = '40P01'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER collide BEFORE INSERT OR UPDATE ON rooms FOR EACH ROW EXECUTE FUNCTION collide();";

/// Has whoever records an event about a room wait for a lock while the room is locked.
const CROSSING: &str = "
    CREATE FUNCTION cross_over() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock(11); RETURN NEW; END $$;
    CREATE TRIGGER cross_over BEFORE INSERT ON outbox FOR EACH ROW
        WHEN (NEW.event_type = 'room.updated') EXECUTE FUNCTION cross_over();";

/// A PostgreSQL with a database for a server, and the URL of that.
async fn postgres(settings: &[&str]) -> (Server, String) {
    let postgres = Server::start(settings);
    let database = postgres.create_database().await;
    (postgres, database)
}

fn on(database: &str) -> Environment {
    let environment = Environment::new().set("DATABASE_URL", database);
    let migrated = environment.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn f_08_a_restart_of_postgresql_is_an_outage_and_no_loss() {
    let mut experiment = Experiment::begin("F-08").await;
    let (postgres, database) = postgres(&[]).await;
    let server = on(&database).start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    let ledger = &workload.ledger;
    let names = ["fast restart", "immediate restart", "killed postmaster"];
    for (ending, name) in ["stop fast", "stop immediate", "crash"].into_iter().zip(names) {
        workload.progress(100).await;
        let began = ledger.now();
        postgres.process.tell(ending).unwrap();
        let down = Instant::now();
        while probe::is_ready(server.address).await {
            assert!(down.elapsed() < UNREADY_MAX, "it says that it is ready");
            time::sleep(Duration::from_millis(20)).await;
        }
        let (health, _) = probe::get(server.address, "/health").await.expect("an answer");
        assert_eq!(health, 200, "only the database is away");
        time::sleep(stretch(OUTAGE).saturating_sub(down.elapsed())).await;
        postgres.process.tell("start").unwrap();
        let outage = down.elapsed();
        workload.progress(50).await;
        let silence = ledger.longest_silence(began, ledger.now());
        experiment.measure(name, format!("{outage:.1?}, silence {silence:.1?}"));
    }
    let stuck = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'veza' \
                 AND state_change < now() - interval '10 s' AND state LIKE 'idle in%'";
    let mut connection = PgConnection::connect(&database).await.unwrap();
    let stuck: i64 = sqlx::query_scalar(stuck).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(stuck, 0, "no connection is stuck in a transaction");
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_10_a_postgresql_without_connections_is_waited_for() {
    let mut experiment = Experiment::begin("F-10").await;
    let (_postgres, database) = postgres(&["-c", "max_connections=20"]).await;
    let server = on(&database)
        .set("DATABASE_ACQUIRE_TIMEOUT", "1s")
        .set("DATABASE_CONNECTIONS_MAX", "10")
        .start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    workload.progress(100).await;

    let take = take_every_connection(&database);
    let hogs = eventually("every connection is taken", take).await;
    time::sleep(stretch(OUTAGE)).await;
    for hog in hogs {
        hog.close().await.unwrap();
    }
    let freed = workload.ledger.now();
    workload.progress(100).await;
    experiment.measure_time("recovery", workload.ledger.recovery(freed).unwrap_or_default());
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

/// Takes the connections of a server away from it, and every one that is left.
async fn take_every_connection(database: &str) -> Vec<PgConnection> {
    let mut hogs = vec![PgConnection::connect(database).await.unwrap()];
    loop {
        let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                      WHERE application_name = 'veza'";
        let ended: i64 = sqlx::query_scalar(others).fetch_one(&mut hogs[0]).await.unwrap();
        let before = hogs.len();
        while let Ok(hog) = PgConnection::connect(database).await {
            hogs.push(hog);
        }
        if (ended, before) == (0, hogs.len()) {
            return hogs;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_11_changes_that_collide_are_made_again() {
    let mut experiment = Experiment::begin("F-11").await;
    // So long that the one who waits first finds out that both wait.
    let (_postgres, database) = postgres(&["-c", "deadlock_timeout=3s"]).await;
    let server = on(&database).start();
    let address = server.address;
    let app = App::of(server.into());
    let crossed = cross_over(&app, &database).await;
    assert_eq!(crossed, "OK", "a change that was in a deadlock is made again");

    let mut connection = PgConnection::connect(&database).await.unwrap();
    connection.execute(COLLISIONS).await.unwrap();
    connection.close().await.unwrap();
    let targets = Targets::new(&[address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    workload
        .progress(usize::try_from(stretch(Duration::from_secs(6)).as_secs()).unwrap() * 100)
        .await;
    workload.ledger.assert_unharmed();
    let retries = probe::metric(address, "veza_db_retries_total").await.unwrap_or_default();
    assert!(retries > 1, "collisions are counted");
    experiment.measure("collisions made again", retries);
    experiment.conclude(workload, &targets, &database, async |_| None).await;
}

/// Has a change and another transaction take two locks in opposite order, and returns what the change is answered.
async fn cross_over(app: &App, database: &str) -> String {
    let ann = app.user("ann").await;
    let created = ann.call(Transport::Grpc, CREATE_ROOM, json!({ "room": { "name": "x" } })).await;
    let room = text(&created.ok()["room"]["id"]);
    let mut other = PgConnection::connect(database).await.unwrap();
    other.execute(CROSSING).await.unwrap();
    // The other one never gives way.
    other
        .execute("SET deadlock_timeout = '1min'; BEGIN; SELECT pg_advisory_xact_lock(11)")
        .await
        .unwrap();
    let fields = json!({ "id": room, "description": "crossed" });
    let update = Call::to(UPDATE_ROOM, json!({ "room": fields, "updateMask": "description" }));
    let change = async { ann.send(Transport::Grpc, update).await.code };
    let opposite = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE application_name = 'veza' AND wait_event = 'advisory'";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut other).await.unwrap() == 0 {
            time::sleep(Duration::from_millis(5)).await;
        }
        let lock = format!("SELECT 1 FROM rooms WHERE id = '{room}' FOR UPDATE");
        other.execute(AssertSqlSafe(lock)).await.unwrap();
        other.execute("COMMIT; DROP FUNCTION cross_over CASCADE").await.unwrap();
    };
    let both = async { tokio::join!(change, opposite) };
    let (code, ()) = eventually("one of two in a deadlock gives way", both).await;
    code
}
