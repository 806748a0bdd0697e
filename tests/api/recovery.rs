//! Choosing a new password without the old one, by a link in a mail.

mod enumeration;
mod link;
mod token;

use serde_json::json;

use crate::support::{
    app::{App, Person},
    client::{Call, Transport},
    reply::Reply,
    rpc::{LOGIN, REQUEST_PASSWORD_RESET, RESET_PASSWORD},
    smtp::{PUBLIC_URL, Received, Server},
};

const NEW_PASSWORD: &str = "a new one, and long enough";

/// The reason of every token that is not good.
const INVALID: &str = "INVALID_ONE_TIME_TOKEN";

/// A call that asks for a mail.
pub fn forgot(identifier: &str) -> Call {
    Call::to(REQUEST_PASSWORD_RESET, json!({ "identifier": identifier }))
}

/// A call that chooses a password.
pub fn reset(token: &str, password: &str) -> Call {
    Call::to(RESET_PASSWORD, json!({ "token": token, "newPassword": password }))
}

fn login(person: &Person, password: &str) -> Call {
    Call::to(LOGIN, json!({ "identifier": person.username, "password": password }))
}

/// The mails with links that somebody was sent, once there are so many.
pub async fn links(smtp: &Server, person: &Person, at_least: usize) -> Vec<Received> {
    let of_this_kind = |mail: &Received| mail.subject().starts_with("Choose a new password");
    smtp.received_that(&person.email, at_least, of_this_kind).await
}

/// Has a mail sent to somebody, and returns the token of its link; `before` is how many they had.
async fn token_by_mail(app: &App, smtp: &Server, person: &Person, before: usize) -> String {
    app.send(Transport::Grpc, &forgot(&person.email)).await.ok();
    token_of(&links(smtp, person, before + 1).await[before])
}

/// The token of the link in a mail.
pub fn token_of(mail: &Received) -> String {
    let link = format!("{PUBLIC_URL}/reset-password#token=");
    let (_, rest) = mail.text.split_once(&link).unwrap_or_else(|| panic!("no link: {mail:?}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

#[track_caller]
fn refused(reply: &Reply) {
    reply.refused("INVALID_ARGUMENT", INVALID);
}
