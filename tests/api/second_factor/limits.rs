//! Guessing codes: how many guesses are judged, by whichever way they come.

use std::{net::Ipv4Addr, time::Duration};

use serde_json::{Value, json};

use super::{Owner, complete, login, recover, ticket_of};
use crate::support::{
    app::PASSWORD,
    client::{Call, Transport},
    reply::Reply,
    rpc::{DISABLE_TOTP, REAUTHENTICATE},
    totp,
    world::World,
};

/// How many tries at a second factor may fail in a while.
const FAILURES_MAX: usize = 10;

/// How long the account takes no more codes after the last of them.
const QUIET: Duration = Duration::from_mins(15);

const HOME: &str = "192.0.2.1";

/// The address of a stranger, another for each number.
fn stranger(number: usize) -> String {
    Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(number).unwrap()).to_string()
}

fn from(call: Call, address: &str) -> Call {
    call.header("x-forwarded-for", address)
}

fn is_judged(reply: &Reply) -> bool {
    reply.reason.as_deref() == Some("WRONG_MFA_CODE")
}

/// How long an answer asks to wait.
#[track_caller]
fn retry_after(reply: &Reply) -> Duration {
    reply.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
    let delay = reply.detail("google.rpc.RetryInfo").map(|info| &info["retryDelay"]);
    let delay = delay.and_then(Value::as_str).and_then(|delay| delay.strip_suffix('s'));
    Duration::from_secs_f64(delay.and_then(|delay| delay.parse().ok()).unwrap())
}

/// Guesses once, in one of the ways that there are, from another address each time.
async fn guess(world: &World, owner: &Owner, tickets: &[String], number: usize) -> Reply {
    let address = stranger(number);
    let wrong = totp::wrong(&world.code(&owner.secret));
    let call = match number % 4 {
        2 => {
            let request = json!({ "password": PASSWORD, "totp_code": wrong });
            Call::to(REAUTHENTICATE, request).token(&owner.access_token)
        }
        3 => Call::to(DISABLE_TOTP, json!({ "totp_code": wrong })).token(&owner.access_token),
        0 => complete(&tickets[number % tickets.len()], &wrong),
        _ => recover(&tickets[number % tickets.len()], "0000-0000-0000-0000"),
    };
    let transport = Transport::ALL[number / 3 % Transport::ALL.len()];
    world.client.send(transport, &from(call, &address)).await
}

/// Several tickets of one person.
async fn tickets(world: &World, owner: &Owner) -> Vec<String> {
    let mut tickets = Vec::new();
    for _ in 0..3 {
        tickets.push(world.ticket(owner).await);
    }
    tickets
}

#[tokio::test]
async fn authn_07_of_ten_wrong_codes_the_account_takes_no_more_wherever_they_come_from() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let tickets = tickets(&world, &owner).await;
    for number in 0..FAILURES_MAX {
        assert!(is_judged(&guess(&world, &owner, &tickets, number).await), "guess {number}");
    }
    for number in FAILURES_MAX..3 * FAILURES_MAX {
        assert_eq!(retry_after(&guess(&world, &owner, &tickets, number).await), QUIET);
    }
    // The right ones neither, on any transport, with the right password before them.
    let ticket = ticket_of(&world.client.send(Transport::Grpc, &login("ann", PASSWORD)).await);
    let right =
        [complete(&ticket, &world.code(&owner.secret)), recover(&ticket, &owner.recovery_codes[0])];
    for transport in Transport::ALL {
        for call in &right {
            assert_eq!(retry_after(&world.client.send(transport, call).await), QUIET);
        }
    }
    world.wait(QUIET);
    world.sign_in(&owner).await.ok();
}

#[tokio::test]
async fn authn_07_signing_in_gives_nobody_more_guesses() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let (tickets, mut number) = (tickets(&world, &owner).await, 0);
    for _ in 0..3 {
        for _ in 0..3 {
            assert!(is_judged(&guess(&world, &owner, &tickets, number).await));
            number += 1;
        }
        world.wait(super::ONE_STEP);
        world.sign_in(&owner).await.ok();
    }
    assert!(is_judged(&guess(&world, &owner, &tickets, number).await));
    retry_after(&guess(&world, &owner, &tickets, number + 1).await);
}

#[tokio::test]
async fn authn_07_guesses_over_days_come_to_an_end_too_and_keep_nobody_out_at_home() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let at_home = async |world: &World| {
        let login = from(login("ann", PASSWORD), HOME);
        let ticket = ticket_of(&world.client.send(Transport::Grpc, &login).await);
        let code = world.code(&owner.secret);
        world.client.send(Transport::Grpc, &from(complete(&ticket, &code), HOME)).await
    };
    at_home(&world).await.ok();
    let login = from(login("ann", PASSWORD), &stranger(0));
    let (mut judged, mut number) = (0, 0);
    // The password is known to whoever guesses. Its tries and those at codes are counted, each by itself.
    let waits = loop {
        let login = world.client.send(Transport::Grpc, &login).await;
        if login.reason.is_some() {
            let wait = retry_after(&login);
            if wait > Duration::from_mins(30) {
                break wait;
            }
            world.wait(wait);
            continue;
        }
        let wrong = totp::wrong(&world.code(&owner.secret));
        let call = from(complete(&ticket_of(&login), &wrong), &stranger(number));
        let reply = world.client.send(Transport::Rest, &call).await;
        if is_judged(&reply) {
            judged += 1;
        } else {
            world.wait(retry_after(&reply));
        }
        number += 1;
    };
    assert_eq!(waits, Duration::from_hours(24));
    assert!((40..=80).contains(&judged), "{judged}");
    world.wait(QUIET);
    at_home(&world).await.ok();
}

#[tokio::test]
async fn authn_04_a_right_password_without_a_code_is_a_failure_until_a_code_follows() {
    let world = World::start().await;
    let owner = world.owner("ann").await;
    let login = from(login("ann", PASSWORD), HOME);
    let mut tickets = Vec::new();
    for number in 0..5 {
        let transport = Transport::ALL[number % Transport::ALL.len()];
        tickets.push(ticket_of(&world.client.send(transport, &login).await));
    }
    let refused = world.client.send(Transport::Rest, &login).await;
    assert_eq!(retry_after(&refused), Duration::from_secs(1));
    let code = world.code(&owner.secret);
    world.client.send(Transport::Rest, &from(complete(&tickets[0], &code), HOME)).await.ok();
    for _ in 0..5 {
        ticket_of(&world.client.send(Transport::Rest, &login).await);
    }
}
