//! The databases that the server promises to work with.

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    app::App,
    postgres,
    server::{Environment, Server},
};

/// A server on each database, for what has to be the same on all of them.
pub async fn on_every_database() -> [App; 2] {
    [App::start(), on_postgresql().await]
}

/// The server on PostgreSQL that tests share, as they share the one on SQLite.
async fn on_postgresql() -> App {
    static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return App::of(server);
    }
    let database = postgres::server().create_database().await;
    let environment = Environment::new().set("DATABASE_URL", &database);
    let migrated = environment.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    let server = Arc::new(environment.start());
    *shared = Arc::downgrade(&server);
    App::of(server)
}

/// Runs an expression with a connection to a database, of whichever kind it is.
macro_rules! on_database {
    ($url:expr, |$connection:ident| $work:expr) => {{
        use sqlx::{Connection as _, PgConnection, SqliteConnection};
        let url: &str = $url;
        if url.starts_with("sqlite") {
            let mut $connection = SqliteConnection::connect(url).await.expect("a database");
            let done = $work;
            $connection.close().await.expect("the end of the connection");
            done
        } else {
            let mut $connection = PgConnection::connect(url).await.expect("a database");
            let done = $work;
            $connection.close().await.expect("the end of the connection");
            done
        }
    }};
}

pub(crate) use on_database;

/// Gives somebody a role in place of the one they have. No server has looked at their permissions yet.
pub async fn replace_role(database_url: &str, user_id: &str, role: &str) {
    let user_id: Uuid = user_id.parse().expect("a UUID");
    let changed = on_database!(database_url, |connection| {
        let query = sqlx::query("UPDATE role_bindings SET role = $1 WHERE user_id = $2");
        let query = query.bind(role).bind(user_id);
        query.execute(&mut connection).await.expect("a role and a user").rows_affected()
    });
    assert_eq!(changed, 1);
}

/// Every action that the audit log has.
pub async fn actions(environment: &Environment) -> Vec<String> {
    on_database!(environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query_scalar("SELECT action FROM audit_events");
        query.fetch_all(&mut connection).await.expect("the audit log")
    })
}

/// A line of the audit log.
#[derive(Debug)]
pub struct AuditLine {
    /// What, as `room.update`.
    pub action: String,
    /// How it went.
    pub outcome: String,
    /// Why, where it did not go well.
    pub reason: String,
    /// The method that was called.
    pub method: String,
    /// The API key that it was called with; empty where it was none.
    pub api_key_id: String,
}

/// What the audit log has of somebody, of a session or of an API key: what they did, and what was done to it.
pub async fn audit_lines(environment: &Environment, id: &str) -> Vec<AuditLine> {
    let user: Uuid = id.parse().expect("a UUID");
    let lines = on_database!(environment.get("DATABASE_URL"), |connection| {
        sqlx::query_as::<_, (String, String, String, String, Option<Uuid>)>(
            "SELECT action, outcome, reason, rpc_method, api_key_id FROM audit_events WHERE actor_id = $1 \
             OR resource IN ($2, $3, $4) ORDER BY create_time, id",
        )
        .bind(user)
        .bind(format!("users/{id}"))
        .bind(format!("sessions/{id}"))
        .bind(format!("apiKeys/{id}"))
        .fetch_all(&mut connection)
        .await
        .expect("the audit log")
    });
    let line = |(action, outcome, reason, method, key): (_, _, _, _, Option<Uuid>)| {
        let api_key_id = key.map(|id| id.to_string()).unwrap_or_default();
        AuditLine { action, outcome, reason, method, api_key_id }
    };
    lines.into_iter().map(line).collect()
}
