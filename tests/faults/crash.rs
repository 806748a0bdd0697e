//! F-03: the server is killed between the steps of the outbox. There is no hook for it in the product: a proxy stops a step
//! at its first byte, and the server is killed while it stands there.

use rustix::process::Signal;
use sqlx::{Connection, Executor, SqliteConnection};

use super::{
    experiment::{Experiment, rounds},
    nats::{PUBLISH, at_fixed_port, delivered, on_postgres, proxy_of},
    oracle,
    store::Store,
    targets::Targets,
    workload::Workload,
};
use crate::{
    proxy::{Held, Proxy, Speaker},
    support::{nats, server::Environment},
};

/// What JetStream says when it has an event.
const ACKNOWLEDGED: &str = r#""stream":"VEZA""#;

/// What the server says to PostgreSQL when it notes that events were published.
const MARK: &str = "UPDATE outbox SET publish_time";

/// How long the stream remembers ids: less than the lease of what a dead server held, so that it does not hide that events
/// are published again.
const WINDOW: &str = "1s";

/// Where the server stands when it is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The change is committed, and nothing was said to NATS.
    Committed,
    /// NATS has the event, and the server does not know.
    Published,
    /// The server knows, and the database does not.
    Acknowledged,
}

const STEPS: [Step; 3] = [Step::Committed, Step::Published, Step::Acknowledged];

/// What a server stands between.
struct Between {
    to_nats: Proxy,
    /// SQLite is reached by no proxy.
    to_postgres: Option<Proxy>,
    /// The database itself.
    database: String,
}

/// A server that cannot go on.
struct Standing {
    held: Option<Held>,
    lock: Option<SqliteConnection>,
}

#[tokio::test(flavor = "multi_thread")]
async fn f_03_with_postgresql_no_event_is_lost_between_the_steps_of_the_outbox() {
    let experiment = Experiment::begin("F-03 PostgreSQL").await;
    let nats = nats::Server::start();
    let to_nats = proxy_of(&nats.url());
    let environment = on_postgres(&url_of(&to_nats)).await;
    let database = environment.get("DATABASE_URL").to_owned();
    let (host, name) = database.rsplit_once('/').expect("a name");
    let (login, _) = host.rsplit_once(':').expect("a port");
    let to_postgres = proxy_of(host);
    let environment =
        environment.set("DATABASE_URL", &format!("{login}:{}/{name}", to_postgres.port));
    let between = Between { to_nats, to_postgres: Some(to_postgres), database: database.clone() };
    kill_at_each_step(experiment, environment, &between, &nats).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f_03_with_sqlite_no_event_is_lost_between_the_steps_of_the_outbox() {
    let experiment = Experiment::begin("F-03 SQLite").await;
    let nats = nats::Server::start();
    let to_nats = proxy_of(&nats.url());
    let environment = at_fixed_port(&Environment::new()).set("NATS_URL", &url_of(&to_nats));
    let database = environment.get("DATABASE_URL").to_owned();
    let between = Between { to_nats, to_postgres: None, database };
    kill_at_each_step(experiment, environment, &between, &nats).await;
}

async fn kill_at_each_step(
    mut experiment: Experiment,
    environment: Environment,
    between: &Between,
    nats: &nats::Server,
) {
    let environment = environment.set("NATS_STREAM_DUPLICATE_WINDOW", WINDOW);
    let mut server = environment.clone().start();
    let targets = Targets::new(&[server.address]);
    let workload = Workload::start(experiment.plan(), &targets).await;
    let rounds = rounds(1);
    for step in (0..rounds).flat_map(|_| STEPS) {
        workload.progress(50).await;
        let standing = between.stop_at(step).await;
        server.signal(Signal::KILL);
        server.stop();
        standing.leave().await;
        server = environment.clone().start();
    }
    workload.progress(50).await;
    experiment.measure("kills", rounds * 3);
    let deliver = async |store: &Store| {
        let delivered = delivered(nats, store).await;
        let again = delivered.as_deref().map_or(0, oracle::redelivered);
        assert!(again > 0, "no event was published again: nobody was killed in between");
        delivered
    };
    experiment.conclude(workload, &targets, &between.database, deliver).await;
}

impl Between {
    /// Returns when the server stands after this step and before the next one.
    async fn stop_at(&self, step: Step) -> Standing {
        match (step, &self.to_postgres) {
            (Step::Committed, _) => stand(&self.to_nats, Speaker::Client, PUBLISH).await,
            (Step::Published, _) => stand(&self.to_nats, Speaker::Server, ACKNOWLEDGED).await,
            (Step::Acknowledged, Some(to_postgres)) => {
                stand(to_postgres, Speaker::Client, MARK).await
            }
            (Step::Acknowledged, None) => self.lock_sqlite().await,
        }
    }

    /// Takes the lock that the server needs to note what was published, before it is.
    async fn lock_sqlite(&self) -> Standing {
        let mut publishing = self.to_nats.hold(Speaker::Client, PUBLISH);
        publishing.reached().await;
        let mut lock = SqliteConnection::connect(&self.database).await.expect("a database");
        lock.execute("BEGIN IMMEDIATE").await.expect("the lock");
        let mut acknowledged = self.to_nats.hold(Speaker::Server, ACKNOWLEDGED);
        publishing.release();
        acknowledged.reached().await;
        acknowledged.release();
        Standing { held: None, lock: Some(lock) }
    }
}

impl Standing {
    /// Lets go, when the server is dead: what it had begun to say never arrives.
    async fn leave(self) {
        drop(self.held);
        if let Some(lock) = self.lock {
            lock.close().await.expect("the end of the connection");
        }
    }
}

async fn stand(proxy: &Proxy, speaker: Speaker, words: &'static str) -> Standing {
    let mut held = proxy.hold(speaker, words);
    held.reached().await;
    Standing { held: Some(held), lock: None }
}

fn url_of(proxy: &Proxy) -> String {
    format!("nats://127.0.0.1:{}", proxy.port)
}
