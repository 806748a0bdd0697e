//! The ticket of a sign-in that waits for a second factor: good for one thing, once, and not for long.

use std::time::Duration;

use serde_json::json;
use veza::domain::one_time_token::Kind;

use super::{ONE_STEP, complete, login, recover, ticket_of};
use crate::{
    policy::harmless,
    support::{
        app::{PASSWORD, text},
        client::{Call, Transport},
        contract::{methods, policy},
        rpc::{
            CHANGE_PASSWORD, DISABLE_TOTP, LOGOUT, REFRESH_TOKEN, REGISTER, SUSPEND_USER,
            UNSUSPEND_USER, VALIDATE_TOKEN,
        },
        totp,
        world::World,
    },
};

#[tokio::test]
async fn authn_10_a_ticket_is_no_access_token_for_any_method() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let ticket = world.ticket(&owner).await;
    let mut asked = 0;
    for method in methods().filter(|method| policy(method).access != "ACCESS_PUBLIC") {
        for transport in Transport::of(&method) {
            let call = harmless(&method).token(&ticket);
            let refused = world.client.send(transport, &call).await;
            refused.refused("UNAUTHENTICATED", "INVALID_TOKEN");
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
    // It was not used up by that.
    let code = world.code(&owner.secret);
    world.client.send(Transport::Rest, &complete(&ticket, &code)).await.ok();
}

#[tokio::test]
async fn authn_10_a_retried_registration_goes_round_no_second_factor() {
    let world = World::start().await;
    let registration = Call::to(
        REGISTER,
        json!({
            "email": "ann@example.com", "username": "ann", "password": PASSWORD, "request_id": "once",
        }),
    );
    let reply = world.client.send(Transport::Grpc, &registration).await;
    let token = text(&reply.ok()["result"]["tokens"]["accessToken"]);
    let secret = text(&world.enroll(Transport::Grpc, &token).await.ok()["secret"]);
    // Until the app is confirmed it is no second factor.
    world.client.send(Transport::Rest, &registration).await.ok();
    world.confirm(Transport::Grpc, &token, &world.code(&secret)).await.ok();
    for transport in Transport::ALL {
        let refused = world.client.send(transport, &registration).await;
        refused.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn authn_10_a_ticket_is_no_refresh_token_and_no_good_token_of_others() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let ticket = world.ticket(&owner).await;
    let service = {
        let (id, _) = world.newcomer("service").await;
        world.replace_role(&id, "service").await;
        let reply = world.client.send(Transport::Grpc, &login("service", PASSWORD)).await;
        text(&reply.ok()["result"]["tokens"]["accessToken"])
    };
    for transport in Transport::ALL {
        for (method, request) in [
            (REFRESH_TOKEN, json!({ "refresh_token": ticket })),
            (LOGOUT, json!({ "refresh_token": ticket })),
            (LOGOUT, json!({ "refresh_token": ticket, "all_sessions": true })),
        ] {
            let refused = world.client.send(transport, &Call::to(method, request)).await;
            refused.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
        }
    }
    for transport in Transport::BINARY {
        let call = Call::to(VALIDATE_TOKEN, json!({ "token": ticket })).token(&service);
        let verdict = world.client.send(transport, &call).await.ok().clone();
        assert_eq!(verdict["invalid"]["reason"], "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn authn_10_a_ticket_is_good_for_one_sign_in_within_five_minutes() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    for transport in Transport::ALL {
        world.wait(ONE_STEP);
        let ticket = world.ticket(&owner).await;
        // A wrong code does not use it up.
        let code = world.code(&owner.secret);
        let wrong = complete(&ticket, &totp::wrong(&code));
        let refused = world.client.send(transport, &wrong).await;
        refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        world.wait(Duration::from_secs(269));
        let code = world.code(&owner.secret);
        world.client.send(transport, &complete(&ticket, &code)).await.ok();
        world.wait(ONE_STEP);
        let old = world.ticket(&owner).await;
        world.wait(Duration::from_mins(5));
        let mut void = vec![ticket, old, "vzo_nonsense".to_owned(), "nonsense".to_owned()];
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::SecondFactor) {
            void.push(world.issue(kind, &owner.id, &json!({ "to": "ann@example.com" })).await);
        }
        for ticket in void {
            let call = complete(&ticket, &world.code(&owner.secret));
            let refused = world.client.send(transport, &call).await;
            refused.refused("UNAUTHENTICATED", "INVALID_MFA_TICKET");
        }
        let call = complete(&world.ticket(&owner).await, &world.code(&owner.secret));
        world.client.send(transport, &call).await.ok();
        world.wait(Duration::from_mins(16));
    }
}

#[tokio::test]
async fn authn_10_another_password_and_the_end_of_the_factor_make_tickets_void() {
    let world = World::start().await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let owner = world.owner(&format!("ann{number}")).await;
        let ticket = world.ticket(&owner).await;
        let new = "another one, and as long";
        let change = Call::to(CHANGE_PASSWORD, json!({ "new_password": new }));
        world.client.send(transport, &change.token(&owner.access_token)).await.ok();
        let call = complete(&ticket, &world.code(&owner.secret));
        let refused = world.client.send(transport, &call).await;
        refused.refused("UNAUTHENTICATED", "INVALID_MFA_TICKET");

        let ticket = ticket_of(&world.client.send(transport, &login(&owner.username, new)).await);
        let disable = Call::to(DISABLE_TOTP, json!({ "recovery_code": owner.recovery_codes[0] }));
        world.client.send(transport, &disable.token(&owner.access_token)).await.ok();
        let refused = world.client.send(transport, &recover(&ticket, "0000")).await;
        refused.refused("UNAUTHENTICATED", "INVALID_MFA_TICKET");
        // Nor is it one of the next second factor.
        let setup = world.enroll(transport, &owner.access_token).await;
        let secret = text(&setup.ok()["secret"]);
        let code = world.code(&secret);
        world.confirm(transport, &owner.access_token, &code).await.ok();
        world.wait(ONE_STEP);
        let refused = world.client.send(transport, &complete(&ticket, &world.code(&secret))).await;
        refused.refused("UNAUTHENTICATED", "INVALID_MFA_TICKET");
    }
}

#[tokio::test]
async fn authn_10_the_account_is_looked_at_anew_when_a_ticket_is_used() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let root = {
        let (id, _) = world.newcomer("root").await;
        world.replace_role(&id, "admin").await;
        let reply = world.client.send(Transport::Grpc, &login("root", PASSWORD)).await;
        text(&reply.ok()["result"]["tokens"]["accessToken"])
    };
    let by_root = |method| Call::to(method, json!({ "id": owner.id })).token(&root);
    for transport in Transport::ALL {
        world.wait(ONE_STEP);
        let ticket = world.ticket(&owner).await;
        world.client.send(transport, &by_root(SUSPEND_USER)).await.ok();
        let call = complete(&ticket, &world.code(&owner.secret));
        let refused = world.client.send(transport, &call).await;
        refused.refused("UNAUTHENTICATED", "INVALID_MFA_TICKET");
        world.client.send(transport, &by_root(UNSUSPEND_USER)).await.ok();
        world.client.send(transport, &call).await.ok();
    }
}
