//! What docs/events.md says to those who consume events is so.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use super::{make_room, rename_room};
use crate::support::{app::App, client::Transport, contract, nats, server::Environment};

const DOCUMENT: &str = include_str!("../../../../docs/events.md");

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_document_lists_every_event_of_the_contract_and_no_other() {
    let listed: Vec<_> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(subject, _)| subject)
        .filter(|name| name.contains('.'))
        .collect();
    let data = contract::message("veza.event.v1.Event").oneofs().next().unwrap();
    let types: Vec<_> = data.fields().map(|field| field.name().replacen('_', ".", 1)).collect();
    assert_eq!(listed, types);
}

/// The configuration of NATS in the document, with somebody beside who may read all, and with more that Veza may do.
fn permissions(more: &str) -> String {
    let begin = DOCUMENT.find("authorization {").unwrap();
    let block = DOCUMENT[begin..].split("```").next().unwrap();
    let create = "\"$JS.API.STREAM.CREATE.VEZA\"";
    assert!(block.contains(create) && block.contains("$VEZA_PASSWORD"), "{block}");
    block
        .replace("users: [ {", "users: [ { user: reader, password: reader }, {")
        .replace("$VEZA_PASSWORD", "hunter22")
        .replace(create, &format!("{create}\n{more}"))
}

#[tokio::test]
async fn the_rights_in_the_document_suffice() {
    let nats = nats::Server::durable_with(&permissions("")).read_by("reader:reader");
    let url = nats.url_for("veza:hunter22");
    let app = App::alone(Environment::new().set("NATS_URL", &url));
    let ann = app.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;
    assert_eq!(nats.published(2).await[1].resource(), room);
    nats.tell("crash");
    rename_room(&ann, &room, 1).await;
    nats.tell("start");
    assert_eq!(nats.published(3).await[2].resource(), room);
}

#[tokio::test]
async fn the_rights_in_the_document_suffice_to_follow_events() {
    let sentence =
        DOCUMENT.lines().skip_while(|line| !line.starts_with("`veza events tail`")).take(2);
    let more: String = sentence.collect();
    let more: Vec<_> = more.split('`').filter(|part| part.starts_with("$JS")).collect();
    assert_eq!(more.len(), 4, "{more:?}");
    let more = format!("\"{}\"", more.join("\"\n\""));
    let nats = nats::Server::durable_with(&permissions(&more)).read_by("reader:reader");
    let environment = Environment::new().set("NATS_URL", &nats.url_for("veza:hunter22"));
    let app = App::alone(environment.clone());
    app.user("ann").await;
    nats.published(1).await;
    let tail = ["events", "tail", "--since", "1h", "--limit", "1"];
    let shown = environment.run(&tail, "");
    assert!(shown.status.success(), "{shown:?}");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("user.created"), "{shown:?}");
}

#[tokio::test]
async fn who_may_not_follow_events_is_told_what_is_missing() {
    let nats = nats::Server::durable_with(&permissions("")).read_by("reader:reader");
    let environment = Environment::new().set("NATS_URL", &nats.url_for("veza:hunter22"));
    let app = App::alone(environment.clone());
    app.user("ann").await;
    nats.published(1).await;
    let refused = environment.run(&["events", "tail"], "");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("docs/events.md") && !said.contains("hunter22"), "{said}");
}

/// The consumer of the document, which ends with this.
struct Consumer(Child);

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Python with what the consumer needs.
fn python() -> Command {
    let python = Path::new(ROOT).join("target/tools/venv/bin/python");
    let mut command = Command::new(python);
    command.current_dir(ROOT).stdin(Stdio::null());
    command
}

impl Consumer {
    fn start(url: &str, folder: &Path) -> Self {
        let protos = contract::files();
        let made = python()
            .args(["-m", "grpc_tools.protoc", "-I"])
            .arg(Path::new(ROOT).join("proto"))
            .arg(format!("--python_out={}", folder.display()))
            .args(protos)
            .output()
            .unwrap();
        assert!(made.status.success(), "make tools installs what is needed: {made:?}");
        let database = folder.join("rooms.db");
        let started = python()
            .env("PYTHONPATH", folder)
            .arg("docs/examples/consumer.py")
            .arg(url)
            .arg(database)
            .spawn();
        Self(started.unwrap())
    }
}

#[tokio::test]
async fn the_consumer_in_the_document_takes_an_event_into_account_once() {
    let nats = nats::Server::start();
    // So short that JetStream takes an event again.
    let environment = Environment::new().set("NATS_URL", &nats.url());
    let environment = environment.set("NATS_STREAM_DUPLICATE_WINDOW", "100ms");
    let app = App::alone(environment.clone());
    let ann = app.user("ann").await;
    let room = make_room(&ann, Transport::Grpc).await;
    rename_room(&ann, &room, 3).await;
    nats.published(5).await;
    app.until_metric("veza_outbox_pending", 0.0).await;
    let replayed = environment.run(&["outbox", "replay", "--since", "1h", "--yes"], "");
    assert!(replayed.status.success(), "{replayed:?}");
    nats.published(10).await;
    let last = make_room(&ann, Transport::Grpc).await;

    let folder = TempDir::new().unwrap();
    let _consumer = Consumer::start(&nats.url(), folder.path());
    let database = format!("sqlite:{}?mode=rwc", folder.path().join("rooms.db").display());
    let rows = async {
        loop {
            let rows = rooms(&database).await;
            if rows.iter().any(|(id, ..)| last.ends_with(id)) {
                return rows;
            }
            tokio::task::yield_now().await;
        }
    };
    let rows = tokio::time::timeout(nats::PATIENCE, rows).await.expect("the last room");
    let of_room = rows.iter().find(|(id, ..)| room.ends_with(id)).unwrap();
    assert_eq!((of_room.1.as_str(), of_room.2), ("name 2", 4));
}

/// What the consumer knows of rooms: id, name, and how many events it took into account.
async fn rooms(database: &str) -> Vec<(String, String, i64)> {
    let Ok(mut connection) = SqliteConnection::connect(database).await else { return Vec::new() };
    let query = sqlx::query_as("SELECT id, name, events FROM rooms");
    query.fetch_all(&mut connection).await.unwrap_or_default()
}
