//! The configuration: one struct, and the only reader of the environment.
//!
//! Long because a setting is declared, explained, read and shown in one place, so that none is forgotten in another.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

/// The fewest bytes of `JWT_SECRET`: 256 bits (NIST SP 800-107 asks for at least 112).
const SECRET_BYTES_MIN: usize = 32;

/// What the server is set to. Every setting is a flag, an environment variable, or a line in `.env`; secrets are never
/// flags, because command lines are visible to every user of the machine.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where to listen: gRPC, gRPC-web and REST share the port
    #[arg(long, env, global = true, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    pub listen_addr: SocketAddr,

    /// Serve /metrics and the details of /ready here instead of on the main port
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "HOST:PORT"
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

    /// The most connections of the database pool
    #[arg(long, env, global = true, default_value_t = 16, value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub database_connections_max: u32,

    /// How long a call waits for a database connection
    #[arg(long, env, global = true, default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub database_acquire_timeout: Duration,

    /// How hard SQLite makes sure of a commit: full survives a power cut, normal a crash of the process
    #[arg(long, env, global = true, default_value = "full", value_name = "LEVEL")]
    pub sqlite_synchronous: Synchronous,

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

    /// The issuer (`iss`) of access tokens
    #[arg(long, env, global = true, default_value = "veza", value_name = "NAME")]
    pub token_issuer: String,

    /// The audience (`aud`) of access tokens
    #[arg(long, env, global = true, default_value = "veza", value_name = "NAME")]
    pub token_audience: String,

    /// How long a refresh token that was just used answers the same successor again; 0s is strict
    #[arg(long, env, global = true, default_value = "10s", value_name = "DURATION", value_parser = duration)]
    pub refresh_grace: Duration,

    /// How often the key that signs access tokens is replaced
    #[arg(long, env, global = true, default_value = "30d", value_name = "DURATION", value_parser = duration)]
    pub signing_key_lifetime: Duration,

    /// The fewest characters of a new password
    #[arg(long, env, global = true, default_value_t = 15, value_name = "N",
          value_parser = clap::value_parser!(u16).range(8..=64))]
    pub password_length_min: u16,

    /// How many calls a user may make in a minute, and an address without credentials
    #[arg(long, env, global = true, default_value_t = 1000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_limit_per_minute: u32,

    /// How many times in a minute an address may sign in or up
    #[arg(long, env, global = true, default_value_t = 20, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub sign_in_rate_limit_per_minute: u32,

    /// Networks whose X-Forwarded-For is believed, separated by commas
    #[arg(
        long,
        env,
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "CIDR,..."
    )]
    pub trusted_proxies: List<IpNet>,

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
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_max: u32,

    /// The most connections of one address at once, unless it is a trusted proxy
    #[arg(long, env, global = true, default_value_t = 2_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections_per_address_max: u32,

    /// The most calls in progress at once; more are answered UNAVAILABLE at once
    #[arg(long, env, global = true, default_value_t = 2_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub calls_in_flight_max: u32,

    /// The most streams open at once, as of health and reflection; more are answered UNAVAILABLE at once
    #[arg(long, env, global = true, default_value_t = 5_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub streams_max: u32,

    /// The time a call has; a client may ask for less
    #[arg(long, env, global = true, default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub call_timeout: Duration,

    /// How long to keep serving after SIGTERM, so that load balancers notice that /ready says no
    #[arg(long, env, global = true, default_value = "0s", value_name = "DURATION", value_parser = duration)]
    pub drain_delay: Duration,

    /// Whether gRPC reflection is served
    #[arg(long, env, global = true, default_value_t = true, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub reflection: bool,

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

    /// What is logged: a level, or a filter such as `info,veza=debug`
    #[arg(long, env, global = true, default_value = "info", value_name = "FILTER")]
    pub log_level: String,
}

/// A setting that may be left out, or be empty, which is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T>(pub Option<T>);

impl<T: FromStr> FromStr for Setting<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text.is_empty() { Ok(Self(None)) } else { text.parse().map(Some).map(Self) }
    }
}

/// Values separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        ValueEnum::from_str(text, false).map_err(|_| "write json or pretty".to_owned())
    }
}

/// SQLite's `synchronous` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// A commit survives a power cut.
    Full,
    /// A commit survives a crash of the process; the last ones may be lost in a power cut.
    Normal,
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
    #[error("JWT_SECRET has {0} bytes; it needs at least {SECRET_BYTES_MIN}")]
    SecretShort(usize),
    /// A file that cannot be used.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// Half of a pair.
    #[error("set both TLS_CERT and TLS_KEY, or neither")]
    TlsHalf,
    /// A setting that this version does not know how to honour.
    #[error("{0} is set, but this version keeps {1} in memory and would ignore it: unset it")]
    NotSupported(&'static str, &'static str),
}

/// The secrets, and the settings that may hold one.
#[derive(Clone)]
pub struct Secrets {
    /// `DATABASE_URL`.
    pub database_url: SecretString,
    /// `JWT_SECRET`, from which every key is derived.
    pub jwt_secret: SecretString,
}

impl Secrets {
    /// What a command needs that only talks to the database.
    #[must_use]
    pub fn of_database() -> Self {
        Self { database_url: database_url(), jwt_secret: SecretString::default() }
    }
}

/// Reads `.env` from this folder or one above it. What the environment has already wins.
///
/// # Errors
/// A sentence when the file is there but cannot be read.
pub fn load_dotenv() -> Result<(), String> {
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        // The error would quote the line, which may hold a secret.
        Err(dotenvy::Error::LineParse(_, at)) => Err(format!(
            ".env has a line that cannot be read, at its column {at}: write NAME=value"
        )),
        Err(error) => Err(format!(".env: {error}")),
    }
}

/// `DATABASE_URL`, or the embedded database.
#[must_use]
pub fn database_url() -> SecretString {
    environment("DATABASE_URL").unwrap_or_else(|| "sqlite:veza.db".to_owned()).into()
}

impl Config {
    /// Finds the secrets: in the environment, in files, or, for an embedded database, in a file beside it that is made at
    /// the first start and readable by its owner only.
    ///
    /// # Errors
    /// [`Error`], each with what to do.
    pub fn secrets(&self) -> Result<Secrets, Error> {
        for (name, what) in [("REDIS_URL", "limits and caches"), ("NATS_URL", "the event bus")] {
            if environment(name).is_some() {
                return Err(Error::NotSupported(name, what));
            }
        }
        let database_url = database_url();
        let jwt_secret = match (environment("JWT_SECRET"), &self.jwt_secret_file.0) {
            (Some(secret), _) => secret,
            (None, Some(path)) => read_secret(path)?,
            (None, None) => match embedded_path(database_url.expose_secret()) {
                Some(path) => embedded_secret(&path)?,
                None => return Err(Error::SecretMissing),
            },
        };
        if jwt_secret.len() < SECRET_BYTES_MIN {
            return Err(Error::SecretShort(jwt_secret.len()));
        }
        Ok(Secrets { database_url, jwt_secret: jwt_secret.into() })
    }

    /// The certificate and its key, when TLS is served.
    ///
    /// # Errors
    /// [`Error::TlsHalf`].
    pub fn tls(&self) -> Result<Option<(&Path, &Path)>, Error> {
        match (&self.tls_cert.0, &self.tls_key.0) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            _ => Err(Error::TlsHalf),
        }
    }

    /// Whether this process is the only one that uses the database: true for an embedded one.
    #[must_use]
    pub fn is_embedded(database_url: &SecretString) -> bool {
        embedded_path(database_url.expose_secret()).is_some()
    }

    /// Whether `peer` is a proxy that may say on whose behalf it calls.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.0.iter().any(|network| network.contains(&peer))
    }
}

impl fmt::Display for Config {
    /// The effective configuration as lines of `NAME=value`, secrets hidden: what `veza config` prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: ToString>(items: &[T]) -> String {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        }
        fn path(path: &Setting<PathBuf>) -> String {
            path.0.as_ref().map_or_else(String::new, |path| path.display().to_string())
        }
        fn choice<T: ValueEnum>(value: Option<&T>) -> String {
            value
                .and_then(ValueEnum::to_possible_value)
                .map_or_else(String::new, |value| value.get_name().to_owned())
        }
        let secret = if environment("JWT_SECRET").is_some() { "<hidden>" } else { "" };
        let lines: [(&str, String); 28] = [
            ("LISTEN_ADDR", self.listen_addr.to_string()),
            ("OPS_LISTEN", self.ops_listen.0.map_or_else(String::new, |addr| addr.to_string())),
            ("TLS_CERT", path(&self.tls_cert)),
            ("TLS_KEY", path(&self.tls_key)),
            ("DATABASE_URL", without_password(database_url().expose_secret())),
            ("DATABASE_CONNECTIONS_MAX", self.database_connections_max.to_string()),
            ("DATABASE_ACQUIRE_TIMEOUT", format!("{:?}", self.database_acquire_timeout)),
            ("SQLITE_SYNCHRONOUS", choice(Some(&self.sqlite_synchronous))),
            ("JWT_SECRET", secret.to_owned()),
            ("JWT_SECRET_FILE", path(&self.jwt_secret_file)),
            ("TOKEN_ISSUER", self.token_issuer.clone()),
            ("TOKEN_AUDIENCE", self.token_audience.clone()),
            ("REFRESH_GRACE", format!("{:?}", self.refresh_grace)),
            ("SIGNING_KEY_LIFETIME", format!("{:?}", self.signing_key_lifetime)),
            ("PASSWORD_LENGTH_MIN", self.password_length_min.to_string()),
            ("RATE_LIMIT_PER_MINUTE", self.rate_limit_per_minute.to_string()),
            ("SIGN_IN_RATE_LIMIT_PER_MINUTE", self.sign_in_rate_limit_per_minute.to_string()),
            ("TRUSTED_PROXIES", list(&self.trusted_proxies.0)),
            ("CORS_ORIGINS", list(&self.cors_origins.0)),
            ("CONNECTIONS_MAX", self.connections_max.to_string()),
            ("CONNECTIONS_PER_ADDRESS_MAX", self.connections_per_address_max.to_string()),
            ("STREAMS_MAX", self.streams_max.to_string()),
            ("CALLS_IN_FLIGHT_MAX", self.calls_in_flight_max.to_string()),
            ("CALL_TIMEOUT", format!("{:?}", self.call_timeout)),
            ("DRAIN_DELAY", format!("{:?}", self.drain_delay)),
            ("REFLECTION", self.reflection.to_string()),
            ("LOG_FORMAT", choice(self.log_format.0.as_ref())),
            ("LOG_LEVEL", self.log_level.clone()),
        ];
        lines.iter().try_for_each(|(name, value)| writeln!(f, "{name}={value}"))
    }
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The file of an embedded database.
fn embedded_path(database_url: &str) -> Option<PathBuf> {
    let path = database_url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
}

fn read_secret(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|source| Error::File { path: path.to_owned(), source })
}

/// The secret beside an embedded database, made if it is not there.
fn embedded_secret(database: &Path) -> Result<String, Error> {
    let mut name = database.as_os_str().to_owned();
    name.push(".secret");
    let path = PathBuf::from(name);
    let failed = |source| Error::File { path: path.clone(), source };
    let mut bytes = [0_u8; 48];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| failed(std::io::Error::other("no randomness")))?;
    let secret = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    match create_private(&path, &secret) {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read_secret(&path),
        Err(error) => Err(failed(error)),
    }
}

/// Writes a new file that only its owner can read.
fn create_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A database URL that can be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let rest = match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{user}:<hidden>@{host}")
        }
        None => rest.to_owned(),
    };
    let query = if query.contains("password") { "?<hidden>".to_owned() } else { String::new() };
    format!("{scheme}://{rest}{query}")
}

/// A duration such as `500ms`, `10s`, `5m`, `12h` or `30d`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| USAGE.to_owned())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    };
    milliseconds
        .map(Duration::from_millis)
        .filter(|duration| *duration <= DURATION_MAX)
        .ok_or_else(|| USAGE.to_owned())
}

/// How durations are written.
const USAGE: &str = "write a whole number and a unit, up to ten years: 500ms, 10s, 5m, 12h or 30d";

/// The longest duration that can be set.
const DURATION_MAX: Duration = Duration::from_hours(10 * 365 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2d"), Ok(Duration::from_hours(48)));
        for bad in ["", "10", "s", "-1s", "1.5s", "18446744073709551615d", "4000d"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_database_url_is_shown_without_its_password() {
        let shown = without_password("postgres://ann:s3cr@et@db.example:5432/veza?password=x");
        assert_eq!(shown, "postgres://ann:<hidden>@db.example:5432/veza?<hidden>");
        assert_eq!(without_password("sqlite:veza.db"), "sqlite:veza.db");
    }

    #[test]
    fn the_embedded_secret_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("veza.db");
        let first = embedded_secret(&database).unwrap();
        assert_eq!(embedded_secret(&database).unwrap(), first);
        assert!(first.len() >= SECRET_BYTES_MIN);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = folder.path().join("veza.db.secret");
            let mode = std::fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
