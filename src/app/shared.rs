//! What replicas share: in Redis where it is configured, and in each process otherwise.

use std::{num::NonZeroU32, sync::Arc};

use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use crate::{
    adapter::memory::{limiter::Gcra, presence::Local},
    adapter::redis::{Options, Redis, check, limiter::Leased, presence},
    config::{Config, Secrets},
    port::{
        limiter::{Limiter, Quotas},
        presence::Presence,
    },
    telemetry::metrics::{DependencyLabel, Metrics},
    worker,
};

/// What replicas share where Redis is configured, and each has for itself otherwise.
pub struct Shared {
    /// Counts calls.
    pub limiter: Arc<dyn Limiter>,
    /// Counts who is active.
    pub presence: Arc<dyn Presence>,
    redis: Option<(Arc<Redis>, Leased)>,
}

impl Shared {
    /// Connects to Redis, where it is configured.
    ///
    /// # Errors
    /// A sentence when Redis cannot be used, and waiting would not help.
    pub async fn connect(config: &Config, secrets: &Secrets, core: &Core) -> Result<Self, String> {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quotas = Quotas {
            general: at_least_one(config.rate_limit_per_minute),
            sign_in: at_least_one(config.sign_in_rate_limit_per_minute),
            validation: at_least_one(config.validation_rate_limit_per_minute),
        };
        let clock = || Arc::clone(&core.world.clock);
        let limiter = Arc::new(Gcra::new(clock(), quotas));
        let presence = Local::new(clock());
        let Some(options) = redis(config, secrets.redis_url.as_ref())? else {
            return Ok(Self { limiter, presence: Arc::new(presence), redis: None });
        };
        let label = DependencyLabel { dependency: "redis" };
        let up = core.metrics.dependencies.get_or_create_owned(&label);
        let redis = Redis::connect(&options, up).await?;
        let of_all = || Arc::clone(&redis);
        let leased = Leased::new(of_all(), limiter, clock(), quotas);
        Ok(Self {
            limiter: Arc::new(leased.clone()),
            presence: Arc::new(presence::Shared::new(of_all(), presence)),
            redis: Some((redis, leased)),
        })
    }

    /// Looks after it until `ended`.
    pub fn watch(
        self,
        workers: &mut JoinSet<()>,
        metrics: Arc<Metrics>,
        ended: &CancellationToken,
    ) {
        workers.spawn(worker::presence::show(self.presence, metrics, ended.clone()));
        if let Some((redis, leased)) = self.redis {
            workers.spawn(redis.watch(ended.clone()));
            workers.spawn(leased.sweep(ended.clone()));
        }
    }
}

/// How to reach Redis, where it is configured.
///
/// # Errors
/// A sentence when its URL cannot be read.
pub fn redis(config: &Config, url: Option<&SecretString>) -> Result<Option<Options>, String> {
    let Some(url) = url else { return Ok(None) };
    let settings = &config.redis;
    let options = Options {
        url: url.clone(),
        prefix: settings.prefix.clone(),
        connections_max: settings.connections_max,
        timeout: settings.timeout,
        connect_timeout: settings.connect_timeout,
    };
    check(&options)?;
    Ok(Some(options))
}
