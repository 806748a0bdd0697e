//! What replicas share: in Redis where it is configured, and in each process otherwise.

use std::{num::NonZeroU32, sync::Arc};

use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use crate::{
    adapter::memory::limiter::Gcra,
    adapter::redis::{Options, Redis, check, limiter::Leased},
    config::{Config, Secrets},
    port::limiter::Limiter,
    telemetry::metrics::DependencyLabel,
};

/// What replicas share where Redis is configured, and each has for itself otherwise.
pub enum Shared {
    /// In this process.
    Alone(Arc<Gcra>),
    /// In Redis.
    Redis(Arc<Redis>, Leased),
}

impl Shared {
    /// Connects to Redis, where it is configured.
    ///
    /// # Errors
    /// A sentence when Redis cannot be used, and waiting would not help.
    pub async fn connect(config: &Config, secrets: &Secrets, core: &Core) -> Result<Self, String> {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let per_minute = at_least_one(config.rate_limit_per_minute);
        let sign_in_per_minute = at_least_one(config.sign_in_rate_limit_per_minute);
        let clock = &core.world.clock;
        let alone = Arc::new(Gcra::new(Arc::clone(clock), per_minute, sign_in_per_minute));
        let Some(options) = redis(config, secrets.redis_url.as_ref())? else {
            return Ok(Self::Alone(alone));
        };
        let label = DependencyLabel { dependency: "redis" };
        let up = core.metrics.dependencies.get_or_create_owned(&label);
        let redis = Redis::connect(&options, up).await?;
        let (of_all, clock) = (Arc::clone(&redis), Arc::clone(clock));
        let leased = Leased::new(of_all, alone, clock, per_minute, sign_in_per_minute);
        Ok(Self::Redis(redis, leased))
    }

    /// Counts calls.
    pub fn limiter(&self) -> Arc<dyn Limiter> {
        match self {
            Self::Alone(limiter) => Arc::clone(limiter) as _,
            Self::Redis(_, limiter) => Arc::new(limiter.clone()),
        }
    }

    /// Looks after it until `ended`.
    pub fn watch(self, workers: &mut JoinSet<()>, ended: &CancellationToken) {
        if let Self::Redis(redis, limiter) = self {
            workers.spawn(redis.watch(ended.clone()));
            workers.spawn(limiter.sweep(ended.clone()));
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
