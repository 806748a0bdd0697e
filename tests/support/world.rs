//! A server in this process, or replicas, whose clock stands until it is moved by hand.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;
use veza::{
    adapter::sql,
    app::{App, Core, database},
    config::{Config, Secrets},
    domain::{
        Timestamp,
        caller::{Caller, Origin, Transport},
        id::Id,
        one_time_token::Kind,
    },
    port::clock::Clock,
    service::keyring::{Keyring, Pace},
};

use super::{client::Client, database as data, installation::Installation};

/// The secret of its servers.
pub const JWT_SECRET: &str = "a secret that only this test knows, 48 bytes long";

/// A server whose clock can be moved, and its client.
pub struct World {
    /// The client.
    pub client: Client,
    /// The URL of its database.
    pub database_url: String,
    keyrings: Vec<Arc<Keyring>>,
    inside: veza::service::World,
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

    /// Starts a server with further settings, each with its name in the environment.
    pub async fn with(settings: &[(&str, String)]) -> Self {
        Self::launch(100_000, 100_000, settings).await
    }

    /// Starts a server on which a user may make so many calls a minute, and an address sign in so many times.
    pub async fn limited(per_minute: u32, sign_in_per_minute: u32) -> Self {
        Self::launch(per_minute, sign_in_per_minute, &[]).await
    }

    async fn launch(per_minute: u32, sign_in_per_minute: u32, settings: &[(&str, String)]) -> Self {
        let folder = TempDir::new().unwrap();
        // Tests say by a header from where they call.
        let line = ["veza", "--listen-addr", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1"];
        let settings = settings.iter().flat_map(|setting| argument(folder.path(), setting));
        let line = line.map(str::to_owned).into_iter().chain(settings);
        let mut config = Line::parse_from(line).config;
        config.rate_limit_per_minute = per_minute;
        config.sign_in_rate_limit_per_minute = sign_in_per_minute;
        config.sign_in_failures_per_hour = 100_000;
        let installation = Installation::chosen();
        let services: HashMap<_, _> = installation.services().into_iter().collect();
        let service = |name: &str| services.get(name).cloned();
        config.redis.prefix = service("REDIS_PREFIX").unwrap_or_default();
        let config = Arc::new(config);
        let embedded = || format!("sqlite:{}", folder.path().join("veza.db").display());
        let database_url = service("DATABASE_URL").unwrap_or_else(embedded);
        let secrets = Secrets {
            database_url: database_url.clone().into(),
            jwt_secret: JWT_SECRET.to_owned().into(),
            redis_url: service("REDIS_URL").map(Into::into),
            nats_url: service("NATS_URL").map(Into::into),
            smtp_url: None,
            database_listen_url: None,
        };
        sql::migrate(&database(&config, &secrets), &|_| {}).await.unwrap();

        let hand = Arc::new(Hand(Mutex::default()));
        let (mut addresses, mut keyrings, mut inside) = (Vec::new(), Vec::new(), None);
        let stop = CancellationToken::new();
        for _ in 0..installation.replicas() {
            let core = Core::connect(&config, &secrets, Arc::clone(&hand) as _).await.unwrap();
            core.keyring.refresh().await.unwrap();
            keyrings.push(Arc::clone(&core.keyring));
            inside.get_or_insert(core.world.clone());
            let app = App::build(Arc::clone(&config), &secrets, core).await.unwrap();
            addresses.push(app.address().unwrap());
            TaskTracker::new().spawn(app.run(stop.clone()));
        }
        let client = Client::of(&addresses);
        let inside = inside.expect("a server");
        Self { client, keyrings, inside, database_url, hand, stop, _folder: folder }
    }

    /// Has each server look after its keys, which it otherwise does once a minute.
    pub async fn refresh_keys(&self) {
        for keyring in &self.keyrings {
            keyring.refresh().await.unwrap();
        }
    }

    /// Replaces the key that signs, on the first server; the others hear of it.
    pub async fn rotate_keys(&self, pace: Pace) {
        self.keyrings[0].rotate(&operator(), pace).await.unwrap();
    }

    /// Makes a token that is good once, as a use case does that has it sent.
    pub async fn issue(&self, kind: Kind, user_id: &str, data: &Value) -> String {
        let user_id = user_id.parse().ok().map(|id: Uuid| Id::from(id));
        let operator = operator();
        let token = self.inside.change(&operator, |change| {
            let data = data.clone();
            Box::pin(async move { change.issue(kind, user_id, &data).await })
        });
        token.await.unwrap().expose_secret().to_owned()
    }

    /// Gives somebody a role in place of the one they have. No server has looked at their permissions yet.
    pub async fn replace_role(&self, user_id: &str, role: &str) {
        data::replace_role(&self.database_url, user_id, role).await;
    }

    /// Moves the clock.
    pub fn wait(&self, time: Duration) {
        *self.hand.0.lock().unwrap() += time;
    }

    /// What the clock says, in seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.hand.now().unix_timestamp()
    }

    /// How far the clock was moved.
    pub fn elapsed(&self) -> Duration {
        self.hand.monotonic()
    }
}

/// A setting as the command line has it, where a secret is in a file.
fn argument(folder: &Path, (name, value): &(&str, String)) -> [String; 2] {
    let flag = format!("--{}", name.to_lowercase().replace('_', "-"));
    if !name.ends_with("_SECRET") {
        return [flag, value.clone()];
    }
    let file = folder.join(name);
    std::fs::write(&file, value).unwrap();
    [format!("{flag}-file"), file.display().to_string()]
}

/// Whoever has a shell on the machine.
fn operator() -> Caller {
    let origin = Origin {
        transport: Transport::CommandLine,
        rpc_method: "",
        ip: None,
        user_agent: String::new(),
        trace: None,
    };
    Caller { principal: None, refused: None, is_confirmed: false, origin }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
