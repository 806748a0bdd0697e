//! How a server starts with NATS: what it makes, what it refuses, and what it says.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Output,
    thread,
};

use async_nats::jetstream::{self, stream::Config};

use crate::support::{app::App, nats, server::Environment};

const TWO_USERS: &str = "authorization { users: [ { user: veza, password: hunter22 } ] }";

/// What a server says that cannot start with this URL.
fn refused(url: &str) -> String {
    refused_with(&Environment::new().set("NATS_URL", url))
}

fn refused_with(environment: &Environment) -> String {
    let output: Output = environment.run(&[], "");
    assert!(!output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(!said.contains("hunter"), "{said}");
    said
}

#[tokio::test]
async fn a_server_makes_the_stream_as_it_is_set() {
    let nats = nats::Server::start();
    let environment = Environment::new()
        .set("NATS_URL", &nats.url())
        .set("NATS_STREAM", "EVENTS")
        .set("NATS_STREAM_MAX_AGE", "48h")
        .set("NATS_STREAM_DUPLICATE_WINDOW", "90s");
    let _app = App::alone(environment);
    let mut stream = nats.stream("EVENTS").await;
    let config = &stream.info().await.unwrap().config;
    assert_eq!(config.subjects, ["user.*", "session.*", "room.*", "message.*", "stream.*"]);
    assert_eq!((config.max_age.as_secs(), config.duplicate_window.as_secs()), (172_800, 90));
    assert_eq!(config.num_replicas, 1);
    assert_eq!(config.storage, jetstream::stream::StorageType::File);
}

#[tokio::test]
async fn a_stream_that_is_there_is_left_as_it_is() {
    let nats = nats::Server::start();
    let context = jetstream::new(nats.client().await);
    let subjects = ["user.>", "room.>", "stream.*", "session.revoked"].map(str::to_owned).into();
    let config = Config { name: "VEZA".into(), subjects, ..Config::default() };
    let made = context.create_stream(config).await.unwrap().cached_info().config.clone();
    let app = App::alone(Environment::new().set("NATS_URL", &nats.url()));
    app.user("ann").await;
    assert_eq!(nats.published(1).await[0].subject, "user.created");
    assert_eq!(nats.stream("VEZA").await.cached_info().config, made);
}

#[tokio::test]
async fn a_stream_without_our_subjects_is_refused_with_what_to_do() {
    let nats = nats::Server::start();
    let context = jetstream::new(nats.client().await);
    let subjects = vec!["user.*".to_owned()];
    let config = Config { name: "VEZA".into(), subjects, ..Config::default() };
    context.create_stream(config).await.unwrap();
    let said = refused(&nats.url());
    for part in ["VEZA", "session.revoked", "NATS_STREAM", "nats stream edit"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test]
async fn a_foreign_stream_with_our_subjects_is_named() {
    let nats = nats::Server::start();
    let context = jetstream::new(nats.client().await);
    let subjects = vec!["room.*".to_owned()];
    let config = Config { name: "HOTEL".into(), subjects, ..Config::default() };
    context.create_stream(config).await.unwrap();
    let said = refused(&nats.url());
    for part in ["HOTEL", "room.*", "NATS_STREAM=HOTEL"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_wrong_login_ends_the_start_and_is_not_shown() {
    let nats = nats::Server::durable_with(TWO_USERS);
    for login in ["veza:hunter23", "hunter22"] {
        let said = refused(&nats.url_for(login));
        assert!(said.contains("refuses the login") && said.contains("NATS_URL"), "{said}");
    }
}

#[tokio::test]
async fn a_login_in_the_url_is_used_and_never_shown() {
    let nats = nats::Server::durable_with(TWO_USERS);
    let url = nats.url_for("veza:hunter22");
    let environment = Environment::new().set("NATS_URL", &url).set("LOG_LEVEL", "trace");
    let shown = environment.run(&["config"], "");
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("hunter22"), "{shown:?}");
    let app = App::alone(environment);
    let up = app.server.log.find(|line| (line["event"] == "nats_stream_made").then_some(()));
    assert!(up.is_some());
    nats.tell("crash");
    let down = app.server.log.find(|line| (line["event"] == "nats_down").then_some(()));
    assert!(down.is_some());
    app.server.stop();
    assert!(!app.server.output().contains("hunter22"));
}

#[test]
fn a_nats_without_jetstream_ends_the_start() {
    let nats = nats::Server::with("");
    let said = refused(&nats.url());
    assert!(said.contains("no JetStream") && said.contains("--jetstream"), "{said}");
}

#[test]
fn a_nats_that_is_too_old_ends_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let info = r#"INFO {"server_id":"A","version":"2.8.4","proto":1,"max_payload":1048576,"headers":true}"#;
        socket.write_all(format!("{info}\r\n").as_bytes()).unwrap();
        let mut heard = [0; 4096];
        while socket.read(&mut heard).is_ok_and(|bytes| bytes > 0) {
            socket.write_all(b"PONG\r\n").ok();
        }
    });
    let said = refused(&url);
    assert!(said.contains("2.8.4") && said.contains("2.9"), "{said}");
}

#[test]
fn a_url_or_file_that_cannot_be_read_ends_the_start_and_is_not_shown() {
    for url in
        ["hunter22", "http://veza:hunter22@a", "nats://veza:hunter22@", "nats://veza:hunter22@a:b"]
    {
        let said = refused(url);
        assert!(said.contains("NATS_URL cannot be read") && said.contains("nats://HOST"), "{said}");
    }
    for file in ["NATS_CREDS_FILE", "NATS_CA_FILE"] {
        let environment = Environment::new().set("NATS_URL", "nats://127.0.0.1:1");
        let said = refused_with(&environment.set(file, "/nowhere/at/all"));
        assert!(said.contains(file) && said.contains("/nowhere/at/all"), "{said}");
    }
    let environment = Environment::new().set("NATS_URL", "nats://127.0.0.1:1");
    let said = refused_with(&environment.set("NATS_CERT_FILE", "/nowhere"));
    assert!(said.contains("NATS_CERT_FILE") && said.contains("NATS_KEY_FILE"), "{said}");
}
