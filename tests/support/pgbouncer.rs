//! A pooler in front of the PostgreSQL server of this test process: it lends connections by transaction.

use std::sync::LazyLock;

use super::{postgres, process::Process};

/// The URL of a database by way of the pooler, which the first call starts.
pub fn in_front_of(url: &str) -> String {
    static POOLER: LazyLock<Process> = LazyLock::new(|| {
        let server = postgres::server().process.port.to_string();
        Process::start("pgbouncer", include_str!("pgbouncer.sh"), &[&server])
    });
    let port = |process: &Process| format!(":{}/", process.port);
    url.replace(&port(&postgres::server().process), &port(&POOLER))
}
