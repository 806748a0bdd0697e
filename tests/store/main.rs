//! What every store does: each test runs on SQLite and on PostgreSQL, and most on PostgreSQL behind a pooler.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// Runs tests, functions of a `&World`, on each database, and through a pooler that lends connections by transaction.
macro_rules! on_each_store {
    ($($test:ident),* $(,)?) => {
        on_each_database! { $($test),* }
        mod on_pgbouncer {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&$crate::world::World::on_pgbouncer().await).await;
            })*
        }
    };
}

/// Runs tests, functions of a `&World`, on each database.
macro_rules! on_each_database {
    ($($test:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&$crate::world::World::on_sqlite().await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&$crate::world::World::on_postgres().await).await;
            })*
        }
    };
}

mod announcements;
mod api_keys;
mod attempts;
mod audit;
mod errands;
mod groups;
mod idempotency;
mod identities;
mod keys;
mod mails;
mod one_time_tokens;
mod outbox;
mod post;
mod privileges;
mod relay;
mod retention;
mod revocations;
mod rooms;
mod schema;
mod second_factors;
mod sessions;
mod streams;
mod transactions;
mod users;
mod world;

#[path = "../support/pgbouncer.rs"]
mod pgbouncer;
#[path = "../support/postgres.rs"]
mod postgres;
#[path = "../support/process.rs"]
mod process;
