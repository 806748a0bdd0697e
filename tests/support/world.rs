//! A server in this process, whose clock stands until it is moved by hand.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use veza::{
    adapter::sql,
    app::{App, Core, database},
    config::{Config, Secrets},
    domain::Timestamp,
    port::clock::Clock,
    service::keyring::Keyring,
};

use super::client::Client;

/// A server whose clock can be moved, and its client.
pub struct World {
    /// The client.
    pub client: Client,
    /// The signing keys of the server.
    pub keyring: Arc<Keyring>,
    /// The URL of its SQLite database.
    pub database_url: String,
    hand: Arc<Hand>,
    stop: CancellationToken,
    _folder: TempDir,
}

/// A clock that stands until it is moved.
struct Hand(Mutex<Duration>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        ::time::macros::datetime!(2026-01-01 0:00 UTC) + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    config: Config,
}

impl World {
    /// Starts a server with limits that tests never meet by accident.
    pub async fn start() -> Self {
        Self::limited(100_000, 100_000).await
    }

    /// Starts a server on which a user may make so many calls a minute, and an address sign in so many times.
    pub async fn limited(per_minute: u32, sign_in_per_minute: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Line::parse_from(["veza", "--listen-addr", "127.0.0.1:0"]).config;
        config.rate_limit_per_minute = per_minute;
        config.sign_in_rate_limit_per_minute = sign_in_per_minute;
        let config = Arc::new(config);
        let database_url = format!("sqlite:{}", folder.path().join("veza.db").display());
        let jwt_secret = "a secret that only this test knows, 48 bytes long".to_owned().into();
        let secrets = Secrets {
            database_url: database_url.clone().into(),
            database_listen_url: None,
            jwt_secret,
            redis_url: None,
            nats_url: None,
        };
        sql::migrate(&database(&config, &secrets)).await.unwrap();

        let hand = Arc::new(Hand(Mutex::default()));
        let core = Core::connect(&config, &secrets, Arc::clone(&hand) as _).await.unwrap();
        core.keyring.refresh().await.unwrap();
        let keyring = Arc::clone(&core.keyring);
        let app = App::build(config, &secrets, core).await.unwrap();
        let client = Client::new(app.address().unwrap());
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(app.run(stop.clone()));
        Self { client, keyring, database_url, hand, stop, _folder: folder }
    }

    /// Moves the clock.
    pub fn wait(&self, time: Duration) {
        *self.hand.0.lock().unwrap() += time;
    }

    /// How far the clock was moved.
    pub fn elapsed(&self) -> Duration {
        self.hand.monotonic()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
