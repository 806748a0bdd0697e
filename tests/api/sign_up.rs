//! Signing up where addresses are verified before anybody has an account.

mod required;

use futures::future::join_all;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::{
    auth::registration,
    support::{
        app::{App, PASSWORD, unique},
        client::{Call, Transport},
        database::audit_lines,
        replicas::Replicas,
        reply::Reply,
        rpc::{
            DELETE_USER, GET_SERVER_INFO, LIST_USERS, LOGIN, REGISTER, SUSPEND_USER, VERIFY_EMAIL,
        },
        server::Environment,
        smtp::{Received, Server},
    },
    verification::{asking, events_of, is_verified, refused, tokens, verify},
};

fn sign_up(email: &str, username: &str) -> Call {
    let mut request = registration(username);
    request["email"] = email.into();
    Call::to(REGISTER, request)
}

fn login(identifier: &str, password: &str) -> Call {
    Call::to(LOGIN, json!({ "identifier": identifier, "password": password }))
}

/// All of an answer that a stranger sees, but for what differs from call to call.
fn seen(reply: Reply) -> (u16, String, Option<String>, String, Value, HeaderMap) {
    let mut headers = reply.headers;
    for own in ["date", "x-request-id", "ratelimit", "traceparent"] {
        headers.remove(own);
    }
    let status = reply.http_status.as_u16();
    (status, reply.code, reply.reason, reply.message, reply.body, headers)
}

/// The mails that tell somebody that they have an account.
async fn reminders(smtp: &Server, address: &str, at_least: usize) -> Vec<Received> {
    let is_it = |mail: &Received| mail.subject().starts_with("You have an account already");
    smtp.received_that(address, at_least, is_it).await
}

#[tokio::test]
async fn authn_05_signing_up_has_one_answer_for_addresses_with_and_without_an_account() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "required"));
    let taken = app.admin("root").await;
    for transport in Transport::ALL {
        let new = format!("{}@example.com", unique("new"));
        let names = [unique("one"), unique("two")];
        let answers = [
            app.send(transport, &sign_up(&new, &names[0])).await,
            app.send(transport, &sign_up(&taken.email.to_uppercase(), &names[1])).await,
        ];
        let result = &answers[0].ok()["result"];
        assert_eq!(result["emailVerificationRequired"], json!({}), "{result:#}");
        assert_eq!((&result["user"], &result["created"]), (&Value::Null, &json!(false)));
        let [of_new, of_taken] = answers.map(seen);
        assert_eq!(of_new, of_taken);
        assert_eq!(tokens(&smtp, &new, 1).await.len(), 1);
        reminders(&smtp, &taken.email, 1).await;

        // Nor does what can be asked afterwards tell: by the password, or by the username.
        for identifier in [&new, &taken.email, &names[0], &names[1]] {
            let reply = app.send(transport, &login(identifier, PASSWORD)).await;
            if *identifier != taken.email {
                reply.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
            }
        }
        for name in &names {
            let other = format!("{}@example.com", unique("other"));
            app.send(transport, &sign_up(&other, name)).await.ok();
        }
        let listed = taken.call(transport, LIST_USERS, json!({})).await;
        let listed = listed.ok()["users"].as_array().unwrap().len();
        assert_eq!(listed, 1, "a pending account is nobody's");
    }
    let name_in_use = app.everywhere(&sign_up("eve@example.com", &taken.username)).await;
    name_in_use.refused("ALREADY_EXISTS", "USERNAME_TAKEN");
    let info = app.everywhere(&Call::to(GET_SERVER_INFO, json!({}))).await;
    let features = info.ok()["info"]["features"].as_array().unwrap();
    assert!(features.contains(&"email_verification_required".into()), "{features:?}");
}

#[tokio::test]
async fn the_link_makes_the_account_and_signs_nobody_in() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "required"));
    for transport in Transport::ALL {
        let name = unique("Ann");
        let email = format!("{name}@example.com");
        app.send(transport, &sign_up(&email, &name)).await.ok();
        let token = &tokens(&smtp, &email, 1).await[0];
        assert_eq!(app.send(transport, &verify(token)).await.ok(), &json!({}));
        refused(&app.send(transport, &verify(token)).await);
        let ann = app.sign_in(&name).await;
        assert_eq!((&ann.username, &ann.email), (&name, &email));
        assert!(is_verified(&ann).await);
        let told = events_of(&app, &ann.id).await;
        assert_eq!(told[0]["userCreated"]["method"], "register", "{told:?}");
        assert_eq!(told[0]["userCreated"]["user"]["roles"], json!(["user"]));
        // Now the address is somebody's.
        app.send(transport, &sign_up(&email, &unique("eve"))).await.ok();
        reminders(&smtp, &email, 1).await;
        assert_eq!(tokens(&smtp, &email, 1).await.len(), 1);
    }
}

#[tokio::test]
async fn authn_12_of_several_who_sign_up_with_an_address_the_mail_that_came_last_is_good() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "required"));
    let email = "ann@example.com";
    for (place, transport) in Transport::ALL.into_iter().enumerate() {
        app.send(transport, &sign_up(email, &format!("ann{place}"))).await.ok();
        tokens(&smtp, email, place + 1).await;
    }
    let links = tokens(&smtp, email, 4).await;
    for token in &links[..3] {
        refused(&app.send(Transport::Rest, &verify(token)).await);
    }
    app.send(Transport::Grpc, &verify(&links[3])).await.ok();
    app.send(Transport::Grpc, &login("ann3", PASSWORD)).await.ok();
}

#[tokio::test]
async fn of_two_who_want_a_username_the_one_has_it_who_verifies_first() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "required"));
    let mut links = Vec::new();
    for email in ["ann@example.com", "eve@example.com"] {
        app.send(Transport::Rest, &sign_up(email, "wanted")).await.ok();
        links.extend(tokens(&smtp, email, 1).await);
    }
    app.send(Transport::Rest, &verify(&links[1])).await.ok();
    let late = app.everywhere(&verify(&links[0])).await;
    late.refused("ALREADY_EXISTS", "USERNAME_TAKEN");
    app.send(Transport::Rest, &sign_up("ann@example.com", "another")).await.ok();
    let again = &tokens(&smtp, "ann@example.com", 2).await[1];
    app.send(Transport::Rest, &verify(again)).await.ok();
    app.send(Transport::Rest, &login("another", PASSWORD)).await.ok();
}

#[tokio::test]
async fn a_request_that_is_repeated_is_one_and_a_mailbox_is_not_flooded() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "required"));
    for _ in 0..3 {
        let call = sign_up("ann@example.com", "ann").header("idempotency-key", "once");
        app.everywhere(&call).await.ok();
    }
    for number in 0..13 {
        app.send(Transport::Grpc, &sign_up("bob@example.com", &format!("bob{number}"))).await.ok();
    }
    app.send(Transport::Grpc, &sign_up("last@example.com", "last")).await.ok();
    tokens(&smtp, "last@example.com", 1).await;
    assert_eq!(tokens(&smtp, "ann@example.com", 1).await.len(), 1);
    let links = tokens(&smtp, "bob@example.com", 10).await;
    assert_eq!(links.len(), 10);
    app.send(Transport::Grpc, &verify(&links[9])).await.ok();
}

#[tokio::test]
async fn authn_12_of_fifty_who_show_the_link_on_two_replicas_at_once_one_has_the_account() {
    let smtp = Server::start();
    let replicas = Replicas::with(2, asking(&smtp, "required")).await;
    let (a, b) = replicas.pair();
    a.send(Transport::Rest, &sign_up("ann@example.com", "ann")).await.ok();
    let token = &tokens(&smtp, "ann@example.com", 1).await[0];
    let shown = (0..50).map(|number| async move {
        let reply = [a, b][number % 2].send(Transport::ALL[number % 4], &verify(token)).await;
        if reply.reason.is_some() {
            refused(&reply);
        }
        usize::from(reply.code == "OK")
    });
    assert_eq!(join_all(shown).await.into_iter().sum::<usize>(), 1);
    let ann = b.sign_in("ann").await;
    assert_eq!(events_of(a, &ann.id).await.len(), 1);
}

#[tokio::test]
async fn authn_05_accounts_of_before_sign_in_once_they_are_verified_and_nobody_else_learns_of_them()
{
    let smtp = Server::start();
    let environment = asking(&smtp, "off");
    let before = App::alone(environment.clone());
    let (ann, eve, bob) =
        (before.user("ann").await, before.user("eve").await, before.user("bob").await);
    let root = before.admin("root").await;
    root.call(Transport::Grpc, SUSPEND_USER, json!({ "id": eve.id })).await.ok();
    bob.call(Transport::Grpc, DELETE_USER, json!({ "id": bob.id })).await.ok();
    before.server.stop();
    let app = App::alone(environment.set("EMAIL_VERIFICATION", "required"));
    let wrong = app.everywhere(&login(&ann.email, "not the right one")).await;
    wrong.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    let right = app.everywhere(&login(&ann.email, PASSWORD)).await;
    right.refused("FAILED_PRECONDITION", "EMAIL_NOT_VERIFIED");
    let links = tokens(&smtp, &ann.email, Transport::ALL.len()).await;
    app.send(Transport::Rest, &verify(links.last().unwrap())).await.ok();
    app.send(Transport::Rest, &login(&ann.email, PASSWORD)).await.ok();

    for person in [&eve, &bob, &ann] {
        app.send(Transport::Grpc, &sign_up(&person.email, &unique("other"))).await.ok();
    }
    reminders(&smtp, &ann.email, 1).await;
    for silent in [&eve, &bob] {
        assert_eq!(smtp.received_for(&silent.email, 0).await.len(), 0);
    }
}

#[test]
fn a_server_on_which_nobody_could_sign_up_does_not_start() {
    let required = Environment::new().set("EMAIL_VERIFICATION", "required");
    let elsewhere = required.clone().set("PUBLIC_URL", "https://app.example.com");
    for (environment, starts) in [(&required, true), (&elsewhere, false)] {
        let output = environment.run(&["config"], "");
        assert_eq!(output.status.success(), starts, "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("EMAIL_VERIFICATION=required needs a mail server"), !starts);
    }
}

#[tokio::test]
async fn log_01_what_became_of_a_registration_is_known_to_operators() {
    let smtp = Server::start();
    let app = App::with(asking(&smtp, "required"));
    let root = app.admin("root").await;
    app.send(Transport::Rest, &sign_up(&root.email, "eve")).await.ok();
    app.send(Transport::Rest, &sign_up("ann@example.com", "ann")).await.ok();
    let token = &tokens(&smtp, "ann@example.com", 1).await[0];
    app.send(Transport::GrpcWeb, &verify(token)).await.ok();
    let ann = app.sign_in("ann").await;
    let outcomes = async |id: &str, action: &str| {
        let lines = audit_lines(&app.server.environment, id).await;
        let lines = lines.into_iter().filter(|line| line.action == action);
        lines.map(|line| (line.outcome, line.method)).collect::<Vec<_>>()
    };
    let line = |outcome: &str, method: &str| vec![(outcome.to_owned(), method.to_owned())];
    assert_eq!(outcomes(&root.id, "auth.register").await, line("FAILURE", REGISTER));
    assert_eq!(outcomes(&ann.id, "auth.register").await, line("SUCCESS", REGISTER));
    assert_eq!(outcomes(&ann.id, "auth.verify_email").await, line("SUCCESS", VERIFY_EMAIL));
    let output = app.server.output();
    for secret in [token.strip_prefix("vzo_").unwrap(), "ann@example.com", PASSWORD] {
        assert!(!output.contains(secret), "{secret}");
    }
}
