//! `veza api-key`: keys as whoever runs the server looks after them.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Key;
use crate::support::{
    app::{App, Person},
    client::Transport,
    database::{audit_lines, on_every_database},
    rpc::{GET_ME, LIST_ROOMS},
};

/// How long is waited for what should take less than a second, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

fn run(app: &App, arguments: &[&str]) -> Output {
    app.server.environment.run(&[&["api-key"], arguments].concat(), "")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

/// The keys of somebody as the command lists them.
fn listed(app: &App, user: &Person) -> Vec<Value> {
    let output = run(app, &["list", &user.username, "--json"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn an_operator_makes_lists_and_deletes_keys_of_anybody() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        let arguments = [
            "create",
            "nightly",
            "--user",
            &ann.email,
            "--permission",
            "users.read",
            "--permission",
            "rooms.read",
            "--network",
            "127.0.0.0/8",
            "--expires-in",
            "90d",
        ];
        let made = run(&app, &arguments);
        assert!(made.status.success(), "{made:?}");
        // Nothing but the secret goes where a script keeps it.
        let secret = String::from_utf8(made.stdout.clone()).unwrap();
        let secret = secret.strip_suffix('\n').unwrap().to_owned();
        assert!(secret.starts_with("vz_") && !secret.contains(char::is_whitespace), "{secret}");
        let keys = listed(&app, &ann);
        let [key] = &keys[..] else { panic!("{keys:?}") };
        assert!(secret.starts_with(key["prefix"].as_str().unwrap()), "{key}");
        assert!(!key.to_string().contains(&secret[12..]), "{key}");
        assert_eq!(key["permissions"], json!(["users.read", "rooms.read"]));
        assert_eq!(key["allowedNetworks"], json!(["127.0.0.0/8"]));
        assert!(key["expireTime"].is_string() && key["lastUsedTime"].is_null(), "{key}");
        let key = Key { id: key["id"].as_str().unwrap().to_owned(), secret };
        key.everywhere(&app, GET_ME, json!({})).await.ok();

        let shown = said(&run(&app, &["list", &ann.username]));
        for word in [&*key.id, "nightly", "users.read rooms.read", "127.0.0.0/8", "expires"] {
            assert!(shown.contains(word), "{word}: {shown}");
        }
        let deleted = run(&app, &["delete", &key.id]);
        assert!(deleted.status.success() && said(&deleted).contains("nightly"), "{deleted:?}");
        // A server with an SQLite file hears of it within a second.
        let begin = Instant::now();
        while key.call(&app, Transport::Grpc, LIST_ROOMS, json!({})).await.code == "OK" {
            assert!(begin.elapsed() < PATIENCE, "the key is good still");
        }
        let refused = key.everywhere(&app, GET_ME, json!({})).await;
        refused.refused("UNAUTHENTICATED", "API_KEY_ENDED");
        assert!(said(&run(&app, &["list", &ann.username])).contains("no API keys"));
        let lines = audit_lines(&app.server.environment, &key.id).await;
        let actions: Vec<_> = lines.iter().map(|line| &*line.action).collect();
        assert!(["api_key.create", "api_key.delete"].iter().all(|one| actions.contains(one)));
    }
}

#[tokio::test]
async fn a_command_that_cannot_make_a_key_says_what_is_wrong() {
    let app = App::start();
    let ann = app.user("ann").await;
    let user = ["create", "nightly", "--user", &ann.username];
    for (more, words) in [
        (&["--permission", "users.delete"][..], "does not have the permission users.delete"),
        (&["--permission", "rooms.fly"], "`rooms.fly` is none; there are users.read"),
        (&["--permission", "rooms.read", "--network", "here"], "must be a network"),
        (&["--permission", "rooms.read", "--expires-in", "0s"], "must be in the future"),
        (&["--permission", "rooms.read", "--expires-in", "soon"], "--expires-in"),
        (&[], "--permission"),
    ] {
        let output = run(&app, &[&user[..], more].concat());
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert!(said(&output).contains(words), "{words}: {output:?}");
    }
    for (arguments, words) in [
        (
            &["create", "x", "--user", "nobody at all", "--permission", "rooms.read"][..],
            "nobody has",
        ),
        (&["list", "nobody at all"], "nobody has"),
        (&["delete", "0190d8a6-0000-7000-8000-000000000000"], "there is no API key"),
        (&["delete", "nightly"], "must be a UUID"),
    ] {
        let output = run(&app, arguments);
        assert!(!output.status.success() && said(&output).contains(words), "{output:?}");
    }
    assert!(listed(&app, &ann).is_empty());
    let help = said(&run(&app, &["create", "--help"]));
    for word in ["authorization: Bearer vz_", "--expires-in", "--network", "chmod 600"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
