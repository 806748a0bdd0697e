//! Settings of the database.

use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret;

use super::{
    Line, Synchronous, choice, database_listen_url, database_url,
    secret::without_password,
    value::{positive_duration, show, whole},
};

/// How the database is used.
#[derive(Debug, Clone, Args)]
pub struct Database {
    /// The most connections of the database pool
    #[arg(id = "database_connections_max", long = "database-connections-max", env = "DATABASE_CONNECTIONS_MAX",
          global = true, default_value_t = 16, value_name = "N", value_parser = whole(2..=1_000_u32))]
    pub connections_max: u32,

    /// How long a call waits for a database connection
    #[arg(id = "database_acquire_timeout", long = "database-acquire-timeout", env = "DATABASE_ACQUIRE_TIMEOUT",
          global = true, default_value = "5s", value_name = "DURATION", value_parser = positive_duration)]
    pub acquire_timeout: Duration,

    /// How hard SQLite makes sure of a commit: full survives a power cut, normal a crash of the process
    #[arg(long, env, global = true, default_value = "full", value_name = "LEVEL")]
    pub sqlite_synchronous: Synchronous,
}

impl Database {
    pub(super) fn lines(&self) -> Vec<Line> {
        let listen_url = database_listen_url();
        let listen_url =
            listen_url.map_or_else(String::new, |url| without_password(url.expose_secret()));
        vec![
            ("DATABASE_URL", without_password(database_url().expose_secret())),
            ("DATABASE_LISTEN_URL", listen_url),
            ("DATABASE_CONNECTIONS_MAX", self.connections_max.to_string()),
            ("DATABASE_ACQUIRE_TIMEOUT", show(self.acquire_timeout)),
            ("SQLITE_SYNCHRONOUS", choice(Some(&self.sqlite_synchronous))),
        ]
    }
}
