//! The configuration: one struct, and the only reader of the environment.

mod database;
mod mail;
mod name;
mod nats;
mod oauth;
mod redis;
mod secret;
mod value;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

pub use self::redis::Redis;
pub use database::{Database, Pooler};
pub use mail::{EmailVerification, Mail};
pub use name::{forget_empty, unknown_settings};
pub use nats::Nats;
pub use oauth::{Dialect, OAuth, Provider};
use secret::{SECRET_BYTES_MIN, embedded_path, environment};
pub use secret::{
    Secrets, database_listen_url, database_url, load_dotenv, nats_url, redis_url, smtp_url,
};
pub use value::{List, LogFilter, LogFormat, Network, Setting, Synchronous, duration};
use value::{address, choice, collector, list, optional, positive_duration, ratio, show, whole};

/// The name of a setting and the value that is in force, as `veza config` prints them.
type Line = (&'static str, String);

/// What the server is set to. Every setting is a flag, an environment variable, or a line in `.env`; secrets are never
/// flags, because command lines are visible to every user of the machine.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where to listen: gRPC, gRPC-web and REST share the port
    #[arg(long, env, global = true, default_value = "127.0.0.1:8080", value_name = "HOST:PORT", value_parser = address)]
    pub listen_addr: SocketAddr,

    /// Serve /metrics and the details of /ready here instead of on the main port
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "HOST:PORT",
        value_parser = optional(address)
    )]
    pub ops_listen: Setting<SocketAddr>,

    /// The certificate chain in PEM; with it and --tls-key the port speaks TLS
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub tls_cert: Setting<PathBuf>,

    /// The private key in PEM
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub tls_key: Setting<PathBuf>,

    /// The database.
    #[command(flatten)]
    pub database: Database,

    /// Redis.
    #[command(flatten)]
    pub redis: Redis,

    /// NATS.
    #[command(flatten)]
    pub nats: Nats,

    /// Mails.
    #[command(flatten)]
    pub mail: Mail,

    /// Signing in through providers.
    #[command(flatten)]
    pub oauth: OAuth,

    /// A file that holds `JWT_SECRET`, for secrets that are mounted as files
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub jwt_secret_file: Setting<PathBuf>,

    /// The issuer (`iss`) of access tokens; the address of the server, where others should find the keys by it
    #[arg(long, env, global = true, default_value = "veza", value_name = "NAME")]
    pub token_issuer: String,

    /// The audience (`aud`) of access tokens
    #[arg(long, env, global = true, default_value = "veza", value_name = "NAME")]
    pub token_audience: String,

    /// How long a refresh token that was just used answers the same successor again; 0s is strict
    #[arg(long, env, global = true, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub refresh_grace: Duration,

    /// How often the key that signs access tokens is replaced
    #[arg(long, env, global = true, default_value = "30d", value_name = "DURATION", value_parser = positive_duration)]
    pub signing_key_lifetime: Duration,

    /// How many sessions a user has at most; of more, those end that were not refreshed for the longest time
    #[arg(long, env, global = true, default_value_t = 50, value_name = "N",
          value_parser = whole(1..=1000_u16))]
    pub sessions_per_user_max: u16,

    /// The fewest characters of a new password
    #[arg(long, env, global = true, default_value_t = 15, value_name = "N",
          value_parser = whole(8..=64_u16))]
    pub password_length_min: u16,

    /// The fewest characters of a new password of an account with a second factor; not more than without one
    #[arg(long, env, global = true, default_value_t = 8, value_name = "N",
          value_parser = whole(8..=64_u16))]
    pub password_length_min_with_second_factor: u16,

    /// How many calls a user may make in a minute, and an address without credentials
    #[arg(long, env, global = true, default_value_t = 1000, value_name = "N",
          value_parser = whole(1..=u32::MAX))]
    pub rate_limit_per_minute: u32,

    /// How many times in a minute an address may sign in or up
    #[arg(long, env, global = true, default_value_t = 20, value_name = "N",
          value_parser = whole(1..=u32::MAX))]
    pub sign_in_rate_limit_per_minute: u32,

    /// How many tokens of others a service may ask about in a minute
    #[arg(long, env, global = true, default_value_t = 1_000_000, value_name = "N",
          value_parser = whole(1..=u32::MAX))]
    pub validation_rate_limit_per_minute: u32,

    /// How long a try to sign in waits at most after others that failed at the same account
    #[arg(long, env, global = true, default_value = "30m", value_name = "DURATION", value_parser = positive_duration)]
    pub sign_in_delay_max: Duration,

    /// How many times in an hour an address may fail to sign in, whatever the accounts
    #[arg(long, env, global = true, default_value_t = 100, value_name = "N",
          value_parser = whole(1..=u32::MAX))]
    pub sign_in_failures_per_hour: u32,

    /// Networks or addresses whose X-Forwarded-For is believed, separated by commas
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "CIDR,..."
    )]
    pub trusted_proxies: List<Network>,

    /// Origins whose pages may call the server from a browser, separated by commas
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "ORIGIN,..."
    )]
    pub cors_origins: List<String>,

    /// The most connections at once
    #[arg(long, env, global = true, default_value_t = 10_000, value_name = "N",
          value_parser = whole(1..=1_000_000_u32))]
    pub connections_max: u32,

    /// The most connections of one address at once, unless it is a trusted proxy
    #[arg(long, env, global = true, default_value_t = 2_000, value_name = "N",
          value_parser = whole(1..=1_000_000_u32))]
    pub connections_per_address_max: u32,

    /// The most calls in progress at once; more are answered UNAVAILABLE at once
    #[arg(long, env, global = true, default_value_t = 2_000, value_name = "N",
          value_parser = whole(1..=1_000_000_u32))]
    pub calls_in_flight_max: u32,

    /// The most streams open at once, as of health and reflection; more are answered UNAVAILABLE at once
    #[arg(long, env, global = true, default_value_t = 5_000, value_name = "N",
          value_parser = whole(1..=1_000_000_u32))]
    pub streams_max: u32,

    /// The time a call has; a client may ask for less
    #[arg(long, env, global = true, default_value = "5s", value_name = "DURATION", value_parser = positive_duration)]
    pub call_timeout: Duration,

    /// How long to keep serving after SIGTERM, so that load balancers notice that /ready says no
    #[arg(long, env, global = true, default_value = "0s", value_name = "DURATION", value_parser = duration)]
    pub drain_delay: Duration,

    /// Whether gRPC reflection is served
    #[arg(long, env, global = true, default_value_t = true, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub reflection: bool,

    /// Where to send spans of calls, by OTLP over gRPC, as `http://127.0.0.1:4317`; nowhere when not set
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "URL",
        value_parser = optional(collector)
    )]
    pub otel_exporter_otlp_endpoint: Setting<String>,

    /// The share of traces that are recorded, 0 to 1, unless the caller has decided; our failures always are
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", global = true, default_value_t = 0.01, value_name = "RATIO", value_parser = ratio)]
    pub trace_sample_ratio: f64,

    /// How log lines look: for machines or for people [default: pretty on a terminal, json otherwise]
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "json|pretty"
    )]
    pub log_format: Setting<LogFormat>,

    /// What is logged: off, error, warn, info, debug or trace, or one for each target, as info,veza=debug
    #[arg(long, env, global = true, default_value = "info", value_name = "FILTER")]
    pub log_level: LogFilter,
}

/// Why the configuration cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No secret where one is needed.
    #[error(
        "JWT_SECRET is not set. With an external database every replica must have the same secret, so none is made \
         up: set JWT_SECRET or JWT_SECRET_FILE, for example to the output of `openssl rand -base64 48`"
    )]
    SecretMissing,
    /// A secret that can be guessed.
    #[error(
        "{from} has {bytes} bytes, and needs at least {SECRET_BYTES_MIN}: make one with `openssl rand -base64 48`"
    )]
    SecretShort {
        /// Where it was found: a setting or a file.
        from: String,
        /// How long it is.
        bytes: usize,
    },
    /// A file that cannot be used.
    #[error("{setting}: the file {path} cannot be {used}: {source}", path = path.display())]
    File {
        /// The setting that it follows from.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What was tried, as `read`.
        used: &'static str,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Half of a pair.
    #[error("set both {0} and {1}, or neither")]
    Half(&'static str, &'static str),
}

impl Config {
    /// The certificate and its key, when TLS is served.
    ///
    /// # Errors
    /// [`Error::Half`].
    pub fn tls(&self) -> Result<Option<(&Path, &Path)>, Error> {
        pair(("TLS_CERT", &self.tls_cert), ("TLS_KEY", &self.tls_key))
    }

    /// Whether this process is the only one that uses the database: true for an embedded one.
    #[must_use]
    pub fn is_embedded(database_url: &SecretString) -> bool {
        embedded_path(database_url.expose_secret()).is_some()
    }

    /// Whether `peer` is a proxy that may say on whose behalf it calls.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.0.iter().any(|network| network.0.contains(&peer))
    }
}

/// The files of two settings that need each other.
fn pair<'a>(
    (one, first): (&'static str, &'a Setting<PathBuf>),
    (other, second): (&'static str, &'a Setting<PathBuf>),
) -> Result<Option<(&'a Path, &'a Path)>, Error> {
    match (&first.0, &second.0) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        _ => Err(Error::Half(one, other)),
    }
}

impl fmt::Display for Config {
    /// The effective configuration as lines of `NAME=value`, secrets hidden: what `veza config` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn path(path: &Setting<PathBuf>) -> String {
            path.0.as_ref().map_or_else(String::new, |path| path.display().to_string())
        }
        let secret = if environment("JWT_SECRET").is_some() { "<hidden>" } else { "" };
        let network: [Line; 4] = [
            ("LISTEN_ADDR", self.listen_addr.to_string()),
            ("OPS_LISTEN", self.ops_listen.0.map_or_else(String::new, |addr| addr.to_string())),
            ("TLS_CERT", path(&self.tls_cert)),
            ("TLS_KEY", path(&self.tls_key)),
        ];
        let rest: [Line; 27] = [
            ("JWT_SECRET", secret.to_owned()),
            ("JWT_SECRET_FILE", path(&self.jwt_secret_file)),
            ("TOKEN_ISSUER", self.token_issuer.clone()),
            ("TOKEN_AUDIENCE", self.token_audience.clone()),
            ("REFRESH_GRACE", show(self.refresh_grace)),
            ("SIGNING_KEY_LIFETIME", show(self.signing_key_lifetime)),
            ("SESSIONS_PER_USER_MAX", self.sessions_per_user_max.to_string()),
            ("PASSWORD_LENGTH_MIN", self.password_length_min.to_string()),
            (
                "PASSWORD_LENGTH_MIN_WITH_SECOND_FACTOR",
                self.password_length_min_with_second_factor.to_string(),
            ),
            ("RATE_LIMIT_PER_MINUTE", self.rate_limit_per_minute.to_string()),
            ("SIGN_IN_RATE_LIMIT_PER_MINUTE", self.sign_in_rate_limit_per_minute.to_string()),
            ("VALIDATION_RATE_LIMIT_PER_MINUTE", self.validation_rate_limit_per_minute.to_string()),
            ("SIGN_IN_DELAY_MAX", show(self.sign_in_delay_max)),
            ("SIGN_IN_FAILURES_PER_HOUR", self.sign_in_failures_per_hour.to_string()),
            ("TRUSTED_PROXIES", list(&self.trusted_proxies.0)),
            ("CORS_ORIGINS", list(&self.cors_origins.0)),
            ("CONNECTIONS_MAX", self.connections_max.to_string()),
            ("CONNECTIONS_PER_ADDRESS_MAX", self.connections_per_address_max.to_string()),
            ("STREAMS_MAX", self.streams_max.to_string()),
            ("CALLS_IN_FLIGHT_MAX", self.calls_in_flight_max.to_string()),
            ("CALL_TIMEOUT", show(self.call_timeout)),
            ("DRAIN_DELAY", show(self.drain_delay)),
            ("REFLECTION", self.reflection.to_string()),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                self.otel_exporter_otlp_endpoint.0.clone().unwrap_or_default(),
            ),
            ("OTEL_TRACES_SAMPLER_ARG", self.trace_sample_ratio.to_string()),
            ("LOG_FORMAT", choice(self.log_format.0.as_ref())),
            ("LOG_LEVEL", self.log_level.as_str().to_owned()),
        ];
        let storage = self.database.lines(self.call_timeout).into_iter().chain(self.redis.lines());
        let storage = storage.chain(self.nats.lines()).chain(self.mail.lines());
        let lines = network.into_iter().chain(storage).chain(rest).chain(self.oauth.lines());
        lines.into_iter().try_for_each(|(name, value)| writeln!(f, "{name}={value}"))
    }
}
