//! A PostgreSQL server of this test process alone.

use std::sync::{
    OnceLock,
    atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::process::Process;

/// A running server.
pub struct Server {
    /// The process.
    pub process: Process,
    databases: AtomicU32,
}

/// The server of this process; the first call starts it.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

impl Server {
    /// Starts a server with settings, as `-c`, `max_connections=20`.
    pub fn start(settings: &[&str]) -> Self {
        let script = include_str!("postgres.sh");
        let process = Process::start("PostgreSQL", script, settings);
        Self { process, databases: AtomicU32::new(0) }
    }

    /// The URL of a new and empty database.
    pub async fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://veza@127.0.0.1:{}/{database}", self.process.port)
    }
}
