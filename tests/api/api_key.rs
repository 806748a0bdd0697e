//! API keys: made by people, used by programs over every transport, and ended for good.

mod bearer;
mod command;
mod end;
mod manage;
mod network;

use serde_json::{Value, json};

use crate::support::{
    app::{App, Person, text},
    client::{Call, Transport},
    reply::Reply,
    rpc::CREATE_API_KEY,
};

/// A key as whoever has just made it knows it.
pub struct Key {
    /// The id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

impl Key {
    /// A new key of somebody, for these permissions.
    pub async fn of(owner: &Person, permissions: &[&str]) -> Self {
        Self::made(&owner.call(Transport::Grpc, CREATE_API_KEY, draft(permissions)).await)
    }

    /// The key that an answer shows.
    #[track_caller]
    pub fn made(reply: &Reply) -> Self {
        let made = reply.ok();
        Self { id: text(&made["apiKey"]["id"]), secret: text(&made["secret"]) }
    }

    /// Makes a call with the key.
    pub async fn call(
        &self,
        app: &App,
        transport: Transport,
        method: &str,
        request: Value,
    ) -> Reply {
        app.call(transport, method, request, Some(&self.secret)).await
    }

    /// Makes the same call with the key over every transport, and demands the same answer from each.
    pub async fn everywhere(&self, app: &App, method: &str, request: Value) -> Reply {
        app.everywhere(&Call::to(method, request).token(&self.secret)).await
    }
}

/// A request for a key with these permissions.
pub fn draft(permissions: &[&str]) -> Value {
    json!({ "apiKey": { "displayName": "nightly", "permissions": permissions } })
}
