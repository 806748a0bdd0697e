//! The databases that the server promises to work with.

use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use super::{app::App, server::Environment};

/// A server on each database, for what has to be the same on all of them.
pub async fn on_every_database() -> Vec<App> {
    vec![App::start()]
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
