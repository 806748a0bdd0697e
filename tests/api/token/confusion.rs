//! Tokens of one kind where another is asked for.

use serde_json::{Value, json};
use veza::domain::one_time_token::Kind;

use crate::{
    api_key::draft,
    support::{
        app::{PASSWORD, text},
        client::{Call, Transport},
        rpc::{
            COMPLETE_MFA_LOGIN, CREATE_API_KEY, GET_ME, REFRESH_TOKEN, REGISTER, RESET_PASSWORD,
            VERIFY_EMAIL,
        },
        world::World,
    },
};

/// A place where a token is asked for: a call with the token in it, the kinds that are meant, and how others are refused.
struct Place {
    call: fn(&str) -> Call,
    meant: &'static [&'static str],
    refused: &'static str,
}

const PLACES: [Place; 5] = [
    Place {
        call: |token| Call::to(GET_ME, json!({})).token(token),
        meant: &["access", "api_key"],
        refused: "INVALID_TOKEN",
    },
    Place {
        call: |token| Call::to(REFRESH_TOKEN, json!({ "refreshToken": token })),
        meant: &["refresh"],
        refused: "INVALID_REFRESH_TOKEN",
    },
    Place {
        call: |token| {
            let request = json!({ "token": token, "newPassword": "another one, and long enough" });
            Call::to(RESET_PASSWORD, request)
        },
        meant: &["password_reset"],
        refused: "INVALID_ONE_TIME_TOKEN",
    },
    Place {
        call: |token| Call::to(VERIFY_EMAIL, json!({ "token": token })),
        meant: &["email_verification"],
        refused: "INVALID_ONE_TIME_TOKEN",
    },
    Place {
        call: |token| {
            let request = json!({ "ticket": token, "totpCode": "000000" });
            Call::to(COMPLETE_MFA_LOGIN, request)
        },
        meant: &["second_factor"],
        refused: "INVALID_MFA_TICKET",
    },
];

/// A token of each kind that there is, all of one user.
async fn of_every_kind(world: &World) -> Vec<(&'static str, String)> {
    let registration =
        json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    let call = Call::to(REGISTER, registration);
    let result = world.client.send(Transport::Grpc, &call).await.ok()["result"].clone();
    let (id, tokens) = (text(&result["user"]["id"]), &result["tokens"]);
    let access = text(&tokens["accessToken"]);
    let make = Call::to(CREATE_API_KEY, draft(&["users.read"])).token(&access);
    let key = text(&world.client.send(Transport::Grpc, &make).await.ok()["secret"]);
    let mut all =
        vec![("access", access), ("refresh", text(&tokens["refreshToken"])), ("api_key", key)];
    for kind in Kind::ALL {
        all.push((kind.name(), world.issue(kind, &id, &Value::Null).await));
    }
    all
}

#[tokio::test]
async fn tok_02_a_token_is_good_for_what_it_was_made_for_and_nothing_else() {
    let world = World::start().await;
    let tokens = of_every_kind(&world).await;
    for place in PLACES {
        for (kind, token) in tokens.iter().filter(|(kind, _)| !place.meant.contains(kind)) {
            for transport in Transport::ALL {
                let reply = world.client.send(transport, &(place.call)(token)).await;
                // Access tokens alone are longer than some fields.
                let is_long =
                    *kind == "access" && reply.reason.as_deref() == Some("INVALID_FIELDS");
                let is_refused = reply.reason.as_deref() == Some(place.refused);
                assert!(is_long || is_refused, "{kind}: {reply:#?}");
            }
        }
    }
    let [(_, access), (_, refresh), ..] = &*tokens else { unreachable!() };
    for (place, token) in [(&PLACES[0], access), (&PLACES[1], refresh)] {
        world.client.send(Transport::Grpc, &(place.call)(token)).await.ok();
    }
}
