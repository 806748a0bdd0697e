//! `veza migrate`, and what a server or a command wants of the schema before it begins.

use std::time::{Duration, Instant};

use tokio::time;

use super::{explain, print};
use crate::{
    adapter::sql::{self, SchemaState, Step},
    app,
    config::{Config, Secrets},
};

/// How often a schema that is waited for is looked at.
const LOOK_AT_SCHEMA_EVERY: Duration = Duration::from_secs(1);

/// An embedded database is brought up to date; any other must be already, because replicas of two versions may run side
/// by side.
pub async fn prepare(config: &Config, secrets: &Secrets) -> Result<(), String> {
    let options = app::database(config, secrets);
    if Config::is_embedded(&secrets.database_url) {
        return sql::migrate(&options, &|_| {}).await.map(drop).map_err(explain);
    }
    let deadline = Instant::now() + config.database.wait_for_migrations;
    let mut state = sql::pending_migrations(&options).await.map_err(explain)?;
    if let SchemaState::Older { pending } = &state
        && Instant::now() < deadline
    {
        let lacks = pending.join(", ");
        tracing::info!(lacks, event = "waiting_for_migrations", "waiting for `veza migrate`");
        while matches!(state, SchemaState::Older { .. }) && Instant::now() < deadline {
            time::sleep(LOOK_AT_SCHEMA_EVERY).await;
            state = sql::pending_migrations(&options).await.map_err(explain)?;
        }
    }
    match state {
        SchemaState::Current => Ok(()),
        SchemaState::Older { pending } => Err(format!(
            "the database lacks {}; run `veza migrate`, then start again",
            pending.join(", ")
        )),
        SchemaState::Newer { unknown } => Err(format!(
            "the database was migrated by a newer version ({unknown:?}); start that version"
        )),
        SchemaState::Altered { changed } => Err(format!(
            "the database was migrated with other texts of {}; start the version that did it",
            changed.join(", ")
        )),
    }
}

/// Brings the schema up to date, and says what was done.
pub async fn migrate(config: &Config) -> Result<(), String> {
    let secrets = Secrets::of_database();
    let tell = |step: Step<'_>| {
        // Whoever closed the output does not want to know.
        let _ = match step {
            Step::Waits => print("waiting: another migrator is at work\n"),
            Step::Blocked => print("a table is in use; trying again\n"),
            Step::Applied { name, took } => print(&format!("applied {name} in {took:.0?}\n")),
        };
    };
    let options = app::database(config, &secrets);
    let report = sql::migrate(&options, &tell).await.map_err(explain)?;
    if report.applied.is_empty() {
        return print("nothing to do: the schema is up to date\n");
    }
    print("done: the schema is up to date\n")
}
