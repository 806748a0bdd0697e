//! The command line: its commands, what it says when something is wrong, and how the server starts and stops.

use std::{os::unix::fs::PermissionsExt, process::Output};

use serde_json::json;

use crate::support::{
    app::{App, PASSWORD, Person},
    client::{Call, Transport},
    rpc::{GET_ME, LIST_USERS, REFRESH_TOKEN},
    server::Environment,
};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Demands that a command failed, and that it says why in a sentence with these words in it.
#[track_caller]
fn assert_failed(output: &Output, words: &[&str]) {
    assert!(!output.status.success(), "{output:?}");
    let said = stdout(output) + &stderr(output);
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
}

fn create_admin(environment: &Environment, username: &str, password: &str) -> Output {
    let email = format!("{username}@example.com");
    let command =
        ["admin", "create", "--username", username, "--email", &email, "--password-stdin"];
    environment.run(&command, password)
}

#[test]
fn help_names_every_command_and_setting() {
    let environment = Environment::new();
    let help = environment.run(&["--help"], "");
    assert!(help.status.success());
    for word in ["admin", "migrate", "config", "openapi", "LISTEN_ADDR", "RATE_LIMIT_PER_MINUTE"] {
        assert!(stdout(&help).contains(word), "{word}: {}", stdout(&help));
    }
    assert!(environment.run(&["--version"], "").status.success());
    assert_failed(&environment.run(&["--nonsense"], ""), &["--nonsense", "--help"]);
    assert_failed(&environment.run(&["nonsense"], ""), &["nonsense"]);
}

#[test]
fn conf_01_the_configuration_is_shown_without_its_secrets() {
    let environment =
        Environment::new().set("DATABASE_URL", "postgres://veza:hunter22@db.example:5432/veza");
    let output = environment.run(&["config"], "");
    assert!(output.status.success(), "{output:?}");
    let shown = stdout(&output);
    assert!(shown.contains("db.example") && shown.contains("RATE_LIMIT_PER_MINUTE"), "{shown}");
    let said = shown + &stderr(&output);
    for secret in ["hunter22", environment.get("JWT_SECRET")] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn tok_05_an_external_database_needs_a_secret_that_cannot_be_guessed() {
    let environment = Environment::new().set("DATABASE_URL", "postgres://veza@127.0.0.1:1/veza");
    let missing = environment.clone().unset("JWT_SECRET").run(&[], "");
    assert_failed(&missing, &["JWT_SECRET"]);
    let short = environment.set("JWT_SECRET", "31 bytes are not enough for it.").run(&[], "");
    assert_failed(&short, &["JWT_SECRET", "32"]);
}

#[test]
fn tok_05_the_secret_of_an_embedded_database_is_made_once_and_private() {
    let environment = Environment::new().unset("JWT_SECRET");
    environment.clone().start().stop();
    let secrets = || {
        let files = environment.folder().read_dir().unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.to_string_lossy().contains("secret")).collect::<Vec<_>>()
    };
    let [file] = &secrets()[..] else { panic!("{:?}", secrets()) };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(file).unwrap();
    assert!(secret.len() >= 32);
    let server = environment.clone().start();
    server.stop();
    assert_eq!(std::fs::read_to_string(file).unwrap(), secret);
    assert!(!server.output().contains(secret.trim()));
}

#[test]
fn a_setting_that_is_none_is_refused_with_a_sentence() {
    for (name, value) in [
        ("LISTEN_ADDR", "nowhere"),
        ("RATE_LIMIT_PER_MINUTE", "many"),
        ("PASSWORD_LENGTH_MIN", "7"),
        ("TRUSTED_PROXIES", "everyone"),
        ("LOG_FORMAT", "xml"),
        ("DATABASE_URL", "mysql://db.example/veza"),
        ("TLS_CERT", "missing.pem"),
    ] {
        let output = Environment::new().set(name, value).run(&[], "");
        assert!(!output.status.success(), "{name}={value}");
        let said = stdout(&output) + &stderr(&output);
        assert!(!said.trim().is_empty() && !said.contains("panicked"), "{name}: {said}");
    }
}

#[test]
fn a_port_in_use_is_refused_with_a_sentence() {
    let server = Environment::new().start();
    let address = server.address.to_string();
    let output = Environment::new().set("LISTEN_ADDR", &address).run(&[], "");
    assert_failed(&output, &[&address]);
}

#[tokio::test]
async fn authn_14_there_is_no_account_before_somebody_makes_one() {
    let app = App::with(Environment::new());
    let ann = app.user("ann").await;
    let listed = ann.call(Transport::Rest, LIST_USERS, json!({})).await;
    assert_eq!(listed.ok()["users"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_administrator_is_made_while_the_server_runs() {
    let app = App::with(Environment::new());
    let environment = &app.server.environment;
    let made = create_admin(environment, "root", PASSWORD);
    assert!(made.status.success(), "{made:?}");
    assert!(!(stdout(&made) + &stderr(&made)).contains(PASSWORD));
    let root: Person = app.sign_in("root").await;
    let me = root.call(Transport::Rest, GET_ME, json!({})).await;
    assert_eq!(me.ok()["user"]["roles"], json!(["admin"]));

    assert_failed(&create_admin(environment, "ROOT", PASSWORD), &["already in use"]);
    assert_failed(&create_admin(environment, "short", "too short"), &["15"]);
    assert_failed(&create_admin(environment, "no spaces", PASSWORD), &["letter"]);
}

#[test]
fn migrating_twice_changes_nothing() {
    let environment = Environment::new();
    for _ in 0..2 {
        let output = environment.run(&["migrate"], "");
        assert!(output.status.success(), "{output:?}");
    }
    environment.start();
}

#[test]
fn a_server_that_is_asked_to_stop_ends_well() {
    let server = Environment::new().start();
    let status = server.stop();
    assert!(status.success(), "{status:?}\n{}", server.output());
}

#[tokio::test]
async fn a_server_that_was_started_again_remembers_everything() {
    let first = App::with(Environment::new());
    let ann = first.user("ann").await;
    let refresh = |token: &str| Call::to(REFRESH_TOKEN, json!({ "refreshToken": token }));
    let second = first.send(Transport::Grpc, &refresh(&ann.refresh_token)).await;
    let second = second.ok()["tokens"]["refreshToken"].as_str().unwrap().to_owned();
    first.send(Transport::Grpc, &refresh(&second)).await.ok();
    assert!(first.server.stop().success());

    let again = App::with(first.server.environment.clone());
    let ann = Person { app: again.clone(), ..ann };
    ann.everywhere(Call::to(GET_ME, json!({}))).await.ok();
    let reused = again.send(Transport::Rest, &refresh(&ann.refresh_token)).await;
    reused.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
    let ended = ann.everywhere(Call::to(GET_ME, json!({}))).await;
    ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
}
