//! How a mail gets to a mail server: what it looks like, over which connection, and what the server may say to it.

use serde_json::json;

use super::{PENDING, UP, list, on_each_database, sign_in_on};
use crate::support::{
    app::App, client::Transport, database::on_database, server::Environment, smtp::Server,
};

#[tokio::test]
async fn a_mail_has_both_forms_and_headers_that_say_what_it_is() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let ann = app.user("ann").await;
    sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
    let mail = &smtp.received_for(&ann.email, 1).await[0];
    assert_eq!(mail.from, "no-reply@example.com");
    assert_eq!(mail.hello, "app.example.com");
    assert_eq!(mail.headers["From"], "Veza <no-reply@example.com>");
    assert_eq!(mail.headers["To"], format!("{} <{}>", ann.username, ann.email));
    assert_eq!(mail.headers["Auto-Submitted"], "auto-generated");
    assert!(mail.headers["Content-Type"].starts_with("multipart/alternative"), "{mail:?}");
    assert!(mail.headers.contains_key("Date"), "{mail:?}");
    assert!(mail.raw.is_ascii(), "{}", mail.raw);
    assert!(mail.raw.lines().all(|line| line.len() <= 998), "{}", mail.raw);
    assert!(mail.text.starts_with(&format!("Hello {},\n", ann.username)), "{}", mail.text);
    assert!(mail.html.contains(&format!("<p>Hello {},</p>", ann.username)), "{}", mail.html);
    let kept = list(&app.server.environment).pop().unwrap();
    let id = kept["id"].as_str().unwrap();
    assert_eq!(mail.id(), format!("<{id}@example.com>"));
}

#[tokio::test]
async fn a_mail_goes_over_tls_to_a_server_that_is_trusted_by_whoever_may_sign_in() {
    for security in ["starttls", "tls"] {
        let smtp = Server::with(security, "ann:s3cret@/:");
        let authority = smtp.authority().display().to_string();
        let url = smtp.url_for("ann:s3cret%40%2F%3A");
        let environment = smtp.environment().set("SMTP_URL", &url).set("SSL_CERT_FILE", &authority);
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        let mail = &smtp.received_for(&ann.email, 1).await[0];
        assert!(mail.is_encrypted, "{security}");
        assert_eq!(mail.login.as_deref(), Some("ann"), "{security}");
        app.until_metric(UP, 1.0).await;
    }
}

/// What a server says of a mail server that it cannot use.
fn complaint(environment: Environment) -> String {
    let app = App::alone(environment);
    let line = app.server.log.find(|line| (line["event"] == "smtp_down").then(|| line.clone()));
    let line = line.expect("a warning");
    assert_eq!(line["level"], "warn");
    assert!(!app.server.output().contains("s3cret"), "{}", app.server.output());
    line["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_trusted_or_speaks_no_tls() {
    for security in ["starttls", "tls"] {
        let smtp = Server::with(security, "ann:s3cret");
        let why = complaint(smtp.environment());
        assert!(why.contains("certificate"), "{why}");
        let authority = smtp.authority().display().to_string();
        let wrong = smtp.url_for("ann:s3cret-and-wrong");
        let environment =
            smtp.environment().set("SMTP_URL", &wrong).set("SSL_CERT_FILE", &authority);
        let why = complaint(environment);
        assert!(why.contains("535"), "{why}");
    }
    let plain = Server::start();
    let why =
        complaint(plain.environment().set("SMTP_URL", &format!("{}?tls=required", plain.url())));
    assert!(why.contains("STARTTLS is not supported"), "{why}");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_fails_alone_and_its_reason_is_kept() {
    let smtp = Server::start();
    smtp.rule(&json!([{ "at": "rcpt", "answer": "550 5.1.1 <bob> knows nobody", "to": "bob" }]));
    for environment in on_each_database(smtp.environment()).await {
        let app = App::alone(environment);
        let [ann, bob] = [app.user("ann").await, app.user("bob").await];
        sign_in_on(&app, &bob, Transport::Grpc, "phone").await;
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        smtp.received_for(&ann.email, 1).await;
        app.until_metric(PENDING, 0.0).await;
        let kept = list(&app.server.environment);
        let states: Vec<_> = kept.iter().map(|mail| mail["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["FAILED", "SENT"], "{kept:#?}");
        assert!(
            kept[0]["error"].as_str().unwrap().contains("5.1.1 <bob> knows nobody"),
            "{kept:#?}"
        );
        assert_eq!(app.metric("veza_mails_total{result=\"failed\"}").await, Some(1.0));
        assert_eq!(app.metric("veza_mails_total{result=\"sent\"}").await, Some(1.0));
        assert_eq!(app.metric(UP).await, Some(1.0));
        // The log has that it failed, and neither the address nor what names it.
        let output = app.server.output();
        assert!(output.contains("mail_failed"), "{output}");
        assert!(!output.contains("knows nobody") && !output.contains(&bob.email), "{output}");
    }
}

#[tokio::test]
async fn a_mail_that_is_put_off_is_sent_later() {
    let smtp = Server::start();
    for (place, environment) in on_each_database(smtp.environment()).await.into_iter().enumerate() {
        let answer = format!("45{place} 4.7.1 greylisted, come back later");
        smtp.rule(&json!([{ "at": "rcpt", "answer": answer, "times": 1 }]));
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        smtp.received_for(&ann.email, 1).await;
        app.until_metric(PENDING, 0.0).await;
        let kept = list(&app.server.environment).pop().unwrap();
        assert_eq!((&kept["state"], &kept["attempts"]), (&json!("SENT"), &json!(1)), "{kept:#}");
        assert_eq!(app.metric("veza_mails_total{result=\"postponed\"}").await, Some(1.0));
    }
}

#[tokio::test]
async fn a_mail_whose_acknowledgement_was_lost_comes_again_under_the_same_id() {
    let smtp = Server::start();
    for environment in on_each_database(smtp.environment()).await {
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        let lost =
            json!({ "at": "content", "answer": "keep and cut", "times": 1, "to": ann.email });
        smtp.rule(&json!([lost]));
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        let mails = smtp.received_for(&ann.email, 2).await;
        assert_eq!(mails[0].id(), mails[1].id());
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(smtp.received_for(&ann.email, 2).await.len(), 2);
    }
}

#[tokio::test]
async fn log_02_what_a_mail_says_is_encrypted_in_the_database_and_gone_when_it_was_sent() {
    let smtp = Server::start();
    for environment in on_each_database(smtp.environment()).await {
        smtp.rule(&json!([{ "at": "content", "answer": "silence", "times": 1 }]));
        let app = App::alone(environment.clone());
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "canary").await;
        smtp.until_silent().await;
        let letters = async || -> Vec<Option<Vec<u8>>> {
            on_database!(environment.get("DATABASE_URL"), |connection| {
                let query = sqlx::query_scalar("SELECT sealed_letter FROM mails");
                query.fetch_all(&mut connection).await.expect("mails")
            })
        };
        let sealed = letters().await.pop().flatten().expect("a letter");
        for shown in ["canary", "Hello", "html"] {
            let found = sealed.windows(shown.len()).any(|window| window == shown.as_bytes());
            assert!(!found, "{shown}");
        }
        smtp.tell("crash");
        smtp.rule(&json!([]));
        smtp.tell("start");
        smtp.received_for(&ann.email, 1).await;
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(letters().await, [None]);
    }
}
