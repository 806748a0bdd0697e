//! The command line: what `veza` can be told to do.

mod events;
mod outbox;
mod user;

use std::{
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};
use tokio_util::sync::CancellationToken;

use crate::{
    adapter::{sql, sql::SchemaState, system::SystemClock},
    app::{self, App, Core},
    config::{self, Config, LogFormat, Secrets},
    contract, domain,
    domain::{
        caller::{Caller, Origin, Transport},
        text::{Email, Password, Text, Username},
    },
    edge::{cors, openapi, probe, tls},
    policy::method::Methods,
    service::auth::Registration,
    telemetry,
};

const AFTER_HELP: &str = "\
Secrets are never flags. They are read from the environment or from `.env`:
  DATABASE_URL  sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME [default: sqlite:veza.db]
  JWT_SECRET    at least 32 bytes, from which every key is derived; the same on every replica.
                With SQLite one is made at the first start and kept beside the database.

A first session:
  veza                                         serve on http://127.0.0.1:8080
  veza admin create --username ann --email ann@example.com
  curl http://127.0.0.1:8080/health            ask whether it is there
  grpcurl -plaintext 127.0.0.1:8080 list       see what it serves over gRPC
Then open http://127.0.0.1:8080/docs in a browser to try the API.";

/// How often a schema that is waited for is looked at.
const LOOK_AT_SCHEMA_EVERY: Duration = Duration::from_secs(1);

/// A self-hosted backend: gRPC, gRPC-web and REST on one port
#[derive(Debug, Parser)]
#[command(name = "veza", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct CommandLine {
    /// What to do; serve when not given.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
    /// What `.env` sets and nobody reads.
    #[arg(skip)]
    unknown: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database schema up to date, then stop
    Migrate,
    /// Look after administrators
    #[command(subcommand)]
    Admin(Admin),
    /// Say what somebody may do
    #[command(subcommand)]
    User(user::User),
    /// Ask the server of this configuration whether it is alive; fails when it is not
    Health {
        /// Ask whether calls should be sent to it, too
        #[arg(long)]
        ready: bool,
    },
    /// Look after the events that wait to be published
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// See what happens
    #[command(subcommand)]
    Events(events::Events),
    /// Print the OpenAPI document
    Openapi,
    /// Print the effective configuration, secrets hidden, and say whether a server would start with it
    Config,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an administrator; the password is asked for, or read from standard input
    Create {
        /// The name to sign in with
        #[arg(long)]
        username: String,
        /// The e-mail address to sign in with
        #[arg(long)]
        email: String,
        /// Read the password from standard input even at a terminal
        #[arg(long)]
        password_stdin: bool,
    },
}

impl CommandLine {
    /// Reads the arguments and the environment, in which `.env` has set `names`. Whoever asks for help, or has a setting
    /// that cannot be read, is answered here, and the process ends.
    #[must_use]
    pub fn read(names: Vec<String>) -> Self {
        let unknown = config::unknown_settings(&Self::command(), names);
        let mut command = config::forget_empty(Self::command());
        let read = command.try_get_matches_from_mut(std::env::args_os());
        match read.and_then(|matches| Self::from_arg_matches(&matches)) {
            Ok(line) => Self { unknown, ..line },
            Err(error) => name_setting(&mut command, error).exit(),
        }
    }

    /// Does what it says.
    ///
    /// # Errors
    /// A sentence for the person at the terminal.
    pub fn run(self) -> Result<ExitCode, String> {
        let config = self.config;
        let done = match self.command {
            None => return on_runtime(serve(config, &self.unknown)),
            Some(Command::Migrate) => on_runtime(migrate(&config)),
            Some(Command::Admin(Admin::Create { username, email, password_stdin })) => {
                on_runtime(create_administrator(&config, username, email, password_stdin))
            }
            Some(Command::User(user)) => {
                on_runtime(user::change(&config, user)).and_then(|done| print(&(done + "\n")))
            }
            Some(Command::Health { ready }) => {
                on_runtime(probe::ask(&config, ready)).and_then(|answer| print(&(answer + "\n")))
            }
            Some(Command::Outbox(command)) => on_runtime(outbox::run(&config, command)),
            Some(Command::Events(command)) => on_runtime(events::run(&config, command)),
            Some(Command::Openapi) => {
                let methods = Methods::read(&contract::POOL, &[])?;
                print(&format!("{:#}\n", openapi::document(&methods, &config)))
            }
            Some(Command::Config) => show(&config, &self.unknown),
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}

/// An error of a value under the name that the setting has in the environment, beside that of its flag.
fn name_setting(command: &mut clap::Command, error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return error;
    };
    let flag = flag.split(' ').next().unwrap_or_default();
    let setting = command.get_arguments().find(|arg| arg.get_long() == flag.strip_prefix("--"));
    let Some(setting) = setting.and_then(clap::Arg::get_env) else { return error };
    let setting = setting.to_string_lossy().into_owned();
    let allowed = match (std::error::Error::source(&error), error.get(ContextKind::ValidValue)) {
        (Some(why), _) => why.to_string(),
        (None, Some(choices)) => format!("write one of {choices}"),
        (None, None) => return error,
    };
    let message = format!("{setting} (or {flag}) cannot be `{value}`: {allowed}");
    command.error(error.kind(), message)
}

/// Prints the configuration, and says whether a server would start with it.
fn show(config: &Config, unknown: &[String]) -> Result<(), String> {
    print(&config.to_string())?;
    unknown.iter().try_for_each(|name| {
        writeln!(io::stderr(), "veza: .env sets {name}, which is no setting")
            .map_err(|error| error.to_string())
    })?;
    check(config)
}

/// What would keep a server from starting, as far as that shows without opening or making anything.
fn check(config: &Config) -> Result<(), String> {
    check_database(config)?;
    config.check_secrets().map_err(|error| error.to_string())?;
    app::redis(config, config::redis_url().as_ref())?;
    app::nats(config, config::nats_url().as_ref())?;
    if let Some((cert, key)) = config.tls().map_err(|error| error.to_string())? {
        tls::acceptor(cert, key)?;
    }
    cors::layer(&config.cors_origins.0).map(drop)
}

fn check_database(config: &Config) -> Result<(), String> {
    sql::check(&app::database(config, &Secrets::of_database())).map_err(explain)
}

fn on_runtime<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(work)
}

async fn serve(config: Config, unknown: &[String]) -> Result<ExitCode, String> {
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
    prepare_schema(&config, &secrets).await?;
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
    app.run(stop).await?;
    tracing::info!(event = "stopped", "stopped");
    Ok(())
}

/// An embedded database is brought up to date; any other must be already, because replicas of two versions may run side
/// by side.
async fn prepare_schema(config: &Config, secrets: &Secrets) -> Result<(), String> {
    let options = app::database(config, secrets);
    if Config::is_embedded(&secrets.database_url) {
        return sql::migrate(&options).await.map(drop).map_err(explain);
    }
    let deadline = Instant::now() + config.database.wait_for_migrations;
    let mut state = sql::pending_migrations(&options).await.map_err(explain)?;
    if let SchemaState::Older { pending } = &state
        && Instant::now() < deadline
    {
        let lacks = pending.join(", ");
        tracing::info!(lacks, event = "waiting_for_migrations", "waiting for `veza migrate`");
        while matches!(state, SchemaState::Older { .. }) && Instant::now() < deadline {
            time::sleep(LOOK_AT_SCHEMA_EVERY).await;
            state = sql::pending_migrations(&options).await.map_err(explain)?;
        }
    }
    match state {
        SchemaState::Current => Ok(()),
        SchemaState::Older { pending } => Err(format!(
            "the database lacks {}; run `veza migrate`, then start again",
            pending.join(", ")
        )),
        SchemaState::Newer { unknown } => Err(format!(
            "the database was migrated by a newer version ({unknown:?}); start that version"
        )),
        SchemaState::Altered { changed } => Err(format!(
            "the database was migrated with other texts of {}; start the version that did it",
            changed.join(", ")
        )),
    }
}

async fn migrate(config: &Config) -> Result<(), String> {
    let secrets = Secrets::of_database();
    let report = sql::migrate(&app::database(config, &secrets)).await.map_err(explain)?;
    if report.applied.is_empty() {
        return print("nothing to do: the schema is up to date\n");
    }
    report.applied.iter().try_for_each(|name| print(&format!("applied {name}\n")))
}

async fn create_administrator(
    config: &Config,
    username: String,
    email: String,
    password_stdin: bool,
) -> Result<(), String> {
    let username = Username::parse("username", username).map_err(explain)?;
    let email = Email::parse("email", email).map_err(explain)?;
    let password = read_password(password_stdin).map_err(|error| error.to_string())?;
    let length_min = config.password_length_min.into();
    let password = Password::choose("password", password, length_min).map_err(explain)?;

    let core = use_cases(config).await?;
    let registration = Registration { email, username, password, display_name: Text::default() };
    let user = core.auth.create_administrator(&operator(), registration).await.map_err(explain)?;
    core.world.store.close().await;
    print(&format!("made the administrator {} with the id {}\n", &*user.username, user.id))
}

/// The use cases on a database whose schema is what they expect: what a command of one shot needs.
async fn use_cases(config: &Config) -> Result<Core, String> {
    check_database(config)?;
    let secrets = config.secrets().map_err(|error| error.to_string())?;
    prepare_schema(config, &secrets).await?;
    connect(config, &secrets).await
}

async fn connect(config: &Config, secrets: &Secrets) -> Result<Core, String> {
    let machine = Arc::new(SystemClock::default());
    let clock = sql::clock(&app::database(config, secrets), machine).await.map_err(explain)?;
    Core::connect(config, secrets, clock).await.map_err(explain)
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

fn read_password(from_stdin: bool) -> io::Result<String> {
    if from_stdin || !io::stdin().is_terminal() {
        let mut text = String::new();
        io::stdin().take(4096).read_to_string(&mut text)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Again: ")? == password {
        return Ok(password);
    }
    Err(io::Error::other("the two passwords differ"))
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

/// A failure with what is behind it, for whoever runs the server.
#[expect(clippy::needless_pass_by_value, reason = "it maps the error of a result")]
fn explain(error: domain::Error) -> String {
    if let domain::Error::InvalidFields(violations) = &error {
        let broken = violations.iter().map(|one| format!("{}: {}", one.field, one.description));
        return broken.collect::<Vec<_>>().join("; ");
    }
    match std::error::Error::source(&error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

fn print(text: &str) -> Result<(), String> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}
