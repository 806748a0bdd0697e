//! Settings of the database.

use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret;

use super::{
    Config, Line, Synchronous, choice, database_listen_url, database_url,
    secret::without_password,
    value::{Setting, duration, optional, positive_duration, show, whole},
};

/// How the database is used.
#[derive(Debug, Clone, Args)]
pub struct Database {
    /// The fewest connections of the pool to PostgreSQL [default: 10, or the most if they are fewer]
    #[arg(id = "database_connections_min", long = "database-connections-min", env = "DATABASE_CONNECTIONS_MIN",
          global = true, default_value = "", hide_default_value = true, value_name = "N",
          value_parser = optional(whole(0..=1_000_u32)))]
    pub connections_min: Setting<u32>,

    /// The most connections of the database pool [default: 100 with PostgreSQL, 16 with SQLite]
    #[arg(id = "database_connections_max", long = "database-connections-max", env = "DATABASE_CONNECTIONS_MAX",
          global = true, default_value = "", hide_default_value = true, value_name = "N",
          value_parser = optional(whole(2..=1_000_u32)))]
    pub connections_max: Setting<u32>,

    /// How long a call waits for a free database connection before it is answered UNAVAILABLE
    #[arg(id = "database_acquire_timeout", long = "database-acquire-timeout", env = "DATABASE_ACQUIRE_TIMEOUT",
          global = true, default_value = "3s", value_name = "DURATION", value_parser = positive_duration)]
    pub acquire_timeout: Duration,

    /// How long one PostgreSQL server has to take a connection, before the next in the URL is tried
    #[arg(id = "database_connect_timeout", long = "database-connect-timeout", env = "DATABASE_CONNECT_TIMEOUT",
          global = true, default_value = "2s", value_name = "DURATION", value_parser = positive_duration)]
    pub connect_timeout: Duration,

    /// How long a PostgreSQL connection beyond the fewest may lie idle
    #[arg(id = "database_idle_timeout", long = "database-idle-timeout", env = "DATABASE_IDLE_TIMEOUT",
          global = true, default_value = "10m", value_name = "DURATION", value_parser = positive_duration)]
    pub idle_timeout: Duration,

    /// How long a PostgreSQL connection is used before a new one takes its place
    #[arg(id = "database_connection_lifetime", long = "database-connection-lifetime",
          env = "DATABASE_CONNECTION_LIFETIME", global = true, default_value = "30m", value_name = "DURATION",
          value_parser = positive_duration)]
    pub connection_lifetime: Duration,

    /// How many prepared statements each PostgreSQL connection keeps
    #[arg(id = "database_statements_max", long = "database-statements-max", env = "DATABASE_STATEMENTS_MAX",
          global = true, default_value_t = 250, value_name = "N", value_parser = whole(0..=10_000_u16))]
    pub statements_max: u16,

    /// How long a statement may take on PostgreSQL [default: the time of a call]
    #[arg(id = "database_statement_timeout", long = "database-statement-timeout",
          env = "DATABASE_STATEMENT_TIMEOUT", global = true, default_value = "", hide_default_value = true,
          value_name = "DURATION", value_parser = optional(positive_duration))]
    pub statement_timeout: Setting<Duration>,

    /// How long a query may take before it is logged and counted as slow
    #[arg(id = "database_slow_query", long = "database-slow-query", env = "DATABASE_SLOW_QUERY",
          global = true, default_value = "200ms", value_name = "DURATION", value_parser = positive_duration)]
    pub slow_query: Duration,

    /// What stands between the server and PostgreSQL: transaction for a pooler that lends connections by transaction
    #[arg(
        id = "database_pooler",
        long = "database-pooler",
        env = "DATABASE_POOLER",
        global = true,
        default_value = "none",
        value_name = "KIND"
    )]
    pub pooler: Pooler,

    /// How long to wait for `veza migrate` when the schema is older; 0s refuses to start, and without a value it is 5m
    #[arg(long, env, global = true, default_value = "0s", default_missing_value = "5m", num_args = 0..=1,
          require_equals = true, value_name = "DURATION", value_parser = duration)]
    pub wait_for_migrations: Duration,

    /// How hard SQLite makes sure of a commit: full survives a power cut, normal a crash of the process
    #[arg(long, env, global = true, default_value = "full", value_name = "LEVEL")]
    pub sqlite_synchronous: Synchronous,
}

/// What stands between the server and PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pooler {
    /// Nothing, or something that pools by session.
    None,
    /// Something that pools by transaction, as pgbouncer with `pool_mode=transaction`.
    Transaction,
}

impl Database {
    /// The most connections, for a database that this process has alone or shares.
    #[must_use]
    pub fn connections_max(&self, embedded: bool) -> u32 {
        self.connections_max.0.unwrap_or(if embedded { 16 } else { 100 })
    }

    /// The fewest connections, which only a database that is shared keeps.
    #[must_use]
    pub fn connections_min(&self, embedded: bool) -> u32 {
        if embedded {
            return 0;
        }
        self.connections_min.0.unwrap_or_else(|| self.connections_max(embedded).min(10))
    }

    /// How long a statement may take, where a call may take so long.
    #[must_use]
    pub fn statement_timeout(&self, call_timeout: Duration) -> Duration {
        self.statement_timeout.0.unwrap_or(call_timeout)
    }

    pub(super) fn lines(&self, call_timeout: Duration) -> Vec<Line> {
        let url = database_url();
        let embedded = Config::is_embedded(&url);
        let listen_url = database_listen_url();
        let listen_url =
            listen_url.map_or_else(String::new, |url| without_password(url.expose_secret()));
        vec![
            ("DATABASE_URL", without_password(url.expose_secret())),
            ("DATABASE_LISTEN_URL", listen_url),
            ("DATABASE_CONNECTIONS_MIN", self.connections_min(embedded).to_string()),
            ("DATABASE_CONNECTIONS_MAX", self.connections_max(embedded).to_string()),
            ("DATABASE_ACQUIRE_TIMEOUT", show(self.acquire_timeout)),
            ("DATABASE_CONNECT_TIMEOUT", show(self.connect_timeout)),
            ("DATABASE_IDLE_TIMEOUT", show(self.idle_timeout)),
            ("DATABASE_CONNECTION_LIFETIME", show(self.connection_lifetime)),
            ("DATABASE_STATEMENTS_MAX", self.statements_max.to_string()),
            ("DATABASE_STATEMENT_TIMEOUT", show(self.statement_timeout(call_timeout))),
            ("DATABASE_SLOW_QUERY", show(self.slow_query)),
            ("DATABASE_POOLER", choice(Some(&self.pooler))),
            ("WAIT_FOR_MIGRATIONS", show(self.wait_for_migrations)),
            ("SQLITE_SYNCHRONOUS", choice(Some(&self.sqlite_synchronous))),
        ]
    }
}
