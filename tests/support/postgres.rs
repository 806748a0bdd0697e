//! A PostgreSQL server of this test process alone, in a temporary folder and on a port of its own.

use std::{
    io::{BufReader, Read},
    net::TcpListener,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// A running server.
pub struct Server {
    port: u16,
    databases: AtomicU32,
    /// The script stops the server and removes its folder when this is closed, which the operating system does however
    /// this process ends.
    _alive: ChildStdin,
    _script: Child,
}

/// The server of this process; the first call starts it.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// The URL of a new and empty database.
    pub async fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&self.url("postgres")).await.unwrap();
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        connection.close().await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://veza@127.0.0.1:{}/{database}", self.port)
    }

    fn start() -> Self {
        // Somebody else may take the free port before the server does.
        let mut complaint = String::new();
        for _ in 0..3 {
            match Self::try_start() {
                Ok(server) => return server,
                Err(error) => complaint = error,
            }
        }
        panic!("PostgreSQL does not start: {complaint}");
    }

    fn try_start() -> Result<Self, String> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut script = Command::new("sh")
            .args(["-c", include_str!("postgres.sh"), "postgres.sh", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let alive = script.stdin.take().unwrap();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        let mut said = Vec::new();
        // The script says `ready`, or why not and ends.
        while !said.ends_with(b"ready\n") {
            let mut byte = [0];
            if output.read(&mut byte).unwrap() == 0 {
                script.wait().unwrap();
                return Err(String::from_utf8_lossy(&said).into_owned());
            }
            said.extend(byte);
        }
        Ok(Self { port, databases: AtomicU32::new(0), _alive: alive, _script: script })
    }
}
