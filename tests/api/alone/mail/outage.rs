//! Mail servers that come, go and keep silent; and servers of ours that die.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use super::{PENDING, UP, list, on_each_database, sign_in_on};
use crate::support::{app::App, client::Transport, replicas::Replicas, smtp::Server};

/// For how long the oldest mail has waited.
const WAITED: &str = "veza_mails_oldest_pending_age_seconds";

#[tokio::test]
async fn while_the_mail_server_is_away_mails_wait_and_afterwards_each_arrives_once() {
    let smtp = Server::start();
    for environment in on_each_database(smtp.environment()).await {
        smtp.tell("crash");
        let app = App::alone(environment);
        app.until_metric(UP, 0.0).await;
        let ann = app.user("ann").await;
        for device in ["phone", "laptop", "tablet"] {
            sign_in_on(&app, &ann, Transport::Grpc, device).await;
        }
        app.until_metric(PENDING, 3.0).await;
        assert!(app.metric(WAITED).await > Some(0.0));
        assert_eq!(app.get("/ready").await.status, 200);
        smtp.tell("start");
        smtp.received_for(&ann.email, 3).await;
        app.until_metric(PENDING, 0.0).await;
        app.until_metric(WAITED, 0.0).await;
        app.until_metric(UP, 1.0).await;
        assert_eq!(smtp.received_for(&ann.email, 3).await.len(), 3);
        let attempts: Vec<_> =
            list(&app.server.environment).iter().map(|mail| mail["attempts"].clone()).collect();
        assert_eq!(attempts, [0, 0, 0], "an outage is not the fault of a mail");
        let events = app.server.log.events(|event| event.starts_with("smtp_"), 2);
        assert_eq!(events, ["smtp_down", "smtp_up"], "{}", app.server.log.text());
    }
}

#[tokio::test]
async fn mails_that_wait_survive_the_end_of_the_server() {
    let smtp = Server::start();
    for environment in on_each_database(smtp.environment()).await {
        smtp.tell("crash");
        let app = App::alone(environment.clone());
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        app.server.signal(Signal::KILL);
        app.server.stop();
        smtp.tell("start");
        let app = App::alone(environment);
        smtp.received_for(&ann.email, 1).await;
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(smtp.received_for(&ann.email, 1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_mail_server_that_does_not_answer_holds_up_no_call_and_gets_the_mail_later() {
    let smtp = Server::start();
    for step in ["mail", "rcpt", "content"] {
        smtp.rule(&json!([{ "at": step, "answer": "silence", "times": 1 }]));
        let app = App::with(smtp.environment().set("SMTP_TIMEOUT", "500ms"));
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        smtp.until_silent().await;
        sign_in_on(&app, &ann, Transport::Rest, "laptop").await;
        smtp.received_for(&ann.email, 2).await;
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(smtp.received_for(&ann.email, 2).await.len(), 2);
    }
}

#[tokio::test]
async fn a_mail_server_that_stands_still_is_noticed_and_gets_the_mails_when_it_goes_on() {
    let smtp = Server::start();
    let app = App::alone(smtp.environment().set("SMTP_TIMEOUT", "500ms"));
    app.until_metric(UP, 1.0).await;
    smtp.tell("pause");
    let ann = app.user("ann").await;
    sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
    app.until_metric(UP, 0.0).await;
    smtp.tell("resume");
    smtp.received_for(&ann.email, 1).await;
    app.until_metric(PENDING, 0.0).await;
    assert_eq!(smtp.received_for(&ann.email, 1).await.len(), 1);
}

#[tokio::test]
async fn a_mail_server_that_talks_nonsense_is_away_and_ends_nothing() {
    let smtp = Server::start();
    for (place, nonsense) in
        ["250- ", "999 what", "250-\u{7f}\u{fffd}", "nonsense"].iter().enumerate()
    {
        smtp.rule(&json!([{ "at": "ehlo", "answer": nonsense }]));
        let app = App::alone(smtp.environment());
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
        app.until_metric(UP, if place == 2 { 1.0 } else { 0.0 }).await;
        smtp.rule(&json!([]));
        smtp.received_for(&ann.email, 1).await;
        app.until_metric(UP, 1.0).await;
    }
}

#[tokio::test]
async fn replicas_share_the_work_and_send_each_mail_once() {
    let smtp = Server::start();
    let replicas = Replicas::with(2, smtp.environment()).await;
    let (a, b) = replicas.pair();
    let mut people = Vec::new();
    for _ in 0..6 {
        people.push(a.user("ann").await);
    }
    for device in ["phone", "laptop", "tablet"] {
        let calls = people.iter().enumerate().map(|(place, person)| {
            let app = if place % 2 == 0 { a } else { b };
            sign_in_on(app, person, Transport::Grpc, device)
        });
        futures::future::join_all(calls).await;
    }
    for person in &people {
        smtp.received_for(&person.email, 3).await;
    }
    for app in [a, b] {
        app.until_metric(PENDING, 0.0).await;
    }
    assert_eq!(smtp.received().len(), 18);
}

#[tokio::test]
async fn what_a_dead_replica_was_about_to_send_is_sent_by_another_within_15_seconds() {
    let smtp = Server::start();
    smtp.rule(&json!([{ "at": "rcpt", "answer": "silence", "times": 1 }]));
    let mut replicas = Replicas::with(1, smtp.environment()).await;
    let ann = replicas.apps[0].user("ann").await;
    sign_in_on(&replicas.apps[0], &ann, Transport::Grpc, "phone").await;
    smtp.until_silent().await;
    replicas.join();
    replicas.apps[0].server.signal(Signal::KILL);
    let died = Instant::now();
    smtp.received_for(&ann.email, 1).await;
    let took = died.elapsed();
    replicas.apps[1].until_metric(PENDING, 0.0).await;
    assert_eq!(smtp.received_for(&ann.email, 1).await.len(), 1);
    // What is promised, and three times as much for a machine that is busy.
    assert!(took.as_secs() < 45, "{took:?}");
}

#[tokio::test]
async fn a_replica_whose_mail_takes_longer_than_a_lease_keeps_it() {
    let smtp = Server::start();
    smtp.rule(&json!([{ "at": "rcpt", "answer": "silence", "times": 1 }]));
    let environment = smtp.environment().set("SMTP_TIMEOUT", "14s");
    let replicas = Replicas::with(2, environment).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    sign_in_on(a, &ann, Transport::Grpc, "phone").await;
    smtp.until_silent().await;
    // Whoever has it is still in conversation when a lease would have ended, and the other one leaves it alone.
    smtp.received_for(&ann.email, 1).await;
    for app in [a, b] {
        app.until_metric(PENDING, 0.0).await;
    }
    assert_eq!(smtp.received_for(&ann.email, 1).await.len(), 1);
    let kept = list(&replicas.environment).pop().unwrap();
    assert_eq!(kept["attempts"], 1, "{kept:#}");
}
