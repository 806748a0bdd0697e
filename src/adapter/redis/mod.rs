//! Redis: what replicas share and may lose at any moment, which is budgets and who is active. A circuit breaker stands in
//! front of it, so that nobody waits for a Redis that is down.

mod breaker;
mod connection;
mod lease;
pub mod limiter;
pub mod presence;

use std::{sync::Arc, time::Duration};

use bb8_redis::bb8::Pool;
use prometheus_client::metrics::gauge::Gauge;
use redis::{
    Client, ErrorKind, IntoConnectionInfo, RedisResult, Script, ServerErrorKind,
    aio::MultiplexedConnection, pipe,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time;
use tokio_util::sync::CancellationToken;

use self::{
    breaker::Breaker,
    connection::{Connection, Connector, Failure},
};

/// How often Redis is asked whether it answers, while it does. With the timeout of a command, that is how late it can be
/// noticed that it does not.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// How many connections are ready beside those in use. The pool makes none for who waits while others come and go, so
/// without them the heartbeat would wait behind calls, and Redis count as down because it is busy.
const IDLE_MIN: u32 = 2;

/// Which Redis, and how it is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS.
    pub url: SecretString,
    /// What every key begins with.
    pub prefix: String,
    /// How many connections there are at most.
    pub connections_max: u32,
    /// How long a command may take, the wait for a connection included.
    pub timeout: Duration,
    /// How long connecting and signing in may take.
    pub connect_timeout: Duration,
}

/// Whether the URL can be read; connects to nothing.
///
/// # Errors
/// A sentence that says what is wrong and what to do.
pub fn check(options: &Options) -> Result<(), String> {
    client(options).map(drop)
}

/// A Redis that may come and go.
pub struct Redis {
    pool: Pool<Connector>,
    breaker: Arc<Breaker>,
    budgets: Script,
    prefix: String,
    timeout: Duration,
    up: Gauge,
}

/// What Redis is asked for.
struct Ask {
    key: String,
    cells: u32,
    quota: u32,
    window: Duration,
}

/// What Redis says of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grant {
    /// The cells that may be spent.
    cells: u32,
    /// The cells that are left for others.
    left: u32,
    /// When the budget is whole again.
    whole_after: Duration,
    /// When there is a cell again; none while some are left.
    retry_after: Option<Duration>,
}

impl Redis {
    /// Connects to Redis; `up` shows whether it answers. One that cannot be reached may come later.
    ///
    /// # Errors
    /// A sentence about what will not pass by itself, as a wrong password.
    pub async fn connect(options: &Options, up: Gauge) -> Result<Arc<Self>, String> {
        let breaker = Arc::new(Breaker::open());
        let connector = Connector {
            client: client(options)?,
            timeout: options.connect_timeout,
            breaker: Arc::clone(&breaker),
        };
        let pool = Pool::builder()
            .max_size(options.connections_max)
            .min_idle(IDLE_MIN.min(options.connections_max))
            .connection_timeout(options.timeout)
            .test_on_check_out(false)
            .retry_connection(false)
            .build_unchecked(connector);
        let redis = Self {
            pool,
            breaker,
            budgets: Script::new(include_str!("gcra.lua")),
            prefix: options.prefix.clone(),
            timeout: options.timeout,
            up,
        };
        match redis.probe().await {
            Ok(()) => redis.found(),
            Err(failure) => match failure.mistake() {
                Some(mistake) => return Err(format!("REDIS_URL: {mistake}")),
                None => redis.lost(&failure),
            },
        }
        Ok(Arc::new(redis))
    }

    /// Looks after Redis until `stop`: notices when it no longer answers, and when it answers again.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let is_open = self.breaker.is_open();
            let pause = if is_open { self.breaker.pause() } else { HEARTBEAT };
            if stop.run_until_cancelled(time::sleep(pause)).await.is_none() {
                return;
            }
            if is_open {
                match stop.run_until_cancelled(self.probe()).await {
                    Some(Ok(())) => self.found(),
                    Some(Err(_)) => self.breaker.stay_open(),
                    None => return,
                }
            } else {
                self.run(async |redis| self.write(redis).await).await;
            }
        }
    }

    /// Whether it is down.
    fn is_down(&self) -> bool {
        self.breaker.is_open()
    }

    /// Takes cells of budgets, or as many as there are, in one round trip; none when Redis is down.
    async fn take(&self, asked: &[Ask]) -> Option<Vec<Grant>> {
        self.run(async |redis| self.grant(redis, asked).await).await
    }

    fn ask(&self, budget: &str, cells: u32, quota: u32, window: Duration) -> Ask {
        let key = format!("{}:limit:{budget}", self.prefix);
        Ask { key, cells, quota, window }
    }

    /// Has Redis do something, in time; none when it is down, or goes down meanwhile.
    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let pass = self.breaker.pass()?;
        let worked = time::timeout(self.timeout, async {
            let mut connection = loop {
                let mut connection = self.pool.get().await?;
                if self.is_usable(&connection) {
                    break connection;
                }
                connection.broken = true;
            };
            use_up(&mut connection, work).await
        });
        match worked.await.unwrap_or(Err(Failure::Silent)) {
            Ok(done) => Some(done),
            Err(failure) => {
                if self.breaker.fail(pass) {
                    self.lost(&failure);
                }
                None
            }
        }
    }

    /// A connection that is older than the last failure may be as dead as the one that failed.
    fn is_usable(&self, connection: &Connection) -> bool {
        connection.since + 1 >= self.breaker.changes()
    }

    /// Asks a Redis that is down, on a new connection, which the pool keeps if it is good.
    async fn probe(&self) -> Result<(), Failure> {
        let mut connection = self.pool.dedicated_connection().await?;
        let written = use_up(&mut connection, async |redis| self.write(redis).await);
        time::timeout(self.timeout, written).await.unwrap_or(Err(Failure::Silent))?;
        // A full pool has enough of them, and drops those of before as they come up.
        self.pool.add(connection).ok();
        Ok(())
    }

    /// What is needed of Redis, on a key that nobody else uses. A Redis that answers PING may still be read-only or full.
    async fn write(&self, redis: &mut MultiplexedConnection) -> RedisResult<()> {
        let key = format!("{}:probe", self.prefix);
        let probe = Ask { key, cells: 1, quota: 1, window: HEARTBEAT };
        self.grant(redis, &[probe]).await.map(drop)
    }

    async fn grant(
        &self,
        redis: &mut MultiplexedConnection,
        asked: &[Ask],
    ) -> RedisResult<Vec<Grant>> {
        let calls = |command: &str, script: &str| {
            let mut calls = pipe();
            for Ask { key, cells, quota, window } in asked {
                let window = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
                calls.cmd(command).arg(script).arg(1).arg(key).arg(cells).arg(quota).arg(window);
            }
            calls
        };
        let known = calls("EVALSHA", self.budgets.get_hash()).query_async(redis).await;
        let granted: Vec<(u32, u32, u64, u64)> = match known {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                calls("EVAL", include_str!("gcra.lua")).query_async(redis).await?
            }
            known => known?,
        };
        let grant = |(cells, left, whole, wait)| Grant {
            cells,
            left,
            whole_after: Duration::from_micros(whole),
            retry_after: (wait > 0).then(|| Duration::from_micros(wait)),
        };
        Ok(granted.into_iter().map(grant).collect())
    }

    fn found(&self) {
        if self.breaker.close() {
            self.up.set(1);
            tracing::info!(event = "redis_up", "Redis answers; budgets are shared by all servers");
        }
    }

    fn lost(&self, failure: &Failure) {
        self.up.set(0);
        tracing::warn!(
            error = %failure,
            event = "redis_down",
            "Redis does not answer; until it does, each server counts budgets by itself. Look after the server that \
             REDIS_URL names"
        );
    }
}

/// Uses a connection, which counts as broken unless it answers: whoever waits may give up at any moment.
async fn use_up<T>(
    connection: &mut Connection,
    work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
) -> Result<T, Failure> {
    connection.broken = true;
    let done = work(&mut connection.redis).await?;
    connection.broken = false;
    Ok(done)
}

fn client(options: &Options) -> Result<Client, String> {
    let url = options.url.expose_secret();
    let is_known = ["redis://", "rediss://"].iter().any(|scheme| url.starts_with(scheme));
    let info = url.into_connection_info().map(|info| {
        // A user with few rights may not say what library it uses, and nobody asks.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        info.set_redis_settings(settings)
    });
    // Neither the URL nor what the library says of it is repeated: both may hold the password.
    match info.and_then(Client::open) {
        Ok(client) if is_known && !url.contains('#') => Ok(client),
        _ => Err("REDIS_URL cannot be read; write redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS, \
                  with %XX for what has a meaning in URLs"
            .to_owned()),
    }
}
