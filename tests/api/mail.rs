//! Mails: what people are told of.

mod notice;

use serde_json::json;

use crate::support::{
    app::{App, PASSWORD, Person},
    client::{Call, Transport},
    rpc::LOGIN,
};

pub const PENDING: &str = "veza_mails_pending";

/// A call that signs somebody in on a device that is called so.
fn login_on(username: &str, client_name: &str) -> Call {
    let request =
        json!({ "identifier": username, "password": PASSWORD, "clientName": client_name });
    Call::to(LOGIN, request)
}

/// Signs somebody in on a device that is called so.
pub async fn sign_in_on(
    app: &App,
    person: &Person,
    transport: Transport,
    client_name: &str,
) -> Person {
    Person::of(app, &app.send(transport, &login_on(&person.username, client_name)).await)
}
