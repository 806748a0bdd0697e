//! What operators see of the database: how long its queries take, which are slow, and who waits for a connection.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use crate::support::{
    app::{App, Person},
    client::{Call, Transport},
    postgres::Server,
    replicas::Replicas,
    rpc::{CREATE_ROOM, GET_ME},
    server::Environment,
};

/// A server on each database, and the query in which a new room waits for whoever holds the lock.
async fn on_each_database(environment: Environment) -> [(App, &'static str); 2] {
    let mut replicas = Replicas::with(1, environment.clone()).await;
    [(App::alone(environment), "begin"), (replicas.apps.remove(0), "insert_room")]
}

/// A lock that new rooms wait for until it is let go of.
enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    async fn take(app: &App) -> Self {
        let url = app.server.environment.get("DATABASE_URL");
        if url.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            connection.execute("BEGIN IMMEDIATE").await.unwrap();
            return Self::Sqlite(connection);
        }
        let mut connection = PgConnection::connect(url).await.unwrap();
        connection.execute("BEGIN; LOCK TABLE rooms").await.unwrap();
        Self::Postgres(connection)
    }

    async fn let_go(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}

fn new_room(name: &str) -> Call {
    Call::to(CREATE_ROOM, json!({ "room": { "name": name } }))
}

async fn make_room(person: &Person) {
    person.send(Transport::Grpc, new_room("games")).await.ok();
}

#[tokio::test]
async fn every_query_is_counted_and_timed_by_its_name() {
    for (app, _) in on_each_database(Environment::new()).await {
        let ann = app.user("ann").await;
        let before = app.metric("veza_db_query_duration_seconds_count{query=\"commit\"}").await;
        for _ in 0..3 {
            make_room(&ann).await;
        }
        let of_rooms =
            |what: &str| format!("veza_db_query_duration_seconds_{what}query=\"insert_room\"}}");
        // A room, and the membership of its owner.
        assert_eq!(app.metric(&of_rooms("count{")).await, Some(6.0));
        assert_eq!(app.metric(&of_rooms("bucket{le=\"+Inf\",")).await, Some(6.0));
        let seconds = app.metric(&of_rooms("sum{")).await.unwrap();
        assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
        let after = app.metric("veza_db_query_duration_seconds_count{query=\"commit\"}").await;
        assert!(after.unwrap() >= before.unwrap() + 3.0, "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn a_slow_query_is_told_of_by_its_name_and_without_its_values() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    // On SQLite the relay may be the one that waits, and the call behind it for a connection, each for 5 s at most.
    let environment = Environment::new()
        .set("DATABASE_SLOW_QUERY", "20ms")
        .set("DATABASE_ACQUIRE_TIMEOUT", "30s")
        .set("CALL_TIMEOUT", "30s");
    for (app, query) in on_each_database(environment).await {
        let ann = app.user("ann").await;
        let lock = Lock::take(&app).await;
        let patience = if query == "begin" { "30S" } else { "1S" };
        let traced = new_room("a secret name")
            .header("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"))
            .header("grpc-timeout", patience);
        let is_wanted = |line: &&Value| {
            line["event"] == "slow_query" && line["query"] == query && line["trace_id"] == TRACE
        };
        let reply = ann.send(Transport::Grpc, traced).await;
        assert_ne!(reply.code, "OK", "{reply:#?}");
        lock.let_go().await;
        let line = app.server.log.find(|line| is_wanted(&line).then(|| line.clone()));
        let line = line.expect("a slow query");
        assert!(line["duration_ms"].as_f64().unwrap() > 20.0, "{line}");
        assert_eq!((&line["level"], &line["user_id"]), (&json!("warn"), &json!(ann.id)));
        let fields: BTreeSet<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let known = ["timestamp", "level", "message", "user_id", "ip", "trace_id"];
        let known = known.into_iter().chain(["query", "duration_ms", "event"]);
        assert_eq!(fields, known.collect());
        assert!(!app.server.log.text().contains("INSERT INTO"), "no statement is in the log");
        let count = format!("veza_db_slow_queries_total{{query=\"{query}\"}}");
        assert!(app.metric(&count).await.unwrap() >= 1.0);
    }
}

#[tokio::test]
async fn connections_and_those_who_wait_for_one_are_shown() {
    const WAITING: &str = "veza_db_pool_pending_requests";
    let environment = Environment::new()
        .set("DATABASE_CONNECTIONS_MAX", "2")
        .set("DATABASE_ACQUIRE_TIMEOUT", "1m")
        .set("CALL_TIMEOUT", "1m");
    for (app, _) in on_each_database(environment).await {
        let ann = app.user("ann").await;
        let state = |state| format!("veza_db_pool_connections{{state=\"{state}\"}}");
        let lock = Lock::take(&app).await;
        let calls = futures::future::join_all((0..4).map(|_| make_room(&ann)));
        let wait = async {
            // Two of four have a connection to PostgreSQL, and one the only one that writes to SQLite.
            while !app.metric(WAITING).await.is_some_and(|waiting| waiting >= 2.0) {}
            assert!(app.metric(&state("used")).await.unwrap() >= 1.0);
            lock.let_go().await;
        };
        tokio::join!(calls, tokio::time::timeout(Duration::from_secs(30), wait))
            .1
            .expect("they wait");
        app.until_metric(WAITING, 0.0).await;
        app.until_metric(&state("used"), 0.0).await;
        let idle = app.metric(&state("idle")).await.unwrap();
        assert!((0.0..=3.0).contains(&idle), "{idle}");
    }
}

#[tokio::test]
async fn nothing_that_clients_send_adds_a_label() {
    for (app, _) in on_each_database(Environment::new()).await {
        let before = labels(&app).await;
        assert!(before.len() > 500, "{before:?}");
        let ann = app.user("ann").await;
        make_room(&ann).await;
        ann.everywhere(Call::to(GET_ME, json!({}))).await.ok();
        ann.send(Transport::Grpc, new_room("")).await;
        assert_eq!(labels(&app).await, before);
    }
}

/// What is measured of the database and of caches, with all labels.
async fn labels(app: &App) -> BTreeSet<String> {
    let metrics = app.get("/metrics").await;
    let ours = |line: &&str| line.starts_with("veza_db_") || line.starts_with("veza_cache_");
    let names = metrics.text().lines().filter(ours).filter_map(|line| line.rsplit_once(' '));
    names.map(|(name, _)| name.to_owned()).collect()
}

#[tokio::test]
async fn what_is_remembered_is_counted_by_cache() {
    for (app, _) in on_each_database(Environment::new()).await {
        let ann = app.user("ann").await;
        for _ in 0..5 {
            ann.call(Transport::Rest, GET_ME, json!({})).await.ok();
        }
        let count = async |cache: &str, result: &str| {
            let name =
                format!("veza_cache_requests_total{{cache=\"{cache}\",result=\"{result}\"}}");
            app.metric(&name).await
        };
        // Tokens are verified once.
        assert_eq!(count("tokens", "miss").await, Some(1.0));
        assert_eq!(count("tokens", "hit").await, Some(4.0));
        // Once more they are forgotten when the server begins to hear what others change.
        for cache in ["sessions", "permissions", "users"] {
            let hits = count(cache, "hit").await.unwrap();
            let misses = count(cache, "miss").await.unwrap();
            assert!((3.0..=5.0).contains(&hits) && misses <= 2.0, "{cache}: {hits} and {misses}");
        }
    }
}

#[tokio::test]
async fn whether_the_database_answers_is_shown() {
    const UP: &str = "veza_dependency_up{dependency=\"database\"}";
    let server = Server::start(&[]);
    let environment = Environment::new().set("DATABASE_URL", &server.create_database().await);
    assert!(environment.run(&["migrate"], "").status.success());
    let app = App::with(environment);
    app.until_metric(UP, 1.0).await;
    server.process.tell("crash").unwrap();
    app.until_metric(UP, 0.0).await;
    server.process.tell("start").unwrap();
    app.until_metric(UP, 1.0).await;
    assert_eq!(App::start().metric(UP).await, Some(1.0));
}
