//! Mails: that each gets there once, whatever becomes of the mail server, and what operators see.

mod command;
mod delivery;
mod log;
mod outage;
mod start;

use serde_json::Value;

use crate::{
    mail::{PENDING, sign_in_on},
    support::{postgres, server::Environment},
};

const UP: &str = "veza_dependency_up{dependency=\"smtp\"}";

/// The same settings with a new and private database of each kind.
async fn on_each_database(environment: Environment) -> [Environment; 2] {
    let database = postgres::server().create_database().await;
    let on_postgres = environment.clone().set("DATABASE_URL", &database);
    let migrated = on_postgres.run(&["migrate"], "");
    assert!(migrated.status.success(), "{migrated:?}");
    [environment, on_postgres]
}

/// What `veza mail list` shows, oldest first.
fn list(environment: &Environment) -> Vec<Value> {
    let output = environment.run(&["mail", "list", "--json", "--limit", "1000"], "");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
