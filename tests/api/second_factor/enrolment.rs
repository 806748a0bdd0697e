//! Setting an app up, and turning the second factor off.

use std::{collections::HashSet, time::Duration};

use data_encoding::BASE32_NOPAD;
use serde_json::{Value, json};

use super::{login, recover, ticket_of};
use crate::support::{
    app::{PASSWORD, text},
    client::{Call, Transport},
    rpc::{
        CONFIRM_TOTP, DISABLE_TOTP, ENROLL_TOTP, GET_ME, GET_MFA_STATUS, LIST_SESSIONS,
        REAUTHENTICATE, REGENERATE_RECOVERY_CODES,
    },
    totp,
    world::World,
};

impl World {
    async fn status(&self, transport: Transport, token: &str) -> Value {
        let call = Call::to(GET_MFA_STATUS, json!({})).token(token);
        self.client.send(transport, &call).await.ok().clone()
    }
}

#[tokio::test]
async fn authn_08_a_second_factor_counts_once_its_app_has_shown_that_it_works() {
    let world = World::start().await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let name = format!("ann{number}");
        let (_, token) = world.newcomer(&name).await;
        let first = text(&world.enroll(transport, &token).await.ok()["secret"]);
        assert_eq!(world.status(transport, &token).await["enabled"], false);
        world.client.send(transport, &login(&name, PASSWORD)).await.ok()["result"]["tokens"]
            .as_object()
            .unwrap();

        let setup = world.enroll(transport, &token).await;
        let secret = text(&setup.ok()["secret"]);
        assert_ne!(secret, first);
        assert_eq!(BASE32_NOPAD.decode(secret.as_bytes()).unwrap().len(), 20);
        let uri = text(&setup.ok()["otpauthUri"]);
        assert!(uri.starts_with("otpauth://totp/") && uri.contains(&secret), "{uri}");
        assert!(uri.contains(&format!(":{name}?")), "{uri}");
        let picture = text(&setup.ok()["qrSvg"]);
        assert!(picture.contains("<svg ") && !picture.contains("script"), "{picture}");

        for wrong in [world.code(&first), totp::wrong(&world.code(&secret))] {
            let refused = world.confirm(transport, &token, &wrong).await;
            refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        }
        let code = world.code(&secret);
        let confirmed = world.confirm(transport, &token, &code).await;
        assert_eq!(confirmed.ok()["recoveryCodes"].as_array().unwrap().len(), 10);
        let status = world.status(transport, &token).await;
        let methods = json!(["MFA_METHOD_TOTP", "MFA_METHOD_RECOVERY_CODE"]);
        assert_eq!(
            status,
            json!({
                "enabled": true, "enableTime": status["enableTime"], "methods": methods,
                "recoveryCodesLeft": 10,
            })
        );
        let challenge = world.client.send(transport, &login(&name, PASSWORD)).await;
        ticket_of(&challenge);
        assert_eq!(challenge.ok()["result"]["mfaChallenge"]["methods"], methods);

        // What was shown once is not shown again.
        for reply in
            [world.enroll(transport, &token).await, world.confirm(transport, &token, &code).await]
        {
            reply.refused("ALREADY_EXISTS", "MFA_ALREADY_ENABLED");
        }
    }
}

#[tokio::test]
async fn authn_08_without_an_app_there_is_nothing_to_confirm_or_to_disable() {
    let world = World::start().await;
    let (_, token) = world.newcomer("ann").await;
    let code = json!({ "totp_code": "123456" });
    for transport in Transport::ALL {
        for (method, request, reason) in [
            (CONFIRM_TOTP, code.clone(), "TOTP_NOT_ENROLLED"),
            (DISABLE_TOTP, code.clone(), "MFA_NOT_ENABLED"),
            (REGENERATE_RECOVERY_CODES, json!({}), "MFA_NOT_ENABLED"),
        ] {
            let call = Call::to(method, request).token(&token);
            world.client.send(transport, &call).await.refused("FAILED_PRECONDITION", reason);
        }
    }
}

#[tokio::test]
async fn authn_11_what_changes_a_second_factor_asks_for_a_fresh_proof() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    world.wait(Duration::from_mins(5));
    for transport in Transport::ALL {
        let code = json!({ "totp_code": world.code(&owner.secret) });
        for (method, request) in [
            (ENROLL_TOTP, json!({})),
            (CONFIRM_TOTP, code.clone()),
            (DISABLE_TOTP, code.clone()),
            (REGENERATE_RECOVERY_CODES, json!({})),
        ] {
            let call = Call::to(method, request).token(&owner.access_token);
            let refused = world.client.send(transport, &call).await;
            refused.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
        }
        assert_eq!(world.status(transport, &owner.access_token).await["enabled"], true);
    }
}

#[tokio::test]
async fn authn_11_a_fresh_proof_takes_all_that_signing_in_takes() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let mut recovery_codes = owner.recovery_codes.iter();
    for transport in Transport::ALL {
        world.wait(Duration::from_mins(5));
        let send = async |request: Value| {
            let call = Call::to(REAUTHENTICATE, request).token(&owner.access_token);
            world.client.send(transport, &call).await
        };
        send(json!({ "password": PASSWORD })).await.refused("UNAUTHENTICATED", "MFA_CODE_REQUIRED");
        let code = world.code(&owner.secret);
        for (password, code, reason) in [
            ("not the one", &code, "WRONG_CREDENTIALS"),
            (PASSWORD, &totp::wrong(&code), "WRONG_MFA_CODE"),
        ] {
            let refused = send(json!({ "password": password, "totp_code": code })).await;
            refused.refused("UNAUTHENTICATED", reason);
        }
        send(json!({ "password": PASSWORD, "totp_code": code })).await.ok();
        let again = send(json!({ "password": PASSWORD, "totp_code": code })).await;
        again.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        let recovery_code = recovery_codes.next().unwrap();
        send(json!({ "password": PASSWORD, "recovery_code": recovery_code })).await.ok();
    }
    let (_, token) = world.newcomer("bob").await;
    let request = json!({ "password": PASSWORD, "totp_code": "123456" });
    let call = Call::to(REAUTHENTICATE, request).token(&token);
    let refused = world.client.send(Transport::Rest, &call).await;
    refused.refused("FAILED_PRECONDITION", "MFA_NOT_ENABLED");
}

#[tokio::test]
async fn sess_04_enabling_a_second_factor_ends_the_sessions_that_were_begun_without_it() {
    let world = World::start().await;
    let (_, token) = world.newcomer("ann").await;
    let other = world.client.send(Transport::Grpc, &login("ann", PASSWORD)).await;
    let other = text(&other.ok()["result"]["tokens"]["accessToken"]);
    let secret = text(&world.enroll(Transport::Grpc, &token).await.ok()["secret"]);
    world.confirm(Transport::Grpc, &token, &world.code(&secret)).await.ok();
    let call = Call::to(GET_ME, json!({}));
    let ended = world.client.send(Transport::Rest, &call.clone().token(&other)).await;
    ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
    world.client.send(Transport::Rest, &call.token(&token)).await.ok();
}

#[tokio::test]
async fn authn_11_disabling_takes_a_code_and_leaves_the_password() {
    let world = World::start().await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let owner = world.owner(&format!("ann{number}")).await;
        let disable = async |code: Value| {
            let call = Call::to(DISABLE_TOTP, code).token(&owner.access_token);
            world.client.send(transport, &call).await
        };
        let code = world.code(&owner.secret);
        disable(json!({})).await.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
        let wrong = json!({ "totp_code": totp::wrong(&code) });
        disable(wrong).await.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        let right = if number % 2 == 0 {
            json!({ "totp_code": code })
        } else {
            json!({ "recovery_code": owner.recovery_codes[3] })
        };
        disable(right).await.ok();
        let status = world.status(transport, &owner.access_token).await;
        let none = json!({ "enabled": false, "methods": [], "recoveryCodesLeft": 0 });
        assert_eq!(status, none);
        let signed_in = world.client.send(transport, &login(&owner.username, PASSWORD)).await;
        let token = text(&signed_in.ok()["result"]["tokens"]["accessToken"]);
        let sessions = Call::to(LIST_SESSIONS, json!({})).token(&token);
        let sessions = world.client.send(transport, &sessions).await;
        assert_eq!(sessions.ok()["sessions"][0]["amr"], json!(["pwd"]));
        // Another one can be set up.
        world.enroll(transport, &token).await.ok();
    }
}

#[tokio::test]
async fn authn_09_recovery_codes_are_ten_of_eighty_bits_and_new_ones_make_the_old_ones_void() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let mut all = HashSet::new();
    let mut before = owner.recovery_codes.clone();
    for transport in Transport::ALL {
        assert_eq!(before.len(), 10);
        for code in &before {
            let groups: Vec<_> = code.split('-').collect();
            assert!(groups.len() == 4 && groups.iter().all(|group| group.len() == 4), "{code}");
            let is_of_base_32 = |c: char| c.is_ascii_alphanumeric() && !"ilou".contains(c);
            assert!(groups.iter().all(|group| group.chars().all(is_of_base_32)), "{code}");
            assert!(all.insert(code.clone()), "{code} twice");
        }
        let call = Call::to(REGENERATE_RECOVERY_CODES, json!({})).token(&owner.access_token);
        let new = super::texts(&world.client.send(transport, &call).await.ok()["recoveryCodes"]);
        let ticket = world.ticket(&owner).await;
        let refused = world.client.send(transport, &recover(&ticket, &before[0])).await;
        refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        world.client.send(transport, &recover(&ticket, &new[0])).await.ok();
        before = new;
        assert_eq!(world.status(transport, &owner.access_token).await["recoveryCodesLeft"], 9);
    }
}
