//! Migrations.

use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection};
use veza::adapter::sql::{SchemaState, migrate, pending_migrations};

use crate::{
    postgres,
    world::{World, options},
};

on_each_database! {
    a_migrated_schema_is_current_and_migrating_again_does_nothing,
    a_schema_of_a_newer_build_is_told_from_an_older_one,
    a_schema_that_was_migrated_with_other_texts_is_told,
}

async fn a_migrated_schema_is_current_and_migrating_again_does_nothing(world: &World) {
    assert_eq!(pending_migrations(&world.options).await.unwrap(), SchemaState::Current);
    assert!(migrate(&world.options, &|_| {}).await.unwrap().applied.is_empty());
}

async fn a_schema_of_a_newer_build_is_told_from_an_older_one(world: &World) {
    world.sql("DELETE FROM _sqlx_migrations WHERE version = 8").await;
    let pending = vec!["0008_create_idempotency_keys".into()];
    let state = pending_migrations(&world.options).await.unwrap();
    assert_eq!(state, SchemaState::Older { pending });

    world.sql("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 7").await;
    let state = pending_migrations(&world.options).await.unwrap();
    assert_eq!(state, SchemaState::Newer { unknown: vec![9999] });
    assert!(migrate(&world.options, &|_| {}).await.is_err());
}

async fn a_schema_that_was_migrated_with_other_texts_is_told(world: &World) {
    world
        .sql(
            "UPDATE _sqlx_migrations SET checksum = \
             (SELECT checksum FROM _sqlx_migrations WHERE version = 2) WHERE version = 1",
        )
        .await;
    let state = pending_migrations(&world.options).await.unwrap();
    assert_eq!(state, SchemaState::Altered { changed: vec!["0001_create_accounts".into()] });
    assert!(migrate(&world.options, &|_| {}).await.is_err());
}

/// Looks at an empty database and has it migrated by two at once.
async fn migrate_twice_at_once(url: String) {
    let options = options(url);
    let state = pending_migrations(&options).await.unwrap();
    let SchemaState::Older { pending } = state else { panic!("{state:?}") };
    assert_eq!(pending[0], "0001_create_accounts");
    let (one, two) = tokio::join!(migrate(&options, &|_| {}), migrate(&options, &|_| {}));
    let mut applied = [one.unwrap().applied, two.unwrap().applied];
    applied.sort();
    assert_eq!(applied, [vec![], pending]);
}

#[tokio::test]
async fn of_two_migrators_of_sqlite_one_waits_for_the_other() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    migrate_twice_at_once(format!("sqlite://{}", folder.path().join("new.db").display())).await;
}

#[tokio::test]
async fn of_two_migrators_of_postgres_one_waits_for_the_other() {
    migrate_twice_at_once(postgres::server().create_database().await).await;
}

#[tokio::test]
async fn a_migration_that_finds_a_lock_lets_others_pass_and_goes_on_when_it_is_gone() {
    let world = World::on_postgres().await;
    world.sql("DROP TABLE idempotency_keys").await;
    world.sql("DELETE FROM _sqlx_migrations WHERE version = 8").await;
    let mut connection = PgConnection::connect(world.options.url.expose_secret()).await.unwrap();
    let mut lock = connection.begin().await.unwrap();
    lock.execute("LOCK TABLE _sqlx_migrations IN SHARE MODE").await.unwrap();
    let others = async {
        world.until_someone_waits().await;
        world.until_nobody_waits().await;
        lock.rollback().await.unwrap();
    };
    let (report, ()) = tokio::join!(migrate(&world.options, &|_| {}), others);
    assert_eq!(report.unwrap().applied, ["0008_create_idempotency_keys"]);
    assert_eq!(pending_migrations(&world.options).await.unwrap(), SchemaState::Current);
}
