//! What the server tells its operators: log lines, metrics, and the trace that a call belongs to.

pub mod access;
pub mod json;
pub mod metrics;
pub mod sink;
pub mod spans;
pub mod trace;

use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFilter, LogFormat};

/// Starts logging to standard output. Lines are written by a thread of their own; the guard writes the last ones.
///
/// # Errors
/// A sentence when the filter cannot be used, or logging has started before.
pub fn start_logging(format: LogFormat, filter: &LogFilter) -> Result<sink::Guard, String> {
    // What the NATS library sees is told by the adapter, once and with what to do; it tells each attempt at level info.
    let filter = format!("async_nats=off,{}", filter.as_str());
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("LOG_LEVEL: {error}"))?;
    let (sink, guard) = sink::start(std::io::stdout())
        .map_err(|error| format!("no thread to write the log: {error}"))?;
    let layer = match format {
        LogFormat::Json => json::Lines::new(sink).boxed(),
        LogFormat::Pretty => tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout()))
            .with_writer(sink)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|error| error.to_string())?;
    Ok(guard)
}
