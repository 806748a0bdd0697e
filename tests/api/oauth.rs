//! Signing in through others: a browser that goes to a provider and comes back, who is let in then, and who is not.

pub mod browser;
mod factor;
mod fault;
mod github;
pub mod link;
mod passwordless;
mod setting;
mod sign_in;
mod stranger;
mod token;

use serde_json::json;

use self::browser::parameters;

use crate::support::{
    app::{App, unique},
    client::Call,
    database::on_database,
    identity::Provider,
    reply::Reply,
    rpc::COMPLETE_OAUTH,
    world::World,
};

/// The name of the provider that speaks OpenID Connect.
pub const CORP: &str = "corp";

/// A provider, and a server that lets people sign in through it.
fn start() -> (Provider, App) {
    let provider = Provider::start();
    let app = App::with(provider.environment());
    (provider, app)
}

/// A provider, and a server whose clock can be moved that lets people sign in through it.
async fn start_world() -> (Provider, World) {
    let provider = Provider::start();
    let world = World::with(&provider.settings()).await;
    (provider, world)
}

/// An address that nobody has.
pub fn address(name: &str) -> String {
    format!("{}@example.com", unique(name))
}

/// The exchange of a code of ours.
fn exchange(provider: &str, code: &str, cookie: &str) -> Call {
    let request = json!({ "provider": provider, "code": code, "clientName": "a browser" });
    Call::to(COMPLETE_OAUTH, request).verb(http::Method::POST).header("cookie", cookie)
}

/// The answer of a provider, from the address that it has sent the browser to.
fn answer(provider: &str, callback: &str, cookie: &str) -> Call {
    let told = parameters(callback);
    let request = json!({ "provider": provider, "code": told["code"], "state": told["state"] });
    Call::to(COMPLETE_OAUTH, request).header("cookie", cookie)
}

/// Demands that an answer lets a browser go no further.
#[track_caller]
fn assert_expired(reply: &Reply) {
    reply.refused("INVALID_ARGUMENT", "SIGN_IN_EXPIRED");
}

/// The lines of the audit log about signing in through others and about identities: action, outcome and reason.
async fn audited(app: &App) -> Vec<(String, String, String)> {
    on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query_as(
            "SELECT action, outcome, reason FROM audit_events \
             WHERE action = 'auth.oauth' OR action LIKE 'identity.%' ORDER BY create_time, id",
        );
        query.fetch_all(&mut connection).await.expect("the audit log")
    })
}
