//! What the databases' errors mean to a use case. Both databases are told apart by the form of their codes.

use std::fmt;

use crate::domain::{Error, error::Race};

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(field) = taken_field(&error) {
            return Self::Taken { field };
        }
        if let Some(race) = lost_race(&error) {
            return Self::LostRace { race, source: Box::new(Failure(error)) };
        }
        if is_passing(&error) {
            return Self::Unavailable(Box::new(Failure(error)));
        }
        Self::internal(Failure(error))
    }
}

/// An error of the driver without its details: PostgreSQL puts values of the row into them, which no log may have.
struct Failure(sqlx::Error);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

/// The field of an account whose value somebody else has. PostgreSQL names the index, SQLite the column; the indexes are
/// named after the columns.
fn taken_field(error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    let violated = error.constraint().unwrap_or_else(|| error.message());
    [("users_username_folded", "username"), ("users.username_folded", "username")]
        .into_iter()
        .chain([("users_email_folded", "email"), ("users.email_folded", "email")])
        .chain([
            ("identities_subject", "identity"),
            ("identities.provider, identities.subject", "identity"),
        ])
        .chain([
            ("identities_user", "provider"),
            ("identities.user_id, identities.provider", "provider"),
        ])
        .find_map(|(name, field)| violated.contains(name).then_some(field))
}

/// Whether PostgreSQL gave the transaction up for the sake of another one. SQLite, with its one writer, never has to.
fn lost_race(error: &sqlx::Error) -> Option<Race> {
    match &*error.as_database_error()?.code()? {
        "40001" => Some(Race::Serialization),
        "40P01" => Some(Race::Deadlock),
        _ => None,
    }
}

/// Whether the same call may succeed later, without a change to the server or to its database.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing_code(&code)),
        _ => false,
    }
}

fn is_passing_code(code: &str) -> bool {
    // PostgreSQL's codes always have five characters, SQLite's never.
    if code.len() == 5 {
        return is_passing_sqlstate(code);
    }
    // https://sqlite.org/rescode.html: the low byte is the primary code. BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN.
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}

/// By <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn is_passing_sqlstate(code: &str) -> bool {
    let lost_connection_or_shutting_down = code.starts_with("08") || code.starts_with("57P");
    let out_of_resources = code.starts_with("53");
    // Lock not available, statement timeout, and a primary that became a standby.
    let held_up = matches!(code, "55P03" | "57014" | "25006");
    lost_connection_or_shutting_down || out_of_resources || held_up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_or_full_database_is_a_passing_failure_and_a_defect_is_not() {
        for passing in
            ["5", "261", "517", "13", "14", "1546", "08006", "53300", "57P01", "55P03", "57014"]
        {
            assert!(is_passing_code(passing), "{passing}");
        }
        for defect in ["1", "19", "2067", "787", "42601", "23505", "23503", "22P02"] {
            assert!(!is_passing_code(defect), "{defect}");
        }
    }
}
