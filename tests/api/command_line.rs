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

#[tokio::test]
async fn help_names_addresses_that_answer() {
    let app = App::start();
    let help = stdout(&app.server.environment.run(&["--help"], ""));
    let paths: Vec<_> = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("http://127.0.0.1:8080/"))
        .collect();
    assert!(paths.contains(&"docs"), "{help}");
    for path in paths {
        let answer = app.get(&format!("/{path}")).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{answer:?}");
    }
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
fn a_setting_that_cannot_be_is_refused_by_its_name_with_what_to_write() {
    for (name, value, allowed) in [
        ("LISTEN_ADDR", "nowhere", "127.0.0.1:8080"),
        ("RATE_LIMIT_PER_MINUTE", "many", "from 1 to"),
        ("RATE_LIMIT_PER_MINUTE", "0", "from 1 to"),
        ("PASSWORD_LENGTH_MIN", "7", "from 8 to 64"),
        ("TRUSTED_PROXIES", "everyone", "10.0.0.0/8"),
        ("LOG_FORMAT", "xml", "json or pretty"),
        ("LOG_LEVEL", "verbose", "debug, trace"),
        ("LOG_LEVEL", "info,veza=chatty", "debug, trace"),
        ("REFLECTION", "perhaps", "true, false"),
        ("CALL_TIMEOUT", "5", "500ms"),
    ] {
        for command in [&[][..], &["config"], &["migrate"]] {
            let output = Environment::new().set(name, value).run(command, "");
            assert_failed(&output, &[name, value, allowed]);
        }
    }
}

#[test]
fn what_a_server_cannot_start_with_is_named_by_the_server_and_by_config() {
    for (name, value, words) in [
        ("DATABASE_URL", "mysql://db.example/veza", ["sqlite:FILE", "postgres://"]),
        ("DATABASE_URL", "sqlite:missing/veza.db", ["folder missing", "make it"]),
        ("DATABASE_URL", "postgres://veza@db.example:port/veza", ["port", "cannot be read"]),
        ("JWT_SECRET_FILE", "missing.secret", ["missing.secret", "cannot be read"]),
        ("TLS_CERT", "missing.pem", ["TLS_KEY", "both"]),
        ("CORS_ORIGINS", "*", ["`*`", "https://app.example.com"]),
        ("REDIS_URL", "http://:s3cret@cache.example", ["redis://USER:PASSWORD@HOST", "rediss://"]),
    ] {
        let environment = Environment::new().unset("JWT_SECRET").set(name, value);
        let started = environment.run(&[], "");
        assert_failed(&started, &[name, words[0], words[1]]);
        let reason = started_reason(&started);
        let shown = environment.run(&["config"], "");
        assert_failed(&shown, &[name, &reason]);
        assert!(stdout(&shown).contains("RATE_LIMIT_PER_MINUTE="), "the configuration comes first");
        let files = environment.folder().read_dir().unwrap().count();
        assert_eq!(files, 0, "{name}: nothing is made before the settings are known to be good");
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_with_its_setting() {
    let environment = Environment::new();
    std::fs::write(environment.folder().join("empty.pem"), "").unwrap();
    for (cert, why) in [("missing.pem", "cannot be read"), ("empty.pem", "no certificate")] {
        let environment = environment.clone().set("TLS_CERT", cert).set("TLS_KEY", "key.pem");
        for command in [&[][..], &["config"]] {
            assert_failed(&environment.run(command, ""), &["TLS_CERT", cert, why]);
        }
    }
}

/// The sentence of the only line that a server has printed before it gave up.
fn started_reason(output: &Output) -> String {
    assert_eq!(stderr(output), "", "said once, and in the log");
    let line: serde_json::Value = serde_json::from_str(&stdout(output)).expect("one line of JSON");
    assert_eq!((&line["event"], &line["level"]), (&json!("fatal"), &json!("fatal")));
    line["error"].as_str().unwrap().to_owned()
}

#[test]
fn a_failure_is_told_once_wherever_the_log_goes() {
    let environment = Environment::new().set("CORS_ORIGINS", "*");
    for (name, value) in [("LOG_FORMAT", "pretty"), ("LOG_LEVEL", "off")] {
        let output = environment.clone().set(name, value).run(&[], "");
        assert_eq!((stdout(&output), stderr(&output).lines().count()), (String::new(), 1));
        assert_failed(&output, &["CORS_ORIGINS"]);
    }
}

#[test]
fn a_database_that_does_not_answer_is_named_with_the_cause() {
    let environment = Environment::new()
        .set("DATABASE_URL", "postgres://veza:hunter22@127.0.0.1:1/veza")
        .set("DATABASE_ACQUIRE_TIMEOUT", "300ms");
    for command in [&[][..], &["migrate"]] {
        let output = environment.run(command, "");
        assert_failed(
            &output,
            &["DATABASE_URL", "127.0.0.1:1", "Connection refused", "check that it runs"],
        );
        assert!(!(stdout(&output) + &stderr(&output)).contains("hunter22"));
    }
}

#[test]
fn a_command_names_a_database_that_cannot_be_too() {
    let create = ["admin", "create", "--username", "ann", "--email", "a@b.c", "--password-stdin"];
    for (url, word) in
        [("mysql://db.example/veza", "sqlite:FILE"), ("sqlite:missing/a.db", "make it")]
    {
        let environment = Environment::new().unset("JWT_SECRET").set("DATABASE_URL", url);
        for command in [&["migrate"][..], &create] {
            assert_failed(&environment.run(command, PASSWORD), &["DATABASE_URL", word]);
        }
    }
}

#[test]
fn an_empty_setting_counts_as_not_set() {
    let mut environment = Environment::new();
    for name in ["RATE_LIMIT_PER_MINUTE", "LOG_LEVEL", "LISTEN_ADDR", "CALL_TIMEOUT", "TLS_CERT"] {
        environment = environment.set(name, "");
    }
    let output = environment.run(&["config"], "");
    assert!(output.status.success(), "{output:?}");
    for line in ["RATE_LIMIT_PER_MINUTE=1000", "LOG_LEVEL=info", "LISTEN_ADDR=127.0.0.1:8080"] {
        assert!(stdout(&output).lines().any(|shown| shown == line), "{}", stdout(&output));
    }
}

#[test]
fn a_name_in_the_file_that_is_no_setting_is_warned_of() {
    let environment = Environment::new();
    let file = "DATABASE_URL=sqlite:veza.db\nRATE_LIMIT=1\nLOG_LEVEL=info\n";
    std::fs::write(environment.folder().join(".env"), file).unwrap();
    let shown = environment.run(&["config"], "");
    assert!(shown.status.success(), "{shown:?}");
    assert_eq!(stderr(&shown), "veza: .env sets RATE_LIMIT, which is no setting\n");
    let server = environment.start();
    let warned = server.log.lines().into_iter().filter(|line| line["event"] == "unknown_setting");
    assert_eq!(warned.map(|line| line["name"].clone()).collect::<Vec<_>>(), ["RATE_LIMIT"]);
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
