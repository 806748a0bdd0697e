//! Which adapter stands behind a port, by what is configured.

use std::{num::NonZeroU32, sync::Arc};

use crate::{
    adapter::memory::{bus::Broadcast, limiter::Gcra},
    config::Config,
    port::{bus::Bus, clock::Clock, limiter::Limiter},
};

/// Counts calls: in this process.
pub fn limiter(config: &Config, clock: Arc<dyn Clock>) -> Arc<dyn Limiter> {
    let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Arc::new(Gcra::new(
        clock,
        at_least_one(config.rate_limit_per_minute),
        at_least_one(config.sign_in_rate_limit_per_minute),
    ))
}

/// Carries events: within this process.
pub fn bus() -> Arc<dyn Bus> {
    Arc::new(Broadcast::default())
}
