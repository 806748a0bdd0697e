//! The command line: what `veza` can be told to do.

mod admin;
mod api_key;
mod events;
mod keys;
mod mail;
mod outbox;
mod schema;
mod serve;
mod user;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use time::format_description::well_known::Rfc3339;

use crate::{
    adapter::{sql, system::SystemClock},
    app::{self, Core},
    config::{self, Config, Secrets},
    contract, domain,
    domain::{
        Timestamp,
        caller::{Caller, Origin, Transport},
    },
    edge::{cors, openapi, probe, tls},
    policy::method::Methods,
};

const AFTER_HELP: &str = "\
Secrets are never flags. They are read from the environment or from `.env`:
  DATABASE_URL  sqlite:FILE, or postgres://USER:PASSWORD@HOST/NAME [default: sqlite:veza.db]
  JWT_SECRET    at least 32 bytes, from which every key is derived; the same on every replica.
                With SQLite one is made at the first start and kept beside the database.
  REDIS_URL     redis://USER:PASSWORD@HOST, through which replicas share budgets [default: each
                counts by itself]
  NATS_URL      nats://USER:PASSWORD@HOST, where events are published [default: nowhere]
  SMTP_URL      smtp://USER:PASSWORD@HOST, through which mails are sent [default: to the log]

A first session:
  veza                                         serve on http://127.0.0.1:8080
  veza admin create --username ann --email ann@example.com
  curl http://127.0.0.1:8080/health            ask whether it is there
  grpcurl -plaintext 127.0.0.1:8080 list       see what it serves over gRPC
Then open http://127.0.0.1:8080/docs in a browser to try the API.";

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
    Admin(admin::Admin),
    /// Say what somebody may do
    #[command(subcommand)]
    User(user::User),
    /// Look after the keys with which programs act for an account
    #[command(subcommand)]
    ApiKey(api_key::ApiKeys),
    /// Look after the keys that sign access tokens
    #[command(subcommand)]
    Keys(keys::Keys),
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
    /// See which mails were written, and whether they can be sent
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Print the OpenAPI document
    Openapi,
    /// Print the effective configuration, secrets hidden, and say whether a server would start with it
    Config,
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
            None => return on_runtime(serve::serve(config, &self.unknown)),
            Some(Command::Migrate) => on_runtime(schema::migrate(&config)),
            Some(Command::Admin(command)) => on_runtime(admin::run(&config, command)),
            Some(Command::User(user)) => {
                on_runtime(user::change(&config, user)).and_then(|done| print(&(done + "\n")))
            }
            Some(Command::ApiKey(command)) => on_runtime(api_key::run(&config, command)),
            Some(Command::Keys(command)) => on_runtime(keys::run(&config, command)),
            Some(Command::Health { ready }) => {
                on_runtime(probe::ask(&config, ready)).and_then(|answer| print(&(answer + "\n")))
            }
            Some(Command::Outbox(command)) => on_runtime(outbox::run(&config, command)),
            Some(Command::Events(command)) => on_runtime(events::run(&config, command)),
            Some(Command::Mail(command)) => on_runtime(mail::run(&config, command)),
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
    let smtp = app::smtp(config, config::smtp_url().as_ref())?;
    app::check_verification(config, &config::database_url(), smtp.is_some())?;
    app::providers(config)?;
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

/// The use cases on a database whose schema is what they expect: what a command of one shot needs.
async fn use_cases(config: &Config) -> Result<Core, String> {
    check_database(config)?;
    let secrets = config.secrets().map_err(|error| error.to_string())?;
    schema::prepare(config, &secrets).await?;
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

/// A time for people and programs, to the second.
fn show_time(time: Timestamp) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}

fn print(text: &str) -> Result<(), String> {
    io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}
