//! How long a password has to be, with a second factor and without.

use serde_json::json;

use super::{login, ticket_of};
use crate::support::{
    client::{Call, Transport},
    reply::Reply,
    rpc::{CHANGE_PASSWORD, DISABLE_TOTP, RESET_PASSWORD},
    world::World,
};
use veza::domain::one_time_token::Kind;

/// Eight characters: long enough beside a second factor, and for nobody else.
const SHORT: &str = "kq7#vx2m";
const LONG: &str = "another one, and as long";

impl World {
    async fn change_password(&self, transport: Transport, token: &str, new: &str) -> Reply {
        let call = Call::to(CHANGE_PASSWORD, json!({ "new_password": new })).token(token);
        self.client.send(transport, &call).await
    }
}

#[tokio::test]
async fn authn_01_a_password_may_be_shorter_with_a_second_factor_and_only_with_one() {
    let world = World::start().await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let name = format!("ann{number}");
        let (_, token) = world.newcomer(&format!("bob{number}")).await;
        let refused = world.change_password(transport, &token, SHORT).await;
        refused.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
        // An app that is not confirmed is no second factor.
        world.enroll(transport, &token).await.ok();
        let refused = world.change_password(transport, &token, SHORT).await;
        refused.refused("INVALID_ARGUMENT", "INVALID_FIELDS");

        let owner = world.owner(&name).await;
        let token = &owner.access_token;
        let refused = world.change_password(transport, token, &SHORT[..7]).await;
        refused.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
        world.change_password(transport, token, SHORT).await.ok();
        ticket_of(&world.client.send(transport, &login(&name, SHORT)).await);

        let disable = json!({ "totp_code": world.code(&owner.secret) });
        let disable = Call::to(DISABLE_TOTP, disable).token(token);
        let refused = world.client.send(transport, &disable).await;
        refused.refused("FAILED_PRECONDITION", "PASSWORD_TOO_SHORT");
        world.change_password(transport, token, LONG).await.ok();
        // The code was not used up by what was refused.
        world.client.send(transport, &disable).await.ok();
        let refused = world.change_password(transport, token, SHORT).await;
        refused.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
    }
}

#[tokio::test]
async fn authn_01_a_reset_takes_as_short_a_password_as_a_change_does() {
    let world = World::start().await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let [ann, bob] = ["ann", "bob"].map(|name| format!("{name}{number}"));
        let (id_of_bob, _) = world.newcomer(&bob).await;
        let owner = world.owner(&ann).await;
        let reset = async |name: &str, id: &str| {
            let sent = json!({ "to": format!("{name}@example.com") });
            let token = world.issue(Kind::PasswordReset, id, &sent).await;
            let request = json!({ "token": token, "new_password": SHORT });
            world.client.send(transport, &Call::to(RESET_PASSWORD, request)).await
        };
        reset(&bob, &id_of_bob).await.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
        reset(&ann, &owner.id).await.ok();
        // A reset is no second factor (AC-040).
        ticket_of(&world.client.send(transport, &login(&ann, SHORT)).await);
    }
}
