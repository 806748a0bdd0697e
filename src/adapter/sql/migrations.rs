//! The migrations that this build brings along, and how they compare with those that a database has seen.

use std::time::Duration;

use sqlx::{
    SqlSafeStr,
    migrate::{AppliedMigration, Migrate, MigrateError, Migration, MigrationType},
};

use crate::domain::{Error, Result};

/// Where the database keeps which migrations it has seen: the name that the sqlx command line tool uses, too.
const HISTORY: &str = "_sqlx_migrations";

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// The names of the migrations that were applied, in order; empty when there was nothing to do.
    pub applied: Vec<String>,
}

/// What a migrator tells while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// Another migrator is at work, and is waited for.
    Waits,
    /// Somebody uses a table that has to stand still for a moment; it is tried again.
    Blocked,
    /// A migration was applied.
    Applied {
        /// Its name.
        name: &'a str,
        /// How long it took.
        took: Duration,
    },
}

/// Whoever wants to know what a migrator does.
pub type Tell<'a> = &'a (dyn Fn(Step<'_>) + Send + Sync);

/// How the schema of a database compares with what this build expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// It is what this build expects.
    Current,
    /// It lacks these migrations.
    Older {
        /// Their names, in order.
        pending: Vec<String>,
    },
    /// A newer build has migrated it.
    Newer {
        /// The versions that this build does not know.
        unknown: Vec<i64>,
    },
    /// It was migrated with other texts under the same names: its real state is not known.
    Altered {
        /// The names of the migrations that were different.
        changed: Vec<String>,
    },
}

macro_rules! migrations {
    ($(($version:literal, $name:literal)),* $(,)?) => {
        [$((
            $version,
            $name,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
        )),*]
    };
}

/// Version, name and text of each.
const ALL: &[(i64, &str, &str)] = &migrations![
    (1, "0001_create_accounts"),
    (2, "0002_seed_roles"),
    (3, "0003_create_sessions"),
    (4, "0004_create_rooms"),
    (5, "0005_create_streams"),
    (6, "0006_create_outbox"),
    (7, "0007_create_audit_events"),
    (8, "0008_create_idempotency_keys"),
    (9, "0009_add_stream_to_outbox"),
    (10, "0010_let_administrators_suspend"),
    (11, "0011_add_proofs_to_sessions"),
    (12, "0012_create_one_time_tokens"),
    (13, "0013_create_mails"),
    (14, "0014_create_attempts"),
    (15, "0015_create_second_factors"),
    (16, "0016_create_identities"),
    (17, "0017_create_api_keys"),
    (18, "0018_let_services_validate_tokens"),
    (19, "0019_create_errands"),
    (20, "0020_index_deleted_api_keys"),
];

/// Applies what is missing.
pub(super) async fn run<C: Migrate>(connection: &mut C, tell: Tell<'_>) -> Result<MigrationReport> {
    connection.ensure_migrations_table(HISTORY).await.map_err(failure)?;
    let applied = match state(connection, true).await? {
        SchemaState::Current => Vec::new(),
        SchemaState::Older { pending } => pending,
        SchemaState::Newer { unknown } => {
            let sentence = format!("a newer build has migrated the database, with {unknown:?}");
            return Err(Error::internal(sentence));
        }
        SchemaState::Altered { changed } => {
            let sentence = format!("the database was migrated with other texts of {changed:?}");
            return Err(Error::internal(sentence));
        }
    };
    for migration in embedded() {
        if applied.iter().any(|name| *name == migration.description) {
            let took = connection.apply(HISTORY, &migration).await.map_err(failure)?;
            tell(Step::Applied { name: &migration.description, took });
        }
    }
    Ok(MigrationReport { applied })
}

/// The state of a database; one without a history has seen no migration.
pub(super) async fn state<C: Migrate>(
    connection: &mut C,
    has_history: bool,
) -> Result<SchemaState> {
    if !has_history {
        return Ok(compare(&[]));
    }
    let applied = connection.list_applied_migrations(HISTORY).await.map_err(failure)?;
    Ok(compare(&applied))
}

fn compare(applied: &[AppliedMigration]) -> SchemaState {
    let is_known = |version| ALL.iter().any(|(known, ..)| *known == version);
    let unknown: Vec<i64> = applied
        .iter()
        .map(|applied| applied.version)
        .filter(|version| !is_known(*version))
        .collect();
    if !unknown.is_empty() {
        return SchemaState::Newer { unknown };
    }
    let (mut pending, mut changed) = (Vec::new(), Vec::new());
    for migration in embedded() {
        match applied.iter().find(|applied| applied.version == migration.version) {
            None => pending.push(migration.description.into_owned()),
            Some(seen) if seen.checksum != migration.checksum => {
                changed.push(migration.description.into_owned());
            }
            Some(_) => {}
        }
    }
    if !changed.is_empty() {
        return SchemaState::Altered { changed };
    }
    if pending.is_empty() { SchemaState::Current } else { SchemaState::Older { pending } }
}

fn embedded() -> Vec<Migration> {
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    ALL.iter().copied().map(migration).collect()
}

pub(super) fn failure(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        error => Error::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded_under_its_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let embedded: Vec<String> = ALL.iter().map(|(_, name, _)| format!("{name}.sql")).collect();
        assert_eq!(embedded, files);
        for (version, name, _) in ALL {
            assert!(name.starts_with(&format!("{version:04}_")), "{name} is not number {version}");
        }
    }

    #[test]
    fn a_schema_is_older_newer_altered_or_current() {
        let seen = |migration: &Migration| AppliedMigration {
            version: migration.version,
            checksum: migration.checksum.clone(),
        };
        let mut applied: Vec<_> = embedded().iter().map(seen).collect();
        assert_eq!(compare(&applied), SchemaState::Current);

        applied[1].checksum = vec![0].into();
        assert_eq!(compare(&applied), SchemaState::Altered { changed: vec![ALL[1].1.into()] });

        applied.remove(1);
        assert_eq!(compare(&applied), SchemaState::Older { pending: vec![ALL[1].1.into()] });

        applied.push(AppliedMigration { version: 9999, checksum: vec![0].into() });
        assert_eq!(compare(&applied), SchemaState::Newer { unknown: vec![9999] });
    }
}
