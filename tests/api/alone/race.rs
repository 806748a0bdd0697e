//! Changes that PostgreSQL cannot let pass beside others: they are made again, and their callers do not hear of it.

use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, raw_sql};

use crate::support::{
    app::App,
    client::{Call, Transport},
    replicas::Replicas,
    rpc::{CREATE_ROOM, DELETE_USER, LIST_ROOMS},
    server::Environment,
};

/// Every third insertion of a room fails as a transaction that lost a race does, and so does every third commit of one.
/// Sequences count them, because a rollback does not set them back.
const LOSSES: &str = r"
    CREATE SEQUENCE lose_at_once;
    CREATE SEQUENCE lose_at_the_end;
    CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.name = 'doomed' OR nextval(TG_NAME::regclass) % 3 = 0 THEN
            RAISE EXCEPTION 'lost' USING ERRCODE = TG_ARGV[0];
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER lose_at_once AFTER INSERT ON rooms
        FOR EACH ROW EXECUTE FUNCTION lose('40P01');
    CREATE CONSTRAINT TRIGGER lose_at_the_end AFTER INSERT ON rooms DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION lose('40001');
";

#[tokio::test]
async fn a_change_that_loses_a_race_is_made_again_unseen() {
    let replicas = Replicas::start(1).await;
    raw_sql(LOSSES).execute(&mut connect(&replicas).await).await.unwrap();
    let app = &replicas.apps[0];
    let ann = app.user("ann").await;
    for place in 0..12 {
        let transport = Transport::ALL[place % Transport::ALL.len()];
        let room = json!({ "room": { "name": format!("room {place}") } });
        ann.call(transport, CREATE_ROOM, room).await.ok();
    }
    let rooms = ann.call(Transport::Grpc, LIST_ROOMS, json!({ "pageSize": 100 })).await;
    assert_eq!(rooms.ok()["rooms"].as_array().unwrap().len(), 12);
    assert!(retries(app, "deadlock").await > 0);
    assert!(retries(app, "serialization_failure").await > 0);
}

#[tokio::test]
async fn a_change_that_loses_every_race_is_unavailable_and_kept_nowhere() {
    let replicas = Replicas::start(1).await;
    raw_sql(LOSSES).execute(&mut connect(&replicas).await).await.unwrap();
    let app = &replicas.apps[0];
    let ann = app.user("ann").await;
    for (before, transport) in Transport::ALL.into_iter().enumerate() {
        let room = json!({ "room": { "name": "doomed" } });
        let reply = ann.call(transport, CREATE_ROOM, room).await;
        reply.refused("UNAVAILABLE", "UNAVAILABLE");
        assert!(reply.detail("google.rpc.RetryInfo").is_some(), "{reply:?}");
        // Three attempts in all.
        assert_eq!(retries(app, "deadlock").await, 2 * (before as u64 + 1));
    }
    let rooms = ann.call(Transport::Grpc, LIST_ROOMS, json!({})).await;
    assert_eq!(rooms.ok()["rooms"].as_array().map(Vec::len).unwrap_or_default(), 0);
}

#[tokio::test]
async fn a_server_that_loses_races_for_its_first_key_starts() {
    /// The first key is lost twice.
    const LOSSES: &str = r"
        CREATE SEQUENCE tries;
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('tries') < 3 THEN
                RAISE EXCEPTION 'lost' USING ERRCODE = '40001';
            END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON signing_keys DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION lose();
    ";
    let mut replicas = Replicas::start(0).await;
    raw_sql(LOSSES).execute(&mut connect(&replicas).await).await.unwrap();
    replicas.join();
    let app = &replicas.apps[0];
    assert_eq!(retries(app, "serialization_failure").await, 2);
    app.user("ann").await;
}

#[tokio::test]
async fn a_call_that_postgresql_picks_to_end_a_deadlock_succeeds() {
    let replicas = Replicas::with(1, Environment::new().set("CALL_TIMEOUT", "1m")).await;
    let app = &replicas.apps[0];
    let [boss, _other] = [app.admin("boss").await, app.admin("other").await];

    // The call will hold the row of its user and want this table. It notices the deadlock, because the other side
    // never looks.
    let mut connection = connect(&replicas).await;
    connection.execute("SET deadlock_timeout = '1h'").await.unwrap();
    let mut rival = connection.begin().await.unwrap();
    rival.execute("LOCK TABLE role_bindings IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
    let delete = boss.send(Transport::Rest, Call::to(DELETE_USER, json!({ "id": boss.id })));
    let compete = async {
        let mut watcher = connect(&replicas).await;
        let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
                       AND wait_event_type = 'Lock'";
        let look = async { while watcher.fetch_optional(waiting).await.unwrap().is_none() {} };
        tokio::time::timeout(std::time::Duration::from_secs(30), look).await.expect("it waits");
        rival.execute("UPDATE users SET bio = 'rival'").await.unwrap();
        rival.commit().await.unwrap();
    };
    let (deleted, ()) = tokio::join!(delete, compete);
    assert_eq!(deleted.ok()["user"]["bio"], "rival", "the change was made after the other one");
    assert_eq!(retries(app, "deadlock").await, 1);
}

async fn connect(replicas: &Replicas) -> PgConnection {
    PgConnection::connect(replicas.environment.get("DATABASE_URL")).await.unwrap()
}

async fn retries(app: &App, reason: &str) -> u64 {
    let metrics = app.get("/metrics").await;
    let name = format!("veza_db_retries_total{{reason=\"{reason}\"}} ");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(&*name));
    line.map_or(0, |count| count.parse().unwrap())
}
