//! The second factor: set up, asked for, guessed, lost.

mod enrolment;
mod limits;
mod login;
mod loss;
mod password;
pub mod replicas;
mod secrecy;
mod ticket;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, text},
    client::{Call, Transport},
    reply::Reply,
    rpc::{COMPLETE_MFA_LOGIN, CONFIRM_TOTP, ENROLL_TOTP, LOGIN, REGISTER},
    totp::{self, STEP},
    world::World,
};

/// As long as one code is shown.
pub const ONE_STEP: Duration = Duration::from_secs(STEP.unsigned_abs());

/// Somebody who has a second factor, and the session in which they have set it up.
#[derive(Debug, Clone)]
pub struct Owner {
    id: String,
    username: String,
    /// The access token of that session.
    pub access_token: String,
    /// What the app knows.
    pub secret: String,
    recovery_codes: Vec<String>,
}

impl World {
    /// What the app of this secret shows now.
    pub fn code(&self, secret: &str) -> String {
        totp::code(secret, self.seconds())
    }

    /// Somebody who has just signed up.
    pub async fn newcomer(&self, name: &str) -> (String, String) {
        let registration = json!({
            "email": format!("{name}@example.com"), "username": name, "password": PASSWORD,
        });
        let reply = self.client.send(Transport::Grpc, &Call::to(REGISTER, registration)).await;
        let result = &reply.ok()["result"];
        (text(&result["user"]["id"]), text(&result["tokens"]["accessToken"]))
    }

    /// Begins to set up an app.
    pub async fn enroll(&self, transport: Transport, token: &str) -> Reply {
        self.client.send(transport, &Call::to(ENROLL_TOTP, json!({})).token(token)).await
    }

    /// Shows that the app works.
    pub async fn confirm(&self, transport: Transport, token: &str, code: &str) -> Reply {
        let call = Call::to(CONFIRM_TOTP, json!({ "totp_code": code })).token(token);
        self.client.send(transport, &call).await
    }

    /// Somebody with a second factor, whose app shows a code that was not used yet.
    pub async fn owner(&self, name: &str) -> Owner {
        let (id, access_token) = self.newcomer(name).await;
        let secret = text(&self.enroll(Transport::Grpc, &access_token).await.ok()["secret"]);
        let code = self.code(&secret);
        let confirmed = self.confirm(Transport::Grpc, &access_token, &code).await;
        let recovery_codes = texts(&confirmed.ok()["recoveryCodes"]);
        self.wait(ONE_STEP);
        Owner { id, username: name.to_owned(), access_token, secret, recovery_codes }
    }

    /// The ticket that somebody gets for their password.
    async fn ticket(&self, owner: &Owner) -> String {
        let reply = self.client.send(Transport::Grpc, &login(&owner.username, PASSWORD)).await;
        ticket_of(&reply)
    }

    /// Signs somebody in with the code that their app shows now.
    async fn sign_in(&self, owner: &Owner) -> Reply {
        let (ticket, code) = (self.ticket(owner).await, self.code(&owner.secret));
        self.client.send(Transport::Grpc, &complete(&ticket, &code)).await
    }
}

/// A try to sign in by a password.
fn login(username: &str, password: &str) -> Call {
    Call::to(LOGIN, json!({ "identifier": username, "password": password }))
}

/// A try to go on with the code of an app.
pub fn complete(ticket: &str, code: &str) -> Call {
    Call::to(COMPLETE_MFA_LOGIN, json!({ "ticket": ticket, "totp_code": code }))
}

/// A try to go on with a recovery code.
pub fn recover(ticket: &str, code: &str) -> Call {
    Call::to(COMPLETE_MFA_LOGIN, json!({ "ticket": ticket, "recovery_code": code }))
}

/// The ticket of a challenge, which tells nothing else.
#[track_caller]
pub fn ticket_of(reply: &Reply) -> String {
    let result = &reply.ok()["result"];
    assert_eq!((&result["tokens"], &result["user"]), (&Value::Null, &Value::Null), "{reply:#?}");
    text(&result["mfaChallenge"]["ticket"])
}

/// The texts of a list.
pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(text).collect()
}
