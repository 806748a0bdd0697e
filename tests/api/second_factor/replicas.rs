//! What holds over two servers on one database.

use futures::future::join_all;
use serde_json::json;

use super::{complete, recover, texts, ticket_of};
use crate::support::{
    app::{App, PASSWORD, Person, text},
    client::{Call, Transport},
    replicas::Replicas,
    reply::Reply,
    rpc::{CONFIRM_TOTP, ENROLL_TOTP, LOGIN},
    server::Environment,
    totp::{self, STEP},
};

/// How many try at once.
const TRIES: usize = 50;

/// Two servers that know from where they are called.
async fn two() -> Replicas {
    let environment = Environment::new().set("TRUSTED_PROXIES", "127.0.0.1");
    Replicas::with(2, environment.set("CALL_TIMEOUT", "60s")).await
}

/// Gives somebody a second factor: the secret of their app, and their recovery codes.
pub async fn enable(ann: &Person) -> (String, Vec<String>) {
    let setup = ann.call(Transport::Grpc, ENROLL_TOTP, json!({})).await;
    let secret = text(&setup.ok()["secret"]);
    let code = totp::code(&secret, totp::now());
    let confirmed = ann.call(Transport::Grpc, CONFIRM_TOTP, json!({ "totp_code": code })).await;
    (secret, texts(&confirmed.ok()["recoveryCodes"]))
}

/// A ticket for each try, from an address of its own.
async fn tickets(a: &App, ann: &Person) -> Vec<(String, String)> {
    let get = (0..TRIES).map(|number| async move {
        let address = format!("10.0.0.{number}");
        let request = json!({ "identifier": ann.username, "password": PASSWORD });
        let call = Call::to(LOGIN, request).header("x-forwarded-for", &address);
        // More than ten strangers with a password have to wait; those who are known here do not.
        let reply = a.send(Transport::Grpc, &call).await;
        (reply.reason.is_none()).then(|| (ticket_of(&reply), address))
    });
    join_all(get).await.into_iter().flatten().collect()
}

/// Makes the same try with each ticket, all at once and on both servers.
async fn all_at_once(
    (a, b): (&App, &App),
    tickets: &[(String, String)],
    attempt: impl Fn(&str) -> Call,
) -> Vec<Reply> {
    let tries = (0..TRIES).map(|number| {
        let (ticket, address) = &tickets[number % tickets.len()];
        let call = attempt(ticket).header("x-forwarded-for", address);
        let (app, transport) = ([a, b][number % 2], Transport::ALL[number % 4]);
        async move { app.send(transport, &call).await }
    });
    join_all(tries).await
}

/// Demands that one of them was signed in, and that the others were told what they may be.
#[track_caller]
fn assert_one_wins(replies: &[Reply]) {
    assert_eq!(replies.iter().filter(|reply| reply.code == "OK").count(), 1);
    for reason in replies.iter().filter_map(|reply| reply.reason.as_deref()) {
        let expected = ["WRONG_MFA_CODE", "INVALID_MFA_TICKET", "RATE_LIMITED"];
        assert!(expected.contains(&reason), "{reason}");
    }
}

#[tokio::test]
async fn authn_06_of_fifty_who_show_the_same_code_at_once_one_is_let_in() {
    let replicas = two().await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let (secret, _) = enable(&ann).await;
    let tickets = tickets(a, &ann).await;
    // The present one was used up.
    let code = totp::code(&secret, totp::now() + STEP);
    let replies = all_at_once((a, b), &tickets, |ticket| complete(ticket, &code)).await;
    assert_one_wins(&replies);
}

#[tokio::test]
async fn authn_09_of_fifty_who_show_the_same_recovery_code_at_once_one_is_let_in() {
    let replicas = two().await;
    let (a, b) = replicas.pair();
    let ann = b.user("ann").await;
    let (_, codes) = enable(&ann).await;
    let tickets = tickets(a, &ann).await;
    let replies = all_at_once((a, b), &tickets, |ticket| recover(ticket, &codes[0])).await;
    assert_one_wins(&replies);
}

#[tokio::test]
async fn authn_07_of_fifty_wrong_codes_at_once_on_both_servers_ten_are_judged() {
    let replicas = two().await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let (secret, codes) = enable(&ann).await;
    let tickets = tickets(b, &ann).await;
    let wrong = totp::wrong(&totp::code(&secret, totp::now()));
    let replies = all_at_once((a, b), &tickets, |ticket| complete(ticket, &wrong)).await;
    let judged = replies.iter().filter(|reply| reply.reason.as_deref() == Some("WRONG_MFA_CODE"));
    assert_eq!(judged.count(), 10);
    for app in [a, b] {
        for transport in Transport::ALL {
            let refused = app.send(transport, &recover(&tickets[0].0, &codes[0])).await;
            refused.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
        }
    }
}
