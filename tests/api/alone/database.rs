//! The server and its PostgreSQL: connections that run out, servers that change roles, and what keeps a start from
//! succeeding.

use std::{path::Path, process::Output, sync::Arc, time::Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tempfile::TempDir;

use crate::{
    alone::replicas::stale_reads,
    support::{
        app::App,
        client::Transport,
        postgres::{self, Server},
        process::free_port,
        replicas::Replicas,
        rpc::{CREATE_ROOM, GET_ME},
        server::Environment,
    },
};

#[tokio::test]
async fn a_call_that_gets_no_connection_is_unavailable_and_told_when_to_retry() {
    let environment = Environment::new()
        .set("DATABASE_CONNECTIONS_MAX", "2")
        .set("DATABASE_ACQUIRE_TIMEOUT", "200ms")
        .set("CALL_TIMEOUT", "1m");
    let replicas = Replicas::with(1, environment).await;
    let ann = replicas.apps[0].user("ann").await;
    let create = async || {
        let room = json!({ "room": { "name": "games" } });
        ann.call(Transport::Grpc, CREATE_ROOM, room).await
    };
    let mut connection = connect(replicas.environment.get("DATABASE_URL")).await;
    let mut lock = connection.begin().await.unwrap();
    lock.execute("LOCK TABLE rooms").await.unwrap();
    // Two of three can wait for the lock; which of them is nobody's matter.
    let calls = (0..3).map(|_| Box::pin(create()));
    let (refused, _, rest) = futures::future::select_all(calls).await;
    refused.refused("UNAVAILABLE", "UNAVAILABLE");
    assert!(refused.detail("google.rpc.RetryInfo").is_some(), "{refused:?}");
    lock.rollback().await.unwrap();
    futures::future::join_all(rest).await;
    create().await.ok();
}

/// Two servers with the schema, their URLs, and what names both of them.
async fn two_servers() -> ([Server; 2], [String; 2], Environment) {
    let servers = [Server::start(&[]), Server::start(&[])];
    let urls = [servers[0].create_database().await, servers[1].create_database().await];
    let environment = Environment::new();
    for url in &urls {
        let migrated = environment.clone().set("DATABASE_URL", url).run(&["migrate"], "");
        assert!(migrated.status.success(), "{migrated:?}");
    }
    // The ports and the name are all that the URLs differ in.
    let [first, second] = servers.each_ref().map(|server| server.process.port);
    let both = urls[0].replace(&format!("{first}"), &format!("{first},127.0.0.1:{second}"));
    let both = format!("{both}?target_session_attrs=read-write");
    (servers, urls, environment.set("DATABASE_URL", &both))
}

/// Brings along the keys of access tokens, as replication would: servers that found none would each go on with another.
async fn replicate_keys([from, to]: &[String; 2]) {
    let (mut from, mut to) = (connect(from).await, connect(to).await);
    to.execute("SET default_transaction_read_only = off").await.unwrap();
    let keys = from.fetch_all("SELECT row_to_json(signing_keys)::text FROM signing_keys").await;
    for key in keys.unwrap() {
        let insert = "INSERT INTO signing_keys \
                      SELECT * FROM json_populate_record(NULL::signing_keys, $1::json)";
        sqlx::query(insert).bind(key.get::<String, _>(0)).execute(&mut to).await.unwrap();
    }
}

#[tokio::test]
async fn replicas_hear_each_other_on_the_server_that_takes_writes() {
    let (_servers, urls, environment) = two_servers().await;
    set_read_only(&urls[1], true).await;
    let apps = vec![App::with(environment.clone()), App::with(environment.clone())];
    let replicas = Replicas { apps, environment };
    assert_eq!(stale_reads(&replicas, 20).await, 0);

    replicate_keys(&urls).await;
    // The one before does not take writes any more, and answers all the same.
    set_read_only(&urls[0], true).await;
    set_read_only(&urls[1], false).await;
    for app in &replicas.apps {
        app.server.log.find(|line| (line["event"] == "database_switched").then_some(())).unwrap();
        app.server.log.find(|line| (line["event"] == "changes_not_heard").then_some(())).unwrap();
    }
    assert_eq!(stale_reads(&replicas, 20).await, 0);
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'veza listener'";
    // Connections end and begin in their own time.
    for (url, listeners) in urls.iter().zip([0_i64, 2]) {
        let mut connection = connect(url).await;
        while connection.fetch_one(count).await.unwrap().get::<i64, _>(0) != listeners {}
    }
}

#[tokio::test]
async fn writes_follow_the_server_that_takes_them() {
    let (servers, urls, environment) = two_servers().await;
    set_read_only(&urls[0], true).await;
    let app = App::with(environment);
    app.user("ann").await;
    assert_eq!([users(&urls[0]).await, users(&urls[1]).await], [0, 1]);

    set_read_only(&urls[0], false).await;
    set_read_only(&urls[1], true).await;
    app.server.log.find(|line| (line["event"] == "database_switched").then_some(())).unwrap();
    app.user("bob").await;
    assert_eq!([users(&urls[0]).await, users(&urls[1]).await], [1, 1]);

    // The one that went is gone for good.
    servers[1].process.tell("crash").unwrap();
    app.user("carl").await;
    assert_eq!(users(&urls[0]).await, 2);
}

#[tokio::test]
async fn every_mode_of_tls_is_what_it_says() {
    let server = Server::start(&[]);
    let url = server.create_database().await;
    let authority = serve_tls(&url).await;
    let authority = authority.path().join("ca.crt");
    let environment = Environment::new().set("DATABASE_URL", &url);
    assert!(environment.run(&["migrate"], "").status.success());

    let by_name = url.replace("127.0.0.1", "localhost");
    let trusted = |mode: &str| format!("sslmode={mode}&sslrootcert={}", authority.display());
    for (url, parameters, encrypted) in [
        (&url, "sslmode=disable".to_owned(), "false"),
        (&url, "sslmode=prefer".to_owned(), "true"),
        (&url, "sslmode=require".to_owned(), "true"),
        (&url, trusted("verify-ca"), "true"),
        (&by_name, trusted("verify-full"), "true"),
    ] {
        let app =
            App::with(environment.clone().set("DATABASE_URL", &format!("{url}?{parameters}")));
        app.user("ann").await;
        assert_eq!(connections_over_tls(url).await, [encrypted], "{parameters}");
    }
    for (url, parameters) in [
        (&url, "sslmode=verify-ca".to_owned()),
        // The certificate has the name, not the address.
        (&url, trusted("verify-full")),
    ] {
        let environment = environment.clone().set("DATABASE_URL", &format!("{url}?{parameters}"));
        refuses_to_start(&environment, &["sslmode", "sslrootcert"]);
    }
    let plain = postgres::server().create_database().await;
    let environment = environment.set("DATABASE_URL", &format!("{plain}?sslmode=require"));
    refuses_to_start(&environment, &["TLS", "sslmode"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_said_in_a_sentence_and_soon() {
    let server = Server::start(&[]);
    let url = server.create_database().await;
    let environment = Environment::new();
    let starts_with = |url: &str, words: &[&str]| {
        refuses_to_start(&environment.clone().set("DATABASE_URL", url), words);
    };
    starts_with(&url, &["0001_create_accounts", "veza migrate"]);
    assert!(environment.clone().set("DATABASE_URL", &url).run(&["migrate"], "").status.success());

    let nobody = format!("postgres://veza:hunter22@127.0.0.1:{}/veza", free_port());
    starts_with(&nobody, &["DATABASE_URL", "127.0.0.1", "refused", "check that it runs"]);
    starts_with(&url.replace("test_", "other_"), &["does not exist", "createdb other_"]);
    starts_with(&format!("{url}?target_session_attrs=standby"), &["target_session_attrs"]);

    ask_for_passwords(&url).await;
    let strict = url.replace("veza@", "strict:hunter22@");
    starts_with(&strict, &["password", "strict", "check the user"]);

    let mut connection = connect(&url).await;
    connection
        .execute("INSERT INTO _sqlx_migrations VALUES (9999, 'later', now(), true, '', 0)")
        .await
        .unwrap();
    starts_with(&url, &["newer version", "9999"]);
    set_read_only(&url, true).await;
    starts_with(&url, &["takes no writes", "primary"]);
}

#[tokio::test]
async fn a_restart_of_the_database_needs_none_of_the_server() {
    let server = Server::start(&[]);
    let url = server.create_database().await;
    let environment = Environment::new().set("DATABASE_URL", &url);
    assert!(environment.run(&["migrate"], "").status.success());
    let app = App::with(environment);
    let ann = app.user("ann").await;
    server.process.tell("crash").unwrap();
    server.process.tell("start").unwrap();
    // A connection that was used a moment ago is not asked before, so the first calls may still find it broken.
    for _ in 0..100 {
        let reply = ann.call(Transport::Rest, GET_ME, json!({})).await;
        if reply.code == "OK" {
            return;
        }
        reply.refused("UNAVAILABLE", "UNAVAILABLE");
    }
    panic!("the server does not come back");
}

#[tokio::test]
async fn a_server_waits_for_migrations_and_of_two_migrators_one_waits() {
    let url = postgres::server().create_database().await;
    let environment = Environment::new().set("DATABASE_URL", &url).set("WAIT_FOR_MIGRATIONS", "1m");
    let starting = environment.clone();
    let server = std::thread::spawn(move || starting.start());
    let migrators = [environment.clone(), environment.clone()]
        .map(|environment| std::thread::spawn(move || environment.run(&["migrate"], "")));
    let outputs = migrators.map(|migrator| migrator.join().unwrap());
    assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
    let applied = outputs.iter().filter(|output| {
        let said = String::from_utf8_lossy(&output.stdout);
        said.contains("applied 0001_create_accounts in ")
            && said.ends_with("done: the schema is up to date\n")
    });
    assert_eq!(applied.count(), 1, "one migrates, the other waits and has nothing to do");
    let app = App::of(Arc::new(server.join().unwrap()));
    app.user("ann").await;
}

/// Demands that a server ends within ten seconds, with these words on the last line that it prints and no password.
#[track_caller]
fn refuses_to_start(environment: &Environment, words: &[&str]) {
    let began = Instant::now();
    let Output { status, stdout, stderr } = environment.run(&[], "");
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert!(!status.success());
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    let last = said.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("hunter22"), "{said}");
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn users(url: &str) -> i64 {
    connect(url).await.fetch_one("SELECT count(*) FROM users").await.unwrap().get(0)
}

/// Makes the whole server read-only, or no more.
async fn set_read_only(url: &str, read_only: bool) {
    let set = format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}");
    reload(url, &[&set]).await;
}

/// Has whoever calls themselves `strict` give a password.
async fn ask_for_passwords(url: &str) {
    let line = "COPY (VALUES ('host all strict all scram-sha-256'), ('host all all all trust')) \
                TO PROGRAM 'cat > pg_hba.conf'";
    reload(url, &["CREATE ROLE strict LOGIN PASSWORD 'right'", line]).await;
}

/// Gives the server a certificate for `localhost`, and returns the folder with that of its authority, `ca.crt`.
async fn serve_tls(url: &str) -> TempDir {
    let make = "set -e; \
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 2 -keyout ca.key -out ca.crt; \
        openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr; \
        echo subjectAltName=DNS:localhost > server.ext; \
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
            -extfile server.ext -out server.crt; chmod 600 server.key";
    let make = format!("COPY (SELECT 1) TO PROGRAM '({make}) 2>/dev/null'");
    reload(url, &[&make, "ALTER SYSTEM SET ssl = on"]).await;
    let mut connection = connect(&format!("{url}?sslmode=disable")).await;
    let row = connection.fetch_one("SELECT pg_read_file('ca.crt')").await.unwrap();
    let folder = TempDir::new().unwrap();
    write(&folder.path().join("ca.crt"), row.get(0));
    folder
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Executes statements, and returns when the server has read its settings again.
async fn reload(url: &str, statements: &[&str]) {
    let mut connection = connect(&format!("{url}?sslmode=disable")).await;
    for statement in statements {
        // A server that was read-only can be told otherwise.
        connection.execute("SET default_transaction_read_only = off").await.unwrap();
        connection.execute(AssertSqlSafe((*statement).to_owned())).await.unwrap();
    }
    let loaded = "SELECT pg_conf_load_time()::text";
    let before: String = connection.fetch_one(loaded).await.unwrap().get(0);
    connection.execute("SELECT pg_reload_conf()").await.unwrap();
    loop {
        // Sessions read settings again between two statements; new ones have them from the beginning.
        let after: String = connection.fetch_one(loaded).await.unwrap().get(0);
        if after != before {
            return;
        }
    }
}

/// Whether the connections of servers use TLS.
async fn connections_over_tls(url: &str) -> Vec<String> {
    let sql = "SELECT DISTINCT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
               WHERE application_name = 'veza'";
    let mut connection = connect(&format!("{url}?sslmode=disable")).await;
    connection.fetch_all(sql).await.unwrap().iter().map(|row| row.get(0)).collect()
}
