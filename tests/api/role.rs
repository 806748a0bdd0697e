//! Roles, as whoever runs the server gives them and takes them away.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{
    app::{App, Person, text},
    client::{Call, Transport},
    database::{audit_lines, on_every_database},
    rpc::{GET_ME, REFRESH_TOKEN, UPDATE_USER},
    server::Environment,
};

/// How long is waited for what should take less than a second, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the command says, and whether it succeeded.
fn user(app: &App, arguments: [&str; 3]) -> (bool, String) {
    let [command, name, role] = arguments;
    let output = app.server.environment.run(&["user", command, name, role], "");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Makes a call again and again until its answer is this.
async fn until(person: &Person, call: &Call, code: &str) {
    let begin = Instant::now();
    while person.send(Transport::Grpc, call.clone()).await.code != code {
        assert!(begin.elapsed() < PATIENCE, "not {code}");
    }
}

#[tokio::test]
async fn authz_07_a_role_counts_in_a_running_server_soon_after_it_was_given_or_taken_away() {
    for app in on_every_database().await {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        app.admin("root").await;
        let edit = json!({ "user": { "id": bob.id, "bio": "edited" } });
        let edit = Call::to(UPDATE_USER, edit);
        ann.everywhere(edit.clone()).await.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        for (command, code) in [("grant", "OK"), ("revoke", "PERMISSION_DENIED")] {
            let (done, said) = user(&app, [command, &ann.username, "admin"]);
            assert!(done && said.contains(&ann.username), "{said}");
            until(&ann, &edit, code).await;
            let me = ann.everywhere(Call::to(GET_ME, json!({}))).await;
            let roles = if command == "grant" { json!(["admin", "user"]) } else { json!(["user"]) };
            assert_eq!(me.ok()["user"]["roles"], roles);
            let (again, said) = user(&app, [command, &ann.email, "admin"]);
            assert!(again && !said.contains("now") && !said.contains("no longer"), "{said}");
        }
    }
}

#[tokio::test]
async fn sess_08_refreshing_gives_no_more_than_the_account_may_now() {
    for app in on_every_database().await {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        app.admin("root").await;
        assert!(user(&app, ["grant", &ann.username, "admin"]).0);
        let ann = app.sign_in(&ann.username).await;
        let edit = json!({ "user": { "id": bob.id, "bio": "edited" } });
        ann.everywhere(Call::to(UPDATE_USER, edit.clone())).await.ok();
        assert!(user(&app, ["revoke", &ann.username, "admin"]).0);
        let request = json!({ "refreshToken": ann.refresh_token });
        let refreshed = app.call(Transport::Rest, REFRESH_TOKEN, request, None).await;
        let access_token = text(&refreshed.ok()["tokens"]["accessToken"]);
        let edit = Call::to(UPDATE_USER, edit);
        until(&Person { access_token, ..ann }, &edit, "PERMISSION_DENIED").await;
    }
}

#[tokio::test]
async fn authz_06_the_last_administrator_keeps_the_role() {
    let app = App::with(Environment::new());
    let root = app.admin("root").await;
    let (done, said) = user(&app, ["revoke", &root.username, "admin"]);
    assert!(!done && said.contains("last administrator"), "{said}");
}

#[tokio::test]
async fn a_role_or_a_person_that_is_not_there_is_named() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (name, role) in [(ann.username.as_str(), "king"), ("nobody-here", "admin")] {
        let (done, said) = user(&app, ["grant", name, role]);
        let missing = if role == "king" { role } else { name };
        assert!(!done && said.contains(missing), "{said}");
    }
    let lines = audit_lines(&app.server.environment, &ann.id).await;
    assert!(lines.iter().all(|line| line.action != "role.grant"), "{lines:?}");
}
