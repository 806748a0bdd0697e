//! Showing that an e-mail address is one's own, by a link in a mail.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use veza::domain::one_time_token::Kind;

use crate::{
    auth::registration,
    support::{
        app::{App, Person, text},
        client::{Call, Transport},
        contract,
        database::on_database,
        replicas::Replicas,
        reply::Reply,
        rpc::{GET_ME, REGISTER, SEND_EMAIL_VERIFICATION, SUSPEND_USER, UPDATE_USER, VERIFY_EMAIL},
        server::Environment,
        smtp::{PUBLIC_URL, Received, Server},
        world::World,
    },
};

/// Settings of a server on which whoever signs up is asked in this way.
pub fn asking(smtp: &Server, whether: &str) -> Environment {
    smtp.environment().set("EMAIL_VERIFICATION", whether)
}

/// A call that shows a token.
pub fn verify(token: &str) -> Call {
    Call::to(VERIFY_EMAIL, json!({ "token": token }))
}

/// The tokens of the links that somebody was sent, once there are so many.
pub async fn tokens(smtp: &Server, address: &str, at_least: usize) -> Vec<String> {
    let is_link = |mail: &Received| mail.subject().starts_with("Confirm your e-mail address");
    let token = |mail: &Received| {
        let link = format!("{PUBLIC_URL}/verify-email#token=");
        let (_, rest) = mail.text.split_once(&link).unwrap_or_else(|| panic!("no link: {mail:?}"));
        rest.split_whitespace().next().unwrap().to_owned()
    };
    smtp.received_that(address, at_least, is_link).await.iter().map(token).collect()
}

#[track_caller]
pub fn refused(reply: &Reply) {
    reply.refused("INVALID_ARGUMENT", "INVALID_ONE_TIME_TOKEN");
}

/// Whether the address of somebody counts as theirs.
pub async fn is_verified(person: &Person) -> bool {
    let me = person.everywhere(Call::to(GET_ME, json!({}))).await;
    me.ok()["user"]["emailVerified"] == true
}

/// What was told of an account, as events.
pub async fn events_of(app: &App, id: &str) -> Vec<Value> {
    let payloads: Vec<Vec<u8>> =
        on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
            let query = sqlx::query_scalar("SELECT payload FROM outbox ORDER BY seq");
            query.fetch_all(&mut connection).await.unwrap()
        });
    let event = contract::message("veza.event.v1.Event");
    let events = payloads.iter().map(|bytes| contract::decode(&event, bytes).unwrap());
    events.filter(|event| event["subject"] == format!("users/{id}")).collect()
}

#[tokio::test]
async fn authn_12_whoever_signs_up_is_sent_a_link_and_verifies_the_address_with_it_once() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "optional"));
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        assert!(!is_verified(&ann).await);
        let token = &tokens(&smtp, &ann.email, 1).await[0];
        let done = app.send(transport, &verify(token)).await;
        assert_eq!(done.ok(), &json!({}), "nobody is signed in by it");
        assert!(is_verified(&ann).await);
        refused(&app.send(transport, &verify(token)).await);
        let told = events_of(&app, &ann.id).await;
        let changed = json!(["email_verified"]);
        assert_eq!(told.last().unwrap()["userUpdated"]["changedFields"], changed, "{told:?}");
        assert!(!format!("{told:?}").contains(&ann.email));
    }
}

#[tokio::test]
async fn authn_05_asking_for_the_link_has_one_answer_and_the_newest_link_is_the_one_that_is_good() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "optional"));
    let ann = app.user("ann").await;
    let send = || Call::to(SEND_EMAIL_VERIFICATION, json!({}));
    let before = ann.everywhere(send()).await;
    let links = tokens(&smtp, &ann.email, 1 + Transport::ALL.len()).await;
    let (newest, older) = links.split_last().unwrap();
    for token in older {
        refused(&app.send(Transport::Rest, &verify(token)).await);
    }
    app.send(Transport::GrpcWeb, &verify(newest)).await.ok();
    let after = ann.everywhere(send()).await;
    assert_eq!((after.ok(), before.ok()), (&json!({}), &json!({})));
    app.everywhere(&send()).await.refused("UNAUTHENTICATED", "MISSING_TOKEN");
    let bob = app.user("bob").await;
    tokens(&smtp, &bob.email, 1).await;
    assert_eq!(tokens(&smtp, &ann.email, 0).await.len(), links.len());
}

#[tokio::test]
async fn whoever_keeps_asking_is_not_flooded_and_the_last_link_stays_good() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "off"));
    let ann = app.user("ann").await;
    for number in 0..13 {
        let transport = Transport::ALL[number % 4];
        ann.call(transport, SEND_EMAIL_VERIFICATION, json!({})).await.ok();
    }
    app.until_metric("veza_mails_pending", 0.0).await;
    let links = tokens(&smtp, &ann.email, 10).await;
    assert_eq!(links.len(), 10);
    refused(&app.send(Transport::Rest, &verify(&links[8])).await);
    app.send(Transport::Grpc, &verify(&links[9])).await.ok();
}

#[tokio::test]
async fn addresses_are_asked_after_unless_the_operator_says_otherwise() {
    let smtp = Server::start();
    let silent = App::with(asking(&smtp, "off"));
    let ann = silent.user("ann").await;
    silent.until_metric("veza_mails_pending", 0.0).await;
    let asking = App::with(smtp.environment().unset("EMAIL_VERIFICATION"));
    let bob = asking.user("bob").await;
    tokens(&smtp, &bob.email, 1).await;
    assert_eq!(smtp.received_for(&ann.email, 0).await.len(), 0);
}

#[tokio::test]
async fn authn_12_of_fifty_who_show_a_token_on_two_replicas_at_once_one_succeeds() {
    let smtp = Server::start();
    let replicas = Replicas::with(2, asking(&smtp, "optional")).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let token = &tokens(&smtp, &ann.email, 1).await[0];
    let shown = (0..50).map(|number| async move {
        let reply = [a, b][number % 2].send(Transport::ALL[number % 4], &verify(token)).await;
        if reply.reason.is_some() {
            refused(&reply);
        }
        usize::from(reply.code == "OK")
    });
    assert_eq!(join_all(shown).await.into_iter().sum::<usize>(), 1);
    assert!(is_verified(&ann.at(b)).await && is_verified(&ann).await);
}

#[tokio::test]
async fn authn_12_a_token_is_good_for_a_day_for_its_kind_and_for_the_address_that_it_was_sent_to() {
    let world = World::start().await;
    let call = Call::to(REGISTER, registration("ann"));
    let id = text(&world.client.send(Transport::Grpc, &call).await.ok()["result"]["user"]["id"]);
    let to = |address: &str| json!({ "to": address });
    for transport in Transport::ALL {
        let send = async |token: &str| world.client.send(transport, &verify(token)).await;
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::EmailVerification) {
            let other = world.issue(kind, &id, &to("ann@example.com")).await;
            refused(&send(&other).await);
        }
        let kind = Kind::EmailVerification;
        refused(&send(&world.issue(kind, &id, &to("bob@example.com")).await).await);
        refused(&send(&world.issue(kind, "", &to("ann@example.com")).await).await);
        let old = world.issue(kind, &id, &to("ann@example.com")).await;
        world.wait(Duration::from_secs(1));
        let young = world.issue(kind, &id, &to("ann@example.com")).await;
        world.wait(Duration::from_secs(24 * 60 * 60 - 1));
        refused(&send(&old).await);
        send(&young).await.ok();
    }
}

#[tokio::test]
async fn a_barred_account_is_not_verified_and_a_token_that_is_none_neither() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "optional"));
    let (root, ann) = (app.admin("root").await, app.user("ann").await);
    let token = &tokens(&smtp, &ann.email, 1).await[0];
    root.call(Transport::Grpc, SUSPEND_USER, json!({ "id": ann.id })).await.ok();
    for token in [token, "x", "vzo_", &format!("vzo_{}", "A".repeat(43))] {
        refused(&app.everywhere(&verify(token)).await);
    }
}

#[tokio::test]
async fn authz_05_nobody_verifies_an_address_by_saying_so() {
    let app = App::with(Environment::new());
    let (ann, root) = (app.user("ann").await, app.admin("root").await);
    for (person, field) in [(&ann, "emailVerified"), (&root, "emailVerified"), (&ann, "email")] {
        let mut user = json!({ "id": ann.id, "bio": field });
        user[field] = if field == "email" { "eve@example.com".into() } else { true.into() };
        person.everywhere(Call::to(UPDATE_USER, json!({ "user": user }))).await.ok();
    }
    let me = ann.everywhere(Call::to(GET_ME, json!({}))).await;
    let user = &me.ok()["user"];
    assert_eq!((&user["email"], &user["emailVerified"]), (&json!(ann.email), &json!(false)));
}
