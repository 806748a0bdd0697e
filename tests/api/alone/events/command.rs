//! What an operator asks of the outbox and of the events at the command line.

use std::process::Output;

use serde_json::Value;

use super::{make_room, on_each_database, rename_room, text};
use crate::support::{app::App, client::Transport, database, nats, server::Environment};

const PENDING: &str = "veza_outbox_pending";

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn run(environment: &Environment, arguments: &[&str]) -> String {
    let output = environment.run(arguments, "");
    assert!(output.status.success(), "{output:?}");
    said(&output)
}

fn status(environment: &Environment) -> Value {
    serde_json::from_str(&run(environment, &["outbox", "status", "--json"])).unwrap()
}

#[tokio::test]
async fn the_status_tells_of_the_outbox_and_of_the_stream() {
    let nats = nats::Server::start();
    let mut count = 0;
    for environment in on_each_database(&nats).await {
        let app = App::alone(environment.clone());
        let ann = app.user("ann").await;
        let room = make_room(&ann, Transport::Grpc).await;
        count += 2;
        nats.published(count).await;
        app.until_metric(PENDING, 0.0).await;
        let shown = status(&environment);
        assert_eq!(shown["pending"], 0);
        assert_eq!(shown["oldestPendingTime"], Value::Null);
        assert_eq!(shown["publishedWithin24h"], 2);
        assert_eq!(shown["nats"]["stream"], "VEZA");
        assert_eq!(shown["nats"]["messages"], count);
        let shown = run(&environment, &["outbox", "status"]);
        assert!(shown.contains("pending") && shown.contains("VEZA"), "{shown}");

        nats.tell("crash");
        rename_room(&ann, &room, 1).await;
        let shown = status(&environment);
        assert_eq!(shown["pending"], 1);
        assert!(text(&shown["oldestPendingTime"]).ends_with('Z'));
        assert!(text(&shown["nats"]["error"]).contains("does not answer"), "{shown}");
        nats.tell("start");
        count += 1;
        nats.published(count).await;
    }
}

#[tokio::test]
async fn a_replay_is_asked_for_counted_audited_and_keeps_ids() {
    let nats = nats::Server::start();
    for environment in on_each_database(&nats).await {
        // So short that JetStream takes them again.
        let environment = environment.set("NATS_STREAM_DUPLICATE_WINDOW", "100ms");
        let app = App::alone(environment.clone());
        let ann = app.user("ann").await;
        make_room(&ann, Transport::Grpc).await;
        nats.published(2).await;
        app.until_metric(PENDING, 0.0).await;

        let refused = environment.run(&["outbox", "replay", "--since", "1h"], "");
        assert!(!refused.status.success());
        assert!(said(&refused).contains("2 events") && said(&refused).contains("--yes"));
        let done = run(&environment, &["outbox", "replay", "--since", "1h", "--yes"]);
        assert!(done.contains("2 events"), "{done}");
        let published = nats.published(4).await;
        let ids: Vec<_> = published.iter().map(nats::Published::id).collect();
        assert_eq!(ids[..2], ids[2..]);
        let audited = database::actions(&environment).await;
        assert!(audited.contains(&"outbox.replay".to_owned()), "{audited:?}");
        let none = run(&environment, &["outbox", "replay", "--since", "1ms"]);
        assert!(none.contains("nothing to do"), "{none}");
        let far = environment.run(&["outbox", "replay", "--since", "2d"], "");
        assert!(said(&far).contains("24 hours"), "{far:?}");
        // The server stops with the last who knows it, and would publish again what the stream lost.
        drop((app, ann));
        nats.tell("crash");
        nats.tell("forget");
        nats.tell("start");
    }
}

#[tokio::test]
async fn a_replay_without_nats_is_refused() {
    let refused = Environment::new().run(&["outbox", "replay", "--since", "1h"], "");
    assert!(!refused.status.success());
    assert!(said(&refused).contains("NATS_URL is not set"), "{refused:?}");
}

#[tokio::test]
async fn events_are_shown_with_nats_and_without() {
    let nats = nats::Server::start();
    let [with, on_postgres] = on_each_database(&nats).await;
    for environment in [with, on_postgres.unset("NATS_URL"), Environment::new()] {
        let app = App::alone(environment.clone());
        let ann = app.user("ann").await;
        let room = make_room(&ann, Transport::Grpc).await;
        rename_room(&ann, &room, 1).await;
        let tail = ["events", "tail", "--since", "1h", "--limit"];
        let shown = run(&environment, &[&tail[..], &["3"]].concat());
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert!(lines[0].contains("user.created") && lines[0].contains(&ann.id), "{shown}");
        assert!(lines[1].contains("room.created") && lines[1].contains(&room), "{shown}");
        let shown =
            run(&environment, &[&tail[..], &["2", "--subject", "room.*", "--json"]].concat());
        let events: Vec<Value> =
            shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events[0]["roomCreated"]["room"]["name"], "of events");
        assert_eq!(events[1]["type"], "room.updated");
        assert_eq!(events[1]["subject"], room.as_str());
    }
}
