//! What people are told by mail, and who helps them when they have lost everything.

use serde_json::json;

use super::{complete, recover, texts, ticket_of};
use crate::support::{
    app::{App, PASSWORD, Person, text, unique},
    client::{Call, Transport},
    database::actions,
    rpc::{
        CHANGE_PASSWORD, CONFIRM_TOTP, DISABLE_TOTP, ENROLL_TOTP, LOGIN, REGENERATE_RECOVERY_CODES,
    },
    smtp::{Received, Server},
    totp::{self, STEP},
};

/// Gives somebody a second factor: the secret of their app, and their recovery codes.
async fn enable(ann: &Person, transport: Transport) -> (String, Vec<String>) {
    let setup = ann.call(transport, ENROLL_TOTP, json!({})).await;
    let secret = text(&setup.ok()["secret"]);
    let code = json!({ "totp_code": totp::code(&secret, totp::now()) });
    let confirmed = ann.call(transport, CONFIRM_TOTP, code).await;
    (secret, texts(&confirmed.ok()["recoveryCodes"]))
}

fn login(ann: &Person, client_name: &str) -> Call {
    let request = json!({
        "identifier": ann.username, "password": PASSWORD, "client_name": client_name,
    });
    Call::to(LOGIN, request)
}

#[tokio::test]
async fn authn_15_what_happens_to_a_second_factor_and_a_new_device_are_told_of() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let (secret, codes) = enable(&ann, transport).await;
        let ticket = ticket_of(&app.send(transport, &login(&ann, "Ann's phone")).await);
        let code = totp::code(&secret, totp::now() + STEP);
        app.send(transport, &complete(&ticket, &code)).await.ok();
        ann.call(transport, REGENERATE_RECOVERY_CODES, json!({})).await.ok();
        let ticket = ticket_of(&app.send(transport, &login(&ann, "Ann's phone")).await);
        let refused = app.send(transport, &recover(&ticket, &codes[0])).await;
        refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        let new = texts(
            &ann.call(transport, REGENERATE_RECOVERY_CODES, json!({})).await.ok()["recoveryCodes"],
        );
        ann.call(transport, DISABLE_TOTP, json!({ "recovery_code": new[0] })).await.ok();
        let mails = smtp.received_for(&ann.email, 5).await;
        let mut subjects: Vec<_> = mails.iter().map(Received::subject).collect();
        subjects.sort_unstable();
        assert_eq!(
            subjects,
            [
                "New recovery codes – Veza",
                "New recovery codes – Veza",
                "New sign-in – Veza",
                "Two-factor authentication was turned off – Veza",
                "Two-factor authentication was turned on – Veza",
            ]
        );
        let sign_in = mails.iter().find(|mail| mail.subject().starts_with("New sign-in")).unwrap();
        assert!(sign_in.text.contains("Ann's phone"), "{}", sign_in.text);
        for mail in mails {
            assert!(codes.iter().chain([&secret]).all(|secret| !mail.raw.contains(secret)));
        }
    }
}

#[tokio::test]
async fn an_operator_turns_the_second_factor_off_for_whoever_has_lost_it() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let ann = app.user("ann").await;
    let (_, codes) = enable(&ann, Transport::Grpc).await;
    let ticket = ticket_of(&app.send(Transport::Grpc, &login(&ann, "phone")).await);
    let run = |name: &str| {
        let output = app.server.environment.run(&["user", "disable-mfa", name], "");
        let (said, failed) = (output.stdout, output.stderr);
        (output.status.success(), String::from_utf8([said, failed].concat()).unwrap())
    };
    let (done, said) = run(&ann.email);
    assert!(done && said.contains("signs in with the password alone"), "{said}");
    let refused = app.send(Transport::Rest, &recover(&ticket, &codes[0])).await;
    refused.refused("UNAUTHENTICATED", "INVALID_MFA_TICKET");
    let ann = app.sign_in(&ann.username).await;
    let mails = smtp.received_for(&ann.email, 2).await;
    assert!(mails.iter().any(|mail| mail.subject().contains("was turned off")), "{mails:?}");
    assert!(actions(&app.server.environment).await.contains(&"user.disable_mfa".to_owned()));

    let (done, said) = run(&ann.username);
    assert!(done && said.contains("has no second factor"), "{said}");
    let (done, said) = run(&unique("nobody"));
    assert!(!done && said.contains("nobody has the username"), "{said}");

    enable(&ann, Transport::Grpc).await;
    let short = json!({ "new_password": "kq7#vx2m" });
    ann.call(Transport::Grpc, CHANGE_PASSWORD, short).await.ok();
    let (done, said) = run(&ann.username);
    assert!(done && said.contains("have them change it"), "{said}");
}
