//! When a token is good, and for whom.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use veza::domain::one_time_token::Kind;

use super::{NEW_PASSWORD, forgot, links, login, refused, reset, token_by_mail, token_of};
use crate::{
    auth::registration,
    support::{
        app::{App, Person, text},
        client::{Call, Transport},
        replicas::Replicas,
        rpc::{CHANGE_PASSWORD, DELETE_USER, REGISTER, SUSPEND_USER, UNSUSPEND_USER},
        server::Environment,
        smtp::Server,
        world::World,
    },
};

/// Signs Ann up; the id of the account.
async fn sign_up(world: &World) -> String {
    let call = Call::to(REGISTER, registration("ann"));
    text(&world.client.send(Transport::Grpc, &call).await.ok()["result"]["user"]["id"])
}

#[tokio::test]
async fn authn_12_of_fifty_who_use_a_token_on_two_replicas_at_once_one_succeeds() {
    let smtp = Server::start();
    let replicas = Replicas::with(2, smtp.environment().set("CALL_TIMEOUT", "60s")).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let token = token_by_mail(a, &smtp, &ann, 0).await;
    let uses = (0..50).map(|number| {
        let (app, password) = ([a, b][number % 2], format!("the password of number {number}"));
        let token = &token;
        async move {
            let transport = Transport::ALL[number % 4];
            let reply = app.send(transport, &reset(token, &password)).await;
            if reply.reason.is_some() {
                // Those who find the queue for hashing full have not got as far.
                let known = ["INVALID_ONE_TIME_TOKEN", "BUSY"];
                assert!(known.contains(&reply.reason.as_deref().unwrap()), "{reply:#?}");
                return None;
            }
            Some(password)
        }
    });
    let winners: Vec<_> = join_all(uses).await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    b.send(Transport::Rest, &login(&ann, &winners[0])).await.ok();
}

#[tokio::test]
async fn authn_12_a_token_is_good_once_and_for_fifteen_minutes() {
    let world = World::start().await;
    let id = sign_up(&world).await;
    let data = json!({ "to": "ann@example.com" });
    for transport in Transport::ALL {
        let send = async |call| world.client.send(transport, &call).await;
        let old = world.issue(Kind::PasswordReset, &id, &data).await;
        world.wait(Duration::from_secs(1));
        let young = world.issue(Kind::PasswordReset, &id, &data).await;
        world.wait(Duration::from_secs(15 * 60 - 1));
        refused(&send(reset(&old, NEW_PASSWORD)).await);
        send(reset(&young, NEW_PASSWORD)).await.ok();
        refused(&send(reset(&young, NEW_PASSWORD)).await);
    }
}

#[tokio::test]
async fn authn_12_a_token_of_another_kind_or_for_another_address_changes_no_password() {
    let world = World::start().await;
    let id = sign_up(&world).await;
    let to = |address: &str| json!({ "to": address });
    for transport in Transport::ALL {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::PasswordReset) {
            let token = world.issue(kind, &id, &to("ann@example.com")).await;
            refused(&world.client.send(transport, &reset(&token, NEW_PASSWORD)).await);
        }
        let elsewhere = world.issue(Kind::PasswordReset, &id, &to("bob@example.com")).await;
        refused(&world.client.send(transport, &reset(&elsewhere, NEW_PASSWORD)).await);
        let nobodys = world.issue(Kind::PasswordReset, "", &to("ann@example.com")).await;
        refused(&world.client.send(transport, &reset(&nobodys, NEW_PASSWORD)).await);
    }
}

#[tokio::test]
async fn authn_12_the_mail_that_came_last_is_the_one_that_is_good() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let ann = app.user("ann").await;
    let first = token_by_mail(&app, &smtp, &ann, 0).await;
    let second = token_by_mail(&app, &smtp, &ann, 1).await;
    refused(&app.everywhere(&reset(&first, NEW_PASSWORD)).await);
    app.send(Transport::Rest, &reset(&second, NEW_PASSWORD)).await.ok();
}

#[tokio::test]
async fn authn_12_whoever_keeps_asking_floods_nobody_and_the_last_mail_stays_good() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for number in 0..15 {
        app.send(Transport::ALL[number % 4], &forgot(&ann.email)).await.ok();
    }
    // Errands are done in their order.
    token_by_mail(&app, &smtp, &bob, 0).await;
    let mails = links(&smtp, &ann, 10).await;
    assert_eq!(mails.len(), 10);
    let use_it =
        async |mail| app.send(Transport::Grpc, &reset(&token_of(mail), NEW_PASSWORD)).await;
    refused(&use_it(&mails[8]).await);
    use_it(&mails[9]).await.ok();
}

#[tokio::test]
async fn authn_12_another_password_or_a_barred_account_makes_the_token_void() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let root = app.admin("root").await;
    let has_token = async || -> (Person, String) {
        let person = app.user("ann").await;
        let token = token_by_mail(&app, &smtp, &person, 0).await;
        (person, token)
    };
    let (ann, token) = has_token().await;
    let another = json!({ "newPassword": "another one, and as long" });
    ann.call(Transport::Grpc, CHANGE_PASSWORD, another).await.ok();
    refused(&app.everywhere(&reset(&token, NEW_PASSWORD)).await);

    let (ann, token) = has_token().await;
    root.call(Transport::Grpc, SUSPEND_USER, json!({ "id": ann.id })).await.ok();
    refused(&app.everywhere(&reset(&token, NEW_PASSWORD)).await);
    // It was not used up: whoever barred the account lets it be used again.
    root.call(Transport::Grpc, UNSUSPEND_USER, json!({ "id": ann.id })).await.ok();
    app.send(Transport::Rest, &reset(&token, NEW_PASSWORD)).await.ok();

    let (ann, token) = has_token().await;
    ann.call(Transport::Grpc, DELETE_USER, json!({ "id": ann.id })).await.ok();
    refused(&app.everywhere(&reset(&token, NEW_PASSWORD)).await);
}

#[tokio::test]
async fn authn_12_what_is_no_token_is_refused_like_one_that_is_used() {
    let app = App::with(Environment::new());
    for nonsense in ["x", "vzo_", "vzo_AAAA", &format!("vzo_{}", "A".repeat(43))] {
        refused(&app.everywhere(&reset(nonsense, NEW_PASSWORD)).await);
    }
}
