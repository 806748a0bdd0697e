//! The audit log: what people did is in it, and what they tried.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    api_key::draft,
    kind::KINDS,
    oauth::link::come_and_go,
    recovery::{forgot, links, reset, token_of},
    support::{
        app::{App, PASSWORD, Person},
        client::{Call, Transport},
        contract::{self, methods, policy},
        database::audit_lines,
        identity::Provider,
        rpc::{
            CHANGE_PASSWORD, COMPLETE_MFA_LOGIN, CONFIRM_TOTP, CREATE_API_KEY, DELETE_API_KEY,
            DELETE_USER, DISABLE_TOTP, ENROLL_TOTP, LOGIN, LOGOUT, REAUTHENTICATE, REFRESH_TOKEN,
            REGENERATE_RECOVERY_CODES, REVOKE_SESSION, REVOKE_SESSIONS, SEND_EMAIL_VERIFICATION,
            SUSPEND_USER, UNSUSPEND_USER, UPDATE_USER,
        },
        server::Environment,
        smtp::Server,
        totp,
    },
    verification::{tokens, verify},
};

#[tokio::test]
async fn log_01_every_change_leaves_a_line_with_its_action() {
    let smtp = Server::start();
    let provider = Provider::start();
    let app = App::with(provider.add_to(smtp.environment()));
    let root = app.admin("root").await;
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let user = json!({ "user": { "id": ann.id, "bio": "changed" } });
        ann.call(transport, UPDATE_USER, user).await.ok();
        for kind in KINDS {
            let id = kind.public(&ann).await;
            ann.send(transport, kind.rename(&id, "changed")).await.ok();
            ann.send(transport, kind.delete(&id)).await.ok();
        }
        let refresh = json!({ "refreshToken": ann.refresh_token });
        app.call(transport, REFRESH_TOKEN, refresh, None).await.ok();
        app.sign_in(&ann.username).await.call(transport, LOGOUT, json!({})).await.ok();
        look_after_the_account(&app, transport, &ann).await;
        ann.call(transport, SEND_EMAIL_VERIFICATION, json!({})).await.ok();
        app.send(transport, &verify(&tokens(&smtp, &ann.email, 1).await[0])).await.ok();
        app.send(transport, &forgot(&ann.email)).await.ok();
        let token = token_of(&links(&smtp, &ann, 1).await[0]);
        app.send(transport, &reset(&token, PASSWORD)).await.ok();
        let ann = app.sign_in(&ann.username).await;
        come_and_go(&app, &provider, &ann, transport).await;
        for method in [SUSPEND_USER, UNSUSPEND_USER] {
            root.call(transport, method, json!({ "id": ann.id })).await.ok();
        }
        let ann = app.sign_in(&ann.username).await;
        ann.call(transport, DELETE_USER, json!({ "id": ann.id })).await.ok();

        let lines = audit_lines(&app.server.environment, &ann.id).await;
        let found: BTreeSet<_> = lines.into_iter().map(|line| (line.action, line.method)).collect();
        for method in methods() {
            let action = policy(&method).audit_action;
            let line = (action, contract::name(&method));
            assert!(line.0.is_empty() || found.contains(&line), "{line:?} is not in {found:?}");
        }
    }
}

/// What people do about how they sign in. Their password is the same afterwards.
async fn look_after_the_account(app: &App, transport: Transport, ann: &Person) {
    ann.call(transport, REAUTHENTICATE, json!({ "password": PASSWORD })).await.ok();
    for password in ["another one, and as long", PASSWORD] {
        ann.call(transport, CHANGE_PASSWORD, json!({ "new_password": password })).await.ok();
    }
    let key = ann.call(transport, CREATE_API_KEY, draft(&["rooms.read"])).await;
    ann.call(transport, DELETE_API_KEY, json!({ "id": key.ok()["apiKey"]["id"] })).await.ok();
    look_after_the_second_factor(app, transport, ann).await;
    let other = app.sign_in(&ann.username).await.session_id;
    ann.call(transport, REVOKE_SESSION, json!({ "id": other })).await.ok();
    app.sign_in(&ann.username).await;
    ann.call(transport, REVOKE_SESSIONS, json!({})).await.ok();
}

/// A second factor is set up, used and turned off again.
async fn look_after_the_second_factor(app: &App, transport: Transport, ann: &Person) {
    let setup = ann.call(transport, ENROLL_TOTP, json!({})).await;
    let secret = setup.ok()["secret"].as_str().unwrap().to_owned();
    let code = json!({ "totp_code": totp::code(&secret, totp::now()) });
    ann.call(transport, CONFIRM_TOTP, code).await.ok();
    let codes = ann.call(transport, REGENERATE_RECOVERY_CODES, json!({})).await;
    let codes = &codes.ok()["recoveryCodes"];
    let login = json!({ "identifier": ann.username, "password": PASSWORD });
    let challenge = app.call(transport, LOGIN, login, None).await;
    let ticket = &challenge.ok()["result"]["mfaChallenge"]["ticket"];
    let complete = json!({ "ticket": ticket, "recovery_code": codes[0] });
    app.call(transport, COMPLETE_MFA_LOGIN, complete, None).await.ok();
    ann.call(transport, DISABLE_TOTP, json!({ "recovery_code": codes[1] })).await.ok();
}

#[tokio::test]
async fn log_01_a_failed_sign_in_leaves_a_line_about_the_account() {
    let app = App::start();
    let ann = app.user("ann").await;
    let wrong = json!({ "identifier": ann.username, "password": "not the right one" });
    app.everywhere(&Call::to(LOGIN, wrong)).await.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    let lines = audit_lines(&app.server.environment, &ann.id).await;
    let failures = lines.iter().filter(|line| line.outcome == "FAILURE");
    assert_eq!(failures.count(), Transport::ALL.len(), "{lines:?}");
}

#[tokio::test]
async fn what_the_audit_log_says_is_counted() {
    let app = App::alone(Environment::new().set("REFRESH_GRACE", "0s"));
    let ann = app.user("ann").await;
    let wrong = json!({ "identifier": ann.username, "password": "not the right one" });
    app.everywhere(&Call::to(LOGIN, wrong)).await.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    app.sign_in(&ann.username).await;
    let refresh = Call::to(REFRESH_TOKEN, json!({ "refreshToken": ann.refresh_token }));
    app.send(Transport::Grpc, &refresh).await.ok();
    let reused = app.send(Transport::Grpc, &refresh).await;
    reused.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
    assert_eq!(counted(&app, "auth.login", "SUCCESS", "").await, Some(1.0));
    assert_eq!(counted(&app, "auth.login", "FAILURE", "WRONG_CREDENTIALS").await, Some(4.0));
    let theft = counted(&app, "auth.refresh_reuse", "FAILURE", "REFRESH_TOKEN_REUSED").await;
    assert_eq!(theft, Some(1.0));
}

#[tokio::test]
async fn what_was_rolled_back_is_not_counted() {
    // Nobody takes the events, and one that waits is one too many.
    let environment = Environment::new().set("NATS_URL", "nats://127.0.0.1:1");
    let app = App::alone(environment.set("OUTBOX_PENDING_MAX", "1"));
    let ann = app.user("ann").await;
    app.until_metric("veza_outbox_pending", 1.0).await;
    let room = Call::to(KINDS[0].create, KINDS[0].draft("one too many"));
    ann.everywhere(room).await.refused("UNAVAILABLE", "OUTBOX_FULL");
    assert_eq!(counted(&app, "auth.register", "SUCCESS", "").await, Some(1.0));
    assert_eq!(counted(&app, "room.create", "SUCCESS", "").await, None);
}

/// How many lines of the audit log say this.
async fn counted(app: &App, action: &str, outcome: &str, reason: &str) -> Option<f64> {
    let labels = format!("action=\"{action}\",outcome=\"{outcome}\",reason=\"{reason}\"");
    app.metric(&format!("veza_audit_events_total{{{labels}}}")).await
}

#[tokio::test]
async fn log_01_whoever_is_turned_away_leaves_a_line_about_what_they_tried() {
    let app = App::start();
    for transport in Transport::ALL {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let other = json!({ "id": ann.id });
        bob.call(transport, DELETE_USER, other)
            .await
            .refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        let nobody = app.person_with_role("service").await;
        let room = KINDS[0].draft("not for services");
        nobody
            .call(transport, KINDS[0].create, room)
            .await
            .refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        for (person, action) in [(&bob, "user.delete"), (&nobody, "room.create")] {
            let lines = audit_lines(&app.server.environment, &person.id).await;
            let denied = lines.iter().filter(|line| line.outcome == "DENIED");
            let denied: Vec<_> = denied.map(|line| (&*line.action, &*line.reason)).collect();
            assert_eq!(denied, [(action, "PERMISSION_DENIED")]);
        }
    }
}

#[tokio::test]
async fn log_01_a_refresh_token_that_is_not_good_leaves_a_line() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.call(Transport::Grpc, LOGOUT, json!({})).await.ok();
    let refresh = Call::to(REFRESH_TOKEN, json!({ "refreshToken": ann.refresh_token }));
    let refused = app.everywhere(&refresh).await;
    refused.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    let lines = audit_lines(&app.server.environment, &ann.session_id).await;
    let failures = lines.iter().filter(|line| line.outcome == "FAILURE");
    assert_eq!(failures.count(), Transport::ALL.len(), "{lines:?}");
}
