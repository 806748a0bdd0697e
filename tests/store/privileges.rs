//! What the server's own role needs on PostgreSQL when another one migrates.

use secrecy::ExposeSecret;
use sqlx::{Executor, PgPool};
use veza::{
    adapter::sql::{self, SchemaState},
    domain::session::EndReason,
};

use crate::world::{START, World, new_room, new_session, new_user, open, options, room_created};

const GRANTS: &str = "
    CREATE ROLE app LOGIN;
    GRANT SELECT, INSERT, UPDATE, DELETE ON users, role_bindings, sessions, api_keys, signing_keys, attempts,
        rooms, room_members, streams, mails, one_time_tokens, errands, outbox, idempotency_keys,
        second_factors, recovery_codes TO app;
    GRANT USAGE ON SEQUENCE outbox_seq_seq TO app;
    GRANT SELECT ON roles, role_permissions, _sqlx_migrations TO app;
    GRANT INSERT ON audit_events TO app;";

#[tokio::test]
async fn the_server_works_without_the_right_to_change_the_schema_or_the_audit_log() {
    let world = World::on_postgres().await;
    world.sql(GRANTS).await;
    let url = world.options.url.expose_secret().replace("veza@", "app@");
    let options = options(url.clone());
    assert_eq!(sql::pending_migrations(&options).await.unwrap(), SchemaState::Current);

    let store = open(&options).await.unwrap();
    store.ping().await.unwrap();
    let user = new_user("ann");
    let session = new_session(&user);
    let room = new_room(&user, "games");
    let mut tx = store.begin().await.unwrap();
    tx.insert_user(&user, "hash").await.unwrap();
    tx.insert_session(&session).await.unwrap();
    tx.insert_room(&room).await.unwrap();
    tx.lock_room(room.id).await.unwrap();
    tx.lock_signing_keys().await.unwrap();
    tx.lock_tallies(&[[1; 32]], START).await.unwrap();
    tx.record(&room_created(&room)).await.unwrap();
    tx.audit(&crate::audit::entry()).await.unwrap();
    tx.end_session(session.id, START, EndReason::Logout).await.unwrap();
    tx.purge(START, START, START).await.unwrap();
    tx.commit().await.unwrap();

    let app = PgPool::connect(&url).await.unwrap();
    for forbidden in [
        "UPDATE audit_events SET reason = ''",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "UPDATE role_permissions SET permission = ''",
        "DROP TABLE users",
        "ALTER TABLE users ADD COLUMN more TEXT",
    ] {
        let refused = app.execute(forbidden).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}");
    }
}
