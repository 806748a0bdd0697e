//! The databases that the server promises to work with.

use std::sync::{Arc, Weak};

use sqlx::{Connection, SqliteConnection};
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

/// Gives somebody a role in place of the one they have. No server has looked at their permissions yet.
pub async fn replace_role(environment: &Environment, user_id: &str, role: &str) {
    let mut connection = SqliteConnection::connect(environment.get("DATABASE_URL"))
        .await
        .expect("the database of the server");
    let user_id: Uuid = user_id.parse().expect("a UUID");
    let done = sqlx::query("UPDATE role_bindings SET role = $1 WHERE user_id = $2")
        .bind(role)
        .bind(user_id)
        .execute(&mut connection)
        .await
        .expect("a role and a user");
    assert_eq!(done.rows_affected(), 1);
    connection.close().await.expect("the end of the connection");
}
