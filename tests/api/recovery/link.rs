//! The way that it is meant to go: from the mail to the new password, and what that ends.

use serde_json::json;

use super::{INVALID, NEW_PASSWORD, forgot, links, login, refused, reset, token_by_mail, token_of};
use crate::support::{
    app::{App, PASSWORD},
    client::{Call, Transport},
    contract,
    database::{audit_lines, on_database},
    rpc::{CHANGE_PASSWORD, GET_ME, LOGIN, REAUTHENTICATE, REGISTER, RESET_PASSWORD},
    server::Environment,
    smtp::{PUBLIC_URL, Server},
};

#[tokio::test]
async fn authn_12_whoever_reads_the_mail_chooses_a_password_and_every_session_ends() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let other = app.sign_in(&ann.username).await;
        let asked = app.send(transport, &forgot(&ann.username.to_uppercase())).await;
        assert_eq!(asked.ok(), &json!({}));
        let mail = &links(&smtp, &ann, 1).await[0];
        assert!(mail.html.contains(&format!("{PUBLIC_URL}/reset-password#token=")));
        let done = app.send(transport, &reset(&token_of(mail), NEW_PASSWORD)).await;
        assert_eq!(done.ok(), &json!({}), "nobody is signed in by it");

        for session in [&ann, &other] {
            let ended = session.call(transport, GET_ME, json!({})).await;
            ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
        }
        let old = app.send(transport, &login(&ann, PASSWORD)).await;
        old.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        let new = app.send(transport, &login(&ann, NEW_PASSWORD)).await;
        assert_eq!(new.ok()["result"]["user"]["emailVerified"], true);
        let told = |mail: &crate::support::smtp::Received| {
            mail.subject().starts_with("Your password was changed")
        };
        smtp.received_that(&ann.email, 1, told).await;
    }
}

#[tokio::test]
async fn authn_12_whoever_was_kept_waiting_for_wrong_passwords_signs_in_with_the_new_one_at_once() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let ann = app.user("ann").await;
    let mut reasons = Vec::new();
    while reasons.last().is_none_or(|reason| reason != "RATE_LIMITED") {
        let reply = app.send(Transport::Grpc, &login(&ann, "not the right one")).await;
        reasons.push(reply.reason.unwrap());
    }
    let token = token_by_mail(&app, &smtp, &ann, 0).await;
    app.send(Transport::Rest, &reset(&token, NEW_PASSWORD)).await.ok();
    app.send(Transport::GrpcWeb, &login(&ann, NEW_PASSWORD)).await.ok();
}

#[tokio::test]
async fn authn_01_authn_02_a_password_that_may_not_be_chosen_does_not_cost_the_link() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let ann = app.user("wolpertinger").await;
    let token = token_by_mail(&app, &smtp, &ann, 0).await;
    for weak in ["too short", "passwordpassword", "wolpertinger-2026", &"x".repeat(257)] {
        app.everywhere(&reset(&token, weak)).await.invalid("new_password");
    }
    let longest = format!(" ä{}  ", "wörter und ünïcode ".repeat(11));
    app.send(Transport::Rest, &reset(&token, &longest)).await.ok();
    for (password, reason) in [(longest.trim(), Some("WRONG_CREDENTIALS")), (&longest, None)] {
        let reply = app.send(Transport::Grpc, &login(&ann, password)).await;
        assert_eq!(reply.reason.as_deref(), reason);
    }
}

#[tokio::test]
async fn authn_13_the_link_leads_to_the_public_url_whatever_a_caller_claims_about_the_host() {
    let smtp = Server::start();
    let app = App::with(smtp.environment().set("TRUSTED_PROXIES", "127.0.0.1"));
    for (header, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "javascript"),
        ("forwarded", "host=evil.example;proto=javascript"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ] {
        let ann = app.user("ann").await;
        // Some are refused, which is as good: then the next call has the mail sent.
        app.send(Transport::Rest, &forgot(&ann.email).header(header, value)).await;
        app.send(Transport::Rest, &forgot(&ann.email)).await.ok();
        for mail in links(&smtp, &ann, 1).await {
            assert!(!mail.raw.contains("evil.example"), "{header}: {}", mail.raw);
            assert!(mail.text.contains(PUBLIC_URL), "{header}: {}", mail.text);
        }
    }
}

#[tokio::test]
async fn log_01_a_reset_and_its_failures_leave_lines() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        app.send(transport, &forgot(&ann.email)).await.ok();
        let token = token_of(&links(&smtp, &ann, 1).await[0]);
        app.send(transport, &reset(&token, NEW_PASSWORD)).await.ok();
        refused(&app.send(transport, &reset(&token, NEW_PASSWORD)).await);
        let lines = audit_lines(&app.server.environment, &ann.id).await;
        for action in ["auth.request_password_reset", "auth.reset_password", "session.revoke"] {
            let found: Vec<_> = lines.iter().filter(|line| line.action == action).collect();
            assert!(found.iter().any(|line| line.outcome == "SUCCESS"), "{action}: {lines:?}");
            assert_eq!(found.len(), 1, "{action}: {lines:?}");
        }
        let asked = lines.iter().find(|line| line.action == "auth.request_password_reset");
        assert!(asked.unwrap().method.ends_with("/RequestPasswordReset"), "{lines:?}");
    }
    let failures: Vec<(String, String)> =
        on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
            sqlx::query_as(
                "SELECT outcome, reason FROM audit_events WHERE action = 'auth.reset_password' \
                 AND outcome <> 'SUCCESS'",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap()
        });
    assert_eq!(failures, vec![("FAILURE".to_owned(), INVALID.to_owned()); 4]);
}

#[tokio::test]
async fn log_02_the_token_of_a_link_is_in_no_log_no_event_and_no_line() {
    let smtp = Server::start();
    let app = App::with(smtp.environment().set("LOG_LEVEL", "trace"));
    let ann = app.user("ann").await;
    let token = token_by_mail(&app, &smtp, &ann, 0).await;
    app.send(Transport::Rest, &reset(&token, NEW_PASSWORD)).await.ok();
    refused(&app.send(Transport::Rest, &reset(&token, NEW_PASSWORD)).await);
    let secret = token.strip_prefix("vzo_").unwrap();
    let output = app.server.output();
    for secret in [secret, NEW_PASSWORD, &ann.email] {
        assert!(!output.contains(secret), "{secret}");
    }
    let url = app.server.environment.get("DATABASE_URL");
    let kept: Vec<Vec<u8>> = on_database!(url, |connection| {
        sqlx::query_scalar("SELECT payload FROM outbox").fetch_all(&mut connection).await.unwrap()
    });
    for secret in [secret, &ann.email] {
        let leaked = |bytes: &Vec<u8>| bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(!kept.iter().any(leaked), "{secret}");
    }
    let lines: Vec<(String, String)> = on_database!(url, |connection| {
        let query = sqlx::query_as("SELECT resource, reason FROM audit_events");
        query.fetch_all(&mut connection).await.unwrap()
    });
    assert!(lines.iter().all(|(resource, reason)| !format!("{resource}{reason}").contains(secret)));
}

#[tokio::test]
async fn authn_12_a_mail_that_was_asked_for_is_sent_although_the_server_dies_at_once() {
    let smtp = Server::start();
    let environment = smtp.environment();
    let app = App::alone(environment.clone());
    let ann = app.user("ann").await;
    app.send(Transport::Grpc, &forgot(&ann.email)).await.ok();
    app.server.signal(rustix::process::Signal::KILL);
    drop(app);
    let app = App::alone(environment);
    let mails = links(&smtp, &ann, 1).await;
    assert_eq!(mails.len(), 1);
    app.send(Transport::Grpc, &reset(&token_of(&mails[0]), NEW_PASSWORD)).await.ok();
}

#[tokio::test]
async fn an_errand_that_cannot_be_read_is_given_up_and_holds_up_no_other() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let ann = app.user("ann").await;
    leave_unreadable(&app).await;
    token_by_mail(&app, &smtp, &ann, 0).await;
    let line = app.server.log.find(|line| (line["event"] == "errand_failed").then_some(()));
    assert_eq!(line, Some(()));
}

#[tokio::test]
async fn errands_are_counted_by_what_became_of_them() {
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    for identifier in [&ann.username, "nobody"] {
        app.send(Transport::Grpc, &forgot(identifier)).await.ok();
    }
    leave_unreadable(&app).await;
    app.until_metric("veza_errands_total{result=\"done\"}", 2.0).await;
    app.until_metric("veza_errands_total{result=\"failed\"}", 1.0).await;
}

/// Leaves an errand that cannot be read, before any other. There is one session, and it lasts as long.
async fn leave_unreadable(app: &App) {
    on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query(
            "INSERT INTO errands (id, sealed_slip, record_time, expire_time) \
             SELECT $1, $2, create_time, expire_time FROM sessions",
        );
        let query = query.bind(uuid::Uuid::nil()).bind(b"of another secret".as_slice());
        query.execute(&mut connection).await.unwrap();
    });
}

#[tokio::test]
async fn authn_16_nobody_sets_or_sees_a_password_but_its_owner() {
    let may_carry = [REGISTER, LOGIN, REAUTHENTICATE, CHANGE_PASSWORD, RESET_PASSWORD];
    let is_password =
        |name: &str| name.contains("password") && !name.starts_with("password_length_min");
    for method in contract::methods() {
        let name = contract::name(&method);
        let request = contract::field_names(&method.input());
        let carries = request.iter().any(|field| is_password(field));
        assert_eq!(carries, may_carry.contains(&name.as_str()), "{name}: {request:?}");
        let answer = contract::field_names(&method.output());
        assert!(!answer.iter().any(|field| is_password(field)), "{name}: {answer:?}");
    }
    let app = App::alone(Environment::new());
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let change = json!({ "user": { "id": ann.id }, "updateMask": "password" });
    let call = Call::to(crate::support::rpc::UPDATE_USER, change);
    root.everywhere(call).await.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
    app.send(Transport::Grpc, &login(&ann, PASSWORD)).await.ok();
}
