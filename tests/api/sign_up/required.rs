//! Where addresses have to be verified first: every other way in, for accounts of before and for those who come through a
//! provider.

use serde_json::json;

use super::{login, sign_up};
use crate::{
    oauth::{CORP, address, browser::Browser},
    recovery::{forgot, links, reset, token_of},
    second_factor::{recover, replicas::enable, ticket_of},
    support::{
        app::{App, PASSWORD, Person, unique},
        client::{Call, Transport},
        identity::Provider,
        reply::Reply,
        rpc::{GET_ME, REFRESH_TOKEN},
        smtp::Server,
    },
    verification::{asking, refused, tokens, verify},
};

#[track_caller]
fn not_verified(reply: &Reply) {
    reply.refused("FAILED_PRECONDITION", "EMAIL_NOT_VERIFIED");
    assert_eq!(reply.header("set-cookie"), "", "{reply:#?}");
}

/// The same server after its operator has begun to ask for verified addresses.
fn made_strict(before: &App) -> App {
    before.server.stop();
    App::with(before.server.environment.clone().set("EMAIL_VERIFICATION", "required"))
}

#[tokio::test]
async fn a_second_factor_lets_nobody_in_whose_address_has_to_be_verified_first() {
    let smtp = Server::start();
    let before = App::with(asking(&smtp, "off"));
    let ann = before.user("ann").await;
    let (_, recovery_codes) = enable(&ann).await;
    let mut tickets = Vec::new();
    for _ in Transport::ALL {
        tickets.push(ticket_of(&before.send(Transport::Grpc, &login(&ann.email, PASSWORD)).await));
    }
    let app = made_strict(&before);
    let mut codes = recovery_codes.iter();
    for (transport, ticket) in Transport::ALL.into_iter().zip(&tickets) {
        // Nobody is asked for a code that would be of no use, and a ticket of before is worth no more.
        not_verified(&app.send(transport, &login(&ann.email, PASSWORD)).await);
        not_verified(&app.send(transport, &recover(ticket, codes.next().unwrap())).await);
    }
    let sent = tokens(&smtp, &ann.email, 2 * Transport::ALL.len()).await;
    app.send(Transport::Rest, &verify(sent.last().unwrap())).await.ok();
    let ticket = ticket_of(&app.send(Transport::Rest, &login(&ann.email, PASSWORD)).await);
    let done = app.send(Transport::Rest, &recover(&ticket, codes.next().unwrap())).await;
    assert_eq!(Person::of(&app, &done).id, ann.id);
}

#[tokio::test]
async fn sessions_of_before_go_on_and_a_forgotten_password_verifies_the_address() {
    let smtp = Server::start();
    let before = App::with(asking(&smtp, "off"));
    let mut people = Vec::new();
    for _ in Transport::ALL {
        people.push(before.user("ann").await);
    }
    let app = made_strict(&before);
    for (transport, ann) in Transport::ALL.into_iter().zip(people) {
        let refresh = Call::to(REFRESH_TOKEN, json!({ "refreshToken": ann.refresh_token }));
        app.send(transport, &refresh).await.ok();
        let me = app.call(transport, GET_ME, json!({}), Some(&ann.access_token)).await;
        assert_eq!(me.ok()["user"]["emailVerified"], false);
        not_verified(&app.send(transport, &login(&ann.email, PASSWORD)).await);
        app.send(transport, &forgot(&ann.email)).await.ok();
        let link = links(&smtp, &ann, 1).await.pop().unwrap();
        let new = "another one, and as long";
        app.send(transport, &reset(&token_of(&link), new)).await.ok();
        let signed_in = app.send(transport, &login(&ann.email, new)).await;
        assert_eq!(signed_in.ok()["result"]["user"]["emailVerified"], true);
    }
}

#[tokio::test]
async fn oauth_02_an_address_that_a_provider_vouches_for_is_verified_and_no_other() {
    let (provider, smtp) = (Provider::start(), Server::start());
    let app = App::with(provider.add_to(asking(&smtp, "required")));
    for transport in Transport::ALL {
        let email = address("zoe");
        // Somebody has signed up with it and chosen a password, which is not to be that of the owner's account.
        app.send(transport, &sign_up(&email, &unique("eve"))).await.ok();
        let link = &tokens(&smtp, &email, 1).await[0];
        let subject = unique("subject");
        for word in [json!(false), json!("true")] {
            let claims = json!({ "sub": subject, "email": email, "email_verified": word });
            provider.rule(&json!({ "claims": claims, "userinfo": { "sub": subject } }));
            let told = Browser::new(&app, &provider).travel(CORP).await;
            assert_eq!(told, "error=PROVIDER_EMAIL_UNVERIFIED");
        }
        provider.vouch(&subject, &email);
        let first = Browser::new(&app, &provider).sign_in(CORP, transport).await;
        assert_eq!(first.ok()["result"]["created"], true);
        assert_eq!(first.ok()["result"]["user"]["emailVerified"], true);
        refused(&app.send(transport, &verify(link)).await);
        let eve = app.send(transport, &login(&email, PASSWORD)).await;
        eve.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        let again = Browser::new(&app, &provider).sign_in(CORP, transport).await;
        assert_eq!(Person::of(&app, &again).id, Person::of(&app, &first).id);
    }
}
