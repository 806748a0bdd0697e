//! Signing in with a second factor: which codes are good, and how often.

use std::time::Duration;

use serde_json::json;

use super::{ONE_STEP, Owner, complete, login, recover, ticket_of};
use crate::support::{
    app::{PASSWORD, text},
    client::{Call, Transport},
    reply::Reply,
    rpc::{COMPLETE_MFA_LOGIN, GET_ME, LIST_SESSIONS},
    totp::{self, STEP},
    world::World,
};

/// Shows a code of so many steps from now.
async fn show(world: &World, owner: &Owner, transport: Transport, steps: i64) -> Reply {
    let ticket = world.ticket(owner).await;
    let code = totp::code(&owner.secret, world.seconds() + steps * STEP);
    world.client.send(transport, &complete(&ticket, &code)).await
}

#[tokio::test]
async fn authn_06_a_code_of_the_step_before_and_after_is_good_and_no_other() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    for transport in Transport::ALL {
        for (steps, is_good) in [(-2, false), (2, false), (-1, true), (0, true), (1, true)] {
            // Past what other codes were good for, and past the limit of wrong ones.
            if steps == -2 {
                world.wait(Duration::from_mins(16));
            }
            let reply = show(&world, &owner, transport, steps).await;
            if is_good {
                reply.ok();
            } else {
                reply.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
            }
        }
    }
}

#[tokio::test]
async fn authn_06_no_code_is_good_twice_nor_one_of_before_it() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    for transport in Transport::ALL {
        world.wait(Duration::from_mins(16));
        show(&world, &owner, transport, 1).await.ok();
        for steps in [1, 0, -1] {
            let refused = show(&world, &owner, transport, steps).await;
            refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        }
        world.wait(ONE_STEP);
        show(&world, &owner, transport, 0).await.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        world.wait(ONE_STEP);
        show(&world, &owner, transport, 0).await.ok();
    }
}

#[tokio::test]
async fn authn_06_the_code_that_has_confirmed_an_app_signs_nobody_in() {
    let world = World::start().await;
    let (_, token) = world.newcomer("ann").await;
    let secret = text(&world.enroll(Transport::Grpc, &token).await.ok()["secret"]);
    let code = world.code(&secret);
    world.confirm(Transport::Grpc, &token, &code).await.ok();
    let ticket = ticket_of(&world.client.send(Transport::Rest, &login("ann", PASSWORD)).await);
    for transport in Transport::ALL {
        let refused = world.client.send(transport, &complete(&ticket, &code)).await;
        refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
    }
}

#[tokio::test]
async fn authn_06_a_completed_sign_in_is_a_session_of_two_factors() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        world.wait(ONE_STEP);
        let ticket = world.ticket(&owner).await;
        let (call, amr) = if number % 2 == 0 {
            (complete(&ticket, &world.code(&owner.secret)), json!(["pwd", "otp", "mfa"]))
        } else {
            (recover(&ticket, &owner.recovery_codes[number]), json!(["pwd", "mfa"]))
        };
        let reply = world.client.send(transport, &call).await;
        let result = &reply.ok()["result"];
        assert_eq!(result["user"]["id"].as_str(), Some(owner.id.as_str()));
        let token = text(&result["tokens"]["accessToken"]);
        world.client.send(transport, &Call::to(GET_ME, json!({})).token(&token)).await.ok();
        let list = Call::to(LIST_SESSIONS, json!({})).token(&token);
        let list = world.client.send(transport, &list).await;
        assert_eq!(list.ok()["sessions"][0]["amr"], amr);
        assert_eq!(list.ok()["sessions"][0]["current"], true);
    }
}

#[tokio::test]
async fn web_03_the_refresh_token_of_a_completed_sign_in_can_go_into_a_cookie() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    for transport in Transport::ALL {
        world.wait(ONE_STEP);
        let ticket = world.ticket(&owner).await;
        let request = json!({
            "ticket": ticket, "totp_code": world.code(&owner.secret), "delivery": "DELIVERY_COOKIE",
        });
        let reply = world.client.send(transport, &Call::to(COMPLETE_MFA_LOGIN, request)).await;
        assert_eq!(reply.ok()["result"]["tokens"]["refreshToken"], "");
        assert!(reply.header("set-cookie").starts_with("__Host-veza-refresh="), "{reply:#?}");
    }
}

#[tokio::test]
async fn authn_09_a_recovery_code_is_good_once_however_it_is_typed() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    for (code, transport) in owner.recovery_codes.iter().zip(Transport::ALL) {
        let typed = [code.clone(), code.to_uppercase(), code.replace('-', " ")];
        let ticket = world.ticket(&owner).await;
        world.client.send(transport, &recover(&ticket, &typed[1])).await.ok();
        let ticket = world.ticket(&owner).await;
        for typed in typed {
            // Some of them have to wait before the next one is judged.
            world.wait(Duration::from_mins(1));
            let refused = world.client.send(transport, &recover(&ticket, &typed)).await;
            refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
        }
        world.wait(Duration::from_mins(16));
    }
}

#[tokio::test]
async fn authn_06_a_code_belongs_to_its_account() {
    let world = World::start().await;
    let (ann, bob) = (world.owner("ann").await, world.owner("bob").await);
    for transport in Transport::ALL {
        let ticket = world.ticket(&ann).await;
        for call in
            [complete(&ticket, &world.code(&bob.secret)), recover(&ticket, &bob.recovery_codes[0])]
        {
            let refused = world.client.send(transport, &call).await;
            refused.refused("UNAUTHENTICATED", "WRONG_MFA_CODE");
            world.wait(Duration::from_mins(1));
        }
        world.wait(Duration::from_mins(16));
    }
}
