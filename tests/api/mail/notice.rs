//! What people are told of by mail.

use futures::future::join_all;
use serde_json::json;

use super::{PENDING, sign_in_on};
use crate::{
    support::{
        app::{App, text},
        client::{Call, Transport},
        replicas::Replicas,
        rpc::{CHANGE_PASSWORD, REFRESH_TOKEN},
        smtp::{PUBLIC_URL, Server},
    },
    verification::events_of,
};

#[tokio::test]
async fn authn_15_signing_in_on_a_new_device_is_told_of_and_signing_up_is_not() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, transport, "Ann's phone").await;
        let mails = smtp.received_for(&ann.email, 1).await;
        assert_eq!(mails[0].subject(), "New sign-in – Veza");
        for said in [&mails[0].text, &mails[0].html.replace("&#39;", "'")] {
            assert!(said.contains("Ann's phone"), "{said}");
            assert!(said.contains("127.0.0.1"), "{said}");
            assert!(
                said.contains("If it was not, go to https://app.example.com at once"),
                "{said}"
            );
        }
        // The same device, and then another one.
        sign_in_on(&app, &ann, transport, "Ann's phone").await;
        sign_in_on(&app, &ann, transport, "laptop").await;
        let mails = smtp.received_for(&ann.email, 2).await;
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(smtp.received_for(&ann.email, 2).await.len(), 2);
        assert!(mails[1].text.contains("laptop"), "{}", mails[1].text);
    }
}

#[tokio::test]
async fn authn_15_sess_01_a_refresh_token_that_is_used_again_is_told_of_once() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let refresh = |token: &str| Call::to(REFRESH_TOKEN, json!({ "refreshToken": token }));
        let second = app.send(transport, &refresh(&ann.refresh_token)).await;
        let second = text(&second.ok()["tokens"]["refreshToken"]);
        app.send(transport, &refresh(&second)).await.ok();
        let stolen = app.send(transport, &refresh(&ann.refresh_token)).await;
        stolen.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
        let again = app.send(transport, &refresh(&ann.refresh_token)).await;
        again.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
        let mails = smtp.received_for(&ann.email, 1).await;
        assert_eq!(mails[0].subject(), "A device was signed out – Veza");
        assert!(mails[0].text.contains("were used once more"), "{}", mails[0].text);
        app.until_metric(PENDING, 0.0).await;
        assert_eq!(smtp.received_for(&ann.email, 1).await.len(), 1);
    }
}

#[tokio::test]
async fn authn_15_sess_01_of_twenty_who_use_it_again_on_two_replicas_at_once_one_is_told_of() {
    let smtp = Server::start();
    let replicas = Replicas::with(2, smtp.environment().set("REFRESH_GRACE", "0s")).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let refresh = &Call::to(REFRESH_TOKEN, json!({ "refreshToken": ann.refresh_token }));
    a.send(Transport::Grpc, refresh).await.ok();
    let thieves = (0..20).map(|number| async move {
        let stolen = [a, b][number % 2].send(Transport::ALL[number % 4], refresh).await;
        let reason = stolen.reason.unwrap();
        // Who comes later finds that the session is over.
        let expected = ["REFRESH_TOKEN_REUSED", "INVALID_REFRESH_TOKEN"];
        assert!(expected.contains(&reason.as_str()), "{reason}");
    });
    join_all(thieves).await;
    smtp.received_for(&ann.email, 1).await;
    a.until_metric(PENDING, 0.0).await;
    assert_eq!(smtp.received_for(&ann.email, 1).await.len(), 1);
    let ended =
        events_of(a, &ann.id).await.into_iter().filter(|it| it["sessionRevoked"].is_object());
    assert_eq!(ended.count(), 1);
}

#[tokio::test]
async fn authn_15_another_password_is_told_of() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let new = json!({ "newPassword": "another one, and as long" });
        ann.call(transport, CHANGE_PASSWORD, new).await.ok();
        let mails = smtp.received_for(&ann.email, 1).await;
        assert_eq!(mails[0].subject(), "Your password was changed – Veza");
    }
}

#[tokio::test]
async fn authn_13_what_a_caller_claims_about_the_host_leads_no_link_astray() {
    let smtp = Server::start();
    let app = App::with(smtp.environment().set("TRUSTED_PROXIES", "127.0.0.1"));
    let ann = app.user("ann").await;
    for (place, header) in ["host", "x-forwarded-host", "forwarded", "origin"].iter().enumerate() {
        let value = if *header == "forwarded" { "host=evil.example" } else { "evil.example" };
        let call = super::login_on(&ann.username, header).header(header, value);
        // Some are refused, which is as good.
        app.send(Transport::Rest, &call).await;
        sign_in_on(&app, &ann, Transport::Rest, &format!("other {place}")).await;
    }
    for mail in smtp.received_for(&ann.email, 4).await {
        assert!(!mail.raw.contains("evil.example"), "{}", mail.raw);
        assert!(mail.text.contains(PUBLIC_URL), "{}", mail.text);
    }
}

#[tokio::test]
async fn what_strangers_call_themselves_and_their_devices_makes_no_link_and_no_header() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let request = json!({
        "email": "victim@example.com", "username": "evil.example", "password": "correct horse battery",
        "displayName": "You won! https://evil.example <img src=x>",
    });
    app.call(Transport::Rest, crate::support::rpc::REGISTER, request, None).await.ok();
    let device =
        "x\r\nBcc: all@example.com\r\n<a href=\"https://evil.example\">claim</a> www.evil.example";
    app.send(Transport::Rest, &super::login_on("victim@example.com", device)).await.ok();
    let mail = &smtp.received_for("victim@example.com", 1).await[0];
    assert_eq!(mail.headers.get("Bcc"), None);
    for said in [&mail.text, &mail.html, &mail.headers["To"]] {
        assert!(!said.contains("evil.example"), "{said}");
        assert!(!said.contains("<img") && !said.contains("<a href=\"https://evil"), "{said}");
    }
}

#[tokio::test]
async fn an_account_is_not_flooded_with_notices() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let [ann, bob] = [app.user("ann").await, app.user("bob").await];
    for device in 0..13 {
        // Numbers alone do not make another device in the name of its program, but they do in its own name.
        sign_in_on(&app, &ann, Transport::Grpc, &format!("device {device}")).await;
    }
    sign_in_on(&app, &bob, Transport::Grpc, "phone").await;
    smtp.received_for(&bob.email, 1).await;
    app.until_metric(PENDING, 0.0).await;
    assert_eq!(smtp.received_for(&ann.email, 10).await.len(), 10);
}
