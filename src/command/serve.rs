//! `veza` without a command: the server, from its configuration to its end.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{check, connect, explain, schema};
use crate::{
    adapter::sql,
    app::{self, App},
    config::{Config, LogFormat},
    telemetry,
};

/// Serves until it is told to stop.
pub async fn serve(config: Config, unknown: &[String]) -> Result<ExitCode, String> {
    let terminal = io::stdout().is_terminal();
    let format =
        config.log_format.0.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json });
    let _guard = telemetry::start_logging(format, &config.log_level)?;
    for name in unknown {
        tracing::warn!(name, event = "unknown_setting", ".env sets what is no setting");
    }
    match start(config).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Who reads the log reads it there; who reads a terminal wants the sentence alone.
        Err(why) if format == LogFormat::Json && tracing::event_enabled!(tracing::Level::ERROR) => {
            tracing::error!(fatal = true, error = why, event = "fatal", "the server cannot go on");
            Ok(ExitCode::FAILURE)
        }
        Err(why) => Err(why),
    }
}

async fn start(config: Config) -> Result<(), String> {
    check(&config)?;
    let secrets = config.secrets().map_err(|error| error.to_string())?;
    let stop = stop_on_signal()?;
    let _claim = sql::claim(&app::database(&config, &secrets)).await.map_err(explain)?;
    schema::prepare(&config, &secrets).await?;
    let config = Arc::new(config);
    let core = connect(&config, &secrets).await?;
    core.keyring.refresh().await.map_err(explain)?;
    let has_administrator = core.auth.has_administrator().await.map_err(explain)?;
    let app = App::build(Arc::clone(&config), &secrets, core).await?;
    let address = app.address().map_err(|error| error.to_string())?;
    let scheme = if config.tls_cert.0.is_some() { "https" } else { "http" };
    tracing::info!(
        address = %address,
        docs = format!("{scheme}://{address}/docs"),
        event = "listening",
        "serving gRPC, gRPC-web and REST"
    );
    if !has_administrator {
        tracing::info!(
            command = "veza admin create --username NAME --email ADDRESS",
            event = "no_administrator",
            "there is no administrator yet; make one with this command"
        );
    }
    if secrets.smtp_url.is_none() && !config.is_local() {
        tracing::warn!(
            event = "no_mail_server",
            "nobody gets mails, so nobody hears of what happens to their account; set SMTP_URL"
        );
    }
    app.run(stop).await?;
    tracing::info!(event = "stopped", "stopped");
    Ok(())
}

/// Ctrl-C and SIGTERM stop gracefully; a second one at once.
fn stop_on_signal() -> Result<CancellationToken, String> {
    let stop = CancellationToken::new();
    let listen = |kind| signal(kind).map_err(|error| error.to_string());
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let asked = stop.clone();
    tokio_util::task::TaskTracker::new().spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if asked.is_cancelled() {
                std::process::exit(130);
            }
            tracing::info!(event = "stopping", "finishing the calls in progress");
            asked.cancel();
        }
    });
    Ok(stop)
}
