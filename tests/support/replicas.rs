//! Replicas: several servers on one PostgreSQL database of their own.

use sqlx::{Connection, PgConnection};

use super::{
    app::{App, Person},
    postgres,
    server::Environment,
};

/// Servers that share a database, and nothing else.
pub struct Replicas {
    /// Each with a client of its own.
    pub apps: Vec<App>,
    /// What each was started with.
    pub environment: Environment,
}

impl Replicas {
    /// So many servers on a new database.
    pub async fn start(number: usize) -> Self {
        Self::with(number, Environment::new()).await
    }

    /// So many servers on a new database, all set in this way.
    pub async fn with(number: usize, environment: Environment) -> Self {
        let database = postgres::server().create_database().await;
        let environment = environment.set("DATABASE_URL", &database);
        let migrated = environment.run(&["migrate"], "");
        assert!(migrated.status.success(), "{migrated:?}");
        let mut replicas = Self { apps: Vec::new(), environment };
        for _ in 0..number {
            replicas.join();
        }
        replicas
    }

    /// Starts another server beside those that run, and returns its place.
    pub fn join(&mut self) -> usize {
        self.join_with(self.environment.clone())
    }

    /// Starts another server beside those that run, which is set in its own way.
    pub fn join_with(&mut self, environment: Environment) -> usize {
        self.apps.push(App::with(environment));
        self.apps.len() - 1
    }

    /// Stops a server and lets go of it.
    pub fn leave(&mut self, place: usize) {
        self.apps.remove(place).server.stop();
    }

    /// Cuts the connections on which the servers hear what the others change; they make new ones.
    pub async fn cut_listeners(&self) {
        let url = self.environment.get("DATABASE_URL");
        let mut connection = PgConnection::connect(url).await.expect("a database");
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'veza listener'";
        sqlx::query(cut).execute(&mut connection).await.expect("the right to do so");
        connection.close().await.expect("the end of the connection");
    }

    /// The first two.
    pub fn pair(&self) -> (&App, &App) {
        (&self.apps[0], &self.apps[1])
    }
}

impl Person {
    /// The same person with the same session, who now calls another server.
    #[must_use]
    pub fn at(&self, app: &App) -> Self {
        Self { app: app.clone(), ..self.clone() }
    }
}
