//! What the tests of the API run against, by the environment variable `VEZA_ON`: a server as it is on a fresh machine, a
//! server on PostgreSQL, or two of them on PostgreSQL, Redis and NATS, whose clients call one and the other in turn.

use std::{sync::OnceLock, thread};

use tokio::runtime::Builder;

use super::{
    app::unique,
    nats, postgres,
    process::free_port,
    redis,
    server::{Environment, Server},
};

/// The kinds of installations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installation {
    /// SQLite and memory.
    Embedded,
    /// PostgreSQL and memory.
    Postgres,
    /// Two replicas on PostgreSQL, Redis and NATS.
    Cluster,
}

impl Installation {
    /// The one that these tests run against.
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says it here")]
    pub fn chosen() -> Self {
        match std::env::var("VEZA_ON").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("postgres") => Self::Postgres,
            Ok("cluster") => Self::Cluster,
            Ok(other) => panic!("VEZA_ON is {other}; write embedded, postgres or cluster"),
        }
    }

    /// Starts servers that are set in this way; the first one stands for them all. Whoever has chosen a database gets one
    /// server on it.
    pub fn start(self, environment: Environment) -> Server {
        if self == Self::Embedded || !environment.get("DATABASE_URL").starts_with("sqlite") {
            return environment.start();
        }
        // A test that has one of them for itself keeps it.
        let services = self.services().into_iter();
        let services = services
            .filter(|(name, _)| *name == "DATABASE_URL" || environment.get(name).is_empty());
        let environment = services
            .collect::<Vec<_>>()
            .iter()
            .fold(environment, |environment, (name, url)| environment.set(name, url));
        let migrated = environment.run(&["migrate"], "");
        assert!(migrated.status.success(), "{migrated:?}");
        let mut first = environment.clone().start();
        for _ in 1..self.replicas() {
            let address = format!("127.0.0.1:{}", free_port());
            first.add_replica(environment.clone().set("LISTEN_ADDR", &address));
        }
        first
    }

    /// How many servers it has.
    pub fn replicas(self) -> usize {
        if self == Self::Cluster { 2 } else { 1 }
    }

    /// The settings that name what it depends on: with a new database, each time.
    pub fn services(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Embedded => Vec::new(),
            Self::Postgres => vec![("DATABASE_URL", create_database())],
            Self::Cluster => vec![
                ("DATABASE_URL", create_database()),
                ("REDIS_URL", shared_redis().url()),
                // So that no test spends the budgets of another.
                ("REDIS_PREFIX", unique("test")),
                ("NATS_URL", shared_nats().url()),
            ],
        }
    }
}

/// The Redis server of every cluster of this process.
fn shared_redis() -> &'static redis::Server {
    static SERVER: OnceLock<redis::Server> = OnceLock::new();
    SERVER.get_or_init(redis::Server::start)
}

/// The NATS server of every cluster of this process.
fn shared_nats() -> &'static nats::Server {
    static SERVER: OnceLock<nats::Server> = OnceLock::new();
    SERVER.get_or_init(nats::Server::start)
}

/// The URL of a new database. The caller may be on a runtime already, which must not be blocked.
fn create_database() -> String {
    let create = || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(postgres::server().create_database())
    };
    thread::spawn(create).join().expect("a database")
}
