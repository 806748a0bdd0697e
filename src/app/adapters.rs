//! Which adapter stands behind a port, by what is configured.

use std::sync::Arc;

use secrecy::SecretString;

use crate::{
    adapter::{
        memory::bus::Broadcast,
        nats::{self, JetStream},
    },
    config::{Config, Secrets},
    domain,
    port::bus::Bus,
};

/// Carries events: to NATS where it is configured, within this process otherwise.
///
/// # Errors
/// A sentence when NATS cannot be used, and waiting would not help.
pub async fn bus(config: &Config, secrets: &Secrets) -> Result<Arc<dyn Bus>, String> {
    match nats(config, secrets.nats_url.as_ref())? {
        None => Ok(Arc::new(Broadcast::default())),
        Some(options) => {
            let bus = JetStream::connect(&options).await;
            bus.map(|bus| Arc::new(bus) as _).map_err(explain)
        }
    }
}

/// How to reach NATS, where it is configured.
///
/// # Errors
/// A sentence when a setting cannot be read, or a file that it names.
pub fn nats(config: &Config, url: Option<&SecretString>) -> Result<Option<nats::Options>, String> {
    let Some(url) = url else { return Ok(None) };
    let settings = &config.nats;
    let identity = settings.identity().map_err(|error| error.to_string())?;
    let options = nats::Options {
        url: url.clone(),
        credentials: settings.credentials.0.clone(),
        authority: settings.authority.0.clone(),
        identity: identity.map(|(certificate, key)| (certificate.to_owned(), key.to_owned())),
        stream: nats::StreamOptions {
            name: settings.stream.clone(),
            replicas: settings.replicas,
            age_max: settings.age_max,
            duplicate_window: settings.duplicate_window,
        },
    };
    nats::check(&options).map_err(explain)?;
    Ok(Some(options))
}

/// The sentence for people that an adapter has put into an error.
#[expect(clippy::needless_pass_by_value, reason = "it maps the error of a result")]
fn explain(error: domain::Error) -> String {
    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
}
