//! The PostgreSQL servers that a URL names: how each is reached, and which of them takes writes.

use std::{fmt::Write, io, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, Executor, PgConnection, Row, postgres::PgConnectOptions};
use tokio::time;

use super::{Options, Pooler};
use crate::domain::{Error, Result};

/// The oldest version that is supported, as PostgreSQL numbers them.
const VERSION_MIN: u32 = 15_00_00;

/// How often servers that cannot be reached are tried again.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How long a start waits for servers that are only just starting themselves.
const START_WITHIN: Duration = Duration::from_secs(6);

/// How long a transaction may stay open without a statement: the locks of one that nobody ends.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// What to do about TLS.
const CHECK_TLS: &str = "check sslmode and sslrootcert of the URL";

/// How the server's side finds out that we are gone: after half a minute of silence it asks three times.
const KEEPALIVE: [(&str, &str); 3] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// The servers, in the order of the URL.
#[derive(Clone, Default)]
pub struct Servers {
    all: Vec<PgConnectOptions>,
    connect_timeout: Duration,
    start_within: Duration,
}

/// Why a server does not do.
enum Refusal {
    /// It may do in a moment.
    Passing(String),
    /// It will not do before somebody changes something.
    Lasting(String),
}

impl Servers {
    /// What the URL of the database names.
    pub fn read(options: &Options) -> Result<Self> {
        Self::read_url("DATABASE_URL", &options.url, options)
    }

    /// What a URL names, which is the value of a setting.
    ///
    /// # Errors
    /// A sentence without the URL, which may hold a password.
    pub fn read_url(setting: &str, url: &SecretString, options: &Options) -> Result<Self> {
        let wrong = |why: String| Error::internal(format!("{setting} cannot be read: {why}"));
        let all = split(url)
            .map_err(|why| wrong(why.to_owned()))?
            .into_iter()
            .map(|url| {
                let read: sqlx::Result<PgConnectOptions> = url.expose_secret().parse();
                let connect = read.map_err(|error| wrong(error.to_string()))?;
                Ok(configure(connect, options))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            all,
            connect_timeout: options.connect_timeout,
            start_within: options.acquire_timeout.min(START_WITHIN),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// How the server at this place is reached.
    pub fn options(&self, place: usize) -> PgConnectOptions {
        self.all[place % self.all.len()].clone()
    }

    /// The host and port of the server at this place.
    pub fn name(&self, place: usize) -> String {
        let server = &self.all[place % self.all.len()];
        format!("{}:{}", server.get_host(), server.get_port())
    }

    /// A connection to the first that takes writes, and its place. Servers that are only just starting are waited for, and
    /// a pool would not say what was wrong.
    ///
    /// # Errors
    /// `Unavailable` with a sentence that says of each server why it does not do.
    pub async fn connect(&self) -> Result<(usize, PgConnection)> {
        let mut refusals = vec!["no answer".to_owned(); self.len()];
        let attempts = async {
            loop {
                let mut has_hope = false;
                for (place, said) in refusals.iter_mut().enumerate() {
                    match self.try_connect(place).await {
                        Ok(connection) => return Some((place, connection)),
                        Err(Refusal::Passing(why)) => (has_hope, *said) = (true, why),
                        Err(Refusal::Lasting(why)) => *said = why,
                    }
                }
                if !has_hope {
                    return None;
                }
                time::sleep(RETRY_EVERY).await;
            }
        };
        if let Ok(Some(found)) = time::timeout(self.start_within, attempts).await {
            return Ok(found);
        }
        let mut sentence = "DATABASE_URL: no use can be made of PostgreSQL".to_owned();
        for (place, why) in refusals.iter().enumerate() {
            let separator = if place == 0 { "" } else { ";" };
            // Writing to a string does not fail.
            let _ = write!(sentence, "{separator} at {}: {why}", self.name(place));
        }
        Err(Error::Unavailable(sentence.into()))
    }

    /// The place of the first that takes writes now, looking at the one at `from` first.
    pub async fn find(&self, from: usize) -> Option<(usize, PgConnection)> {
        for place in (from..from + self.len()).map(|place| place % self.len()) {
            if let Ok(connection) = self.try_connect(place).await {
                return Some((place, connection));
            }
        }
        None
    }

    async fn try_connect(&self, place: usize) -> Result<PgConnection, Refusal> {
        let server = &self.all[place];
        let attempt = async {
            let mut connection = server.connect().await.map_err(|error| refusal(&error, server))?;
            let version = connection.server_version_num().unwrap_or(VERSION_MIN);
            if let Some(why) = too_old(version) {
                return Err(Refusal::Lasting(why));
            }
            match is_read_only(&mut connection).await {
                Ok(false) => Ok(connection),
                Ok(true) => Err(Refusal::Lasting(
                    "it takes no writes, because it is a standby or default_transaction_read_only is on; name the \
                     primary"
                        .to_owned(),
                )),
                Err(error) => Err(refusal(&error, server)),
            }
        };
        match time::timeout(self.connect_timeout, attempt).await {
            Ok(done) => done,
            Err(_) => Err(Refusal::Passing(format!(
                "no answer within {:?}; check the host, the port and the firewalls between",
                self.connect_timeout
            ))),
        }
    }
}

/// Why a server of this version does not do; none where it does.
fn too_old(version: u32) -> Option<String> {
    (version < VERSION_MIN).then(|| {
        let [found, needed] = [version, VERSION_MIN].map(|version| version / 10_000);
        format!("it is version {found}; version {needed} or later is needed")
    })
}

/// Whether a transaction could not write: on a standby, and where somebody has set it so.
pub async fn is_read_only(connection: &mut PgConnection) -> sqlx::Result<bool> {
    // To the end of the answer, where the server is ready again: the listener counts on what comes before that.
    let rows = connection.fetch_all("SHOW transaction_read_only").await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(row.try_get::<&str, _>(0)? == "on")
}

/// What is wrong, and what to do about it.
fn refusal(error: &sqlx::Error, server: &PgConnectOptions) -> Refusal {
    match error {
        // What the other side of a TLS handshake showed, and rustls did not like.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Refusal::Lasting(format!("{error}; {CHECK_TLS}"))
        }
        sqlx::Error::Tls(error) => Refusal::Lasting(format!("{error}; {CHECK_TLS}")),
        sqlx::Error::Io(error) => {
            Refusal::Passing(format!("{error}; check that it runs there, and accepts connections"))
        }
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match &*code {
                // It is starting, or stopping, or has no connection left at this moment.
                "57P03" | "57P01" | "57P02" | "53300" => Refusal::Passing(error.to_string()),
                "28P01" | "28000" => {
                    Refusal::Lasting(format!("{error}; check the user and the password"))
                }
                "3D000" => Refusal::Lasting(format!(
                    "{error}; check the name, or make it with `createdb {}`",
                    server.get_database().unwrap_or_default()
                )),
                // pgbouncer and other poolers refuse parameters that they do not know.
                "08P01" => Refusal::Lasting(format!(
                    "{error}; set DATABASE_POOLER=transaction if it is a pooler, as pgbouncer"
                )),
                _ => Refusal::Lasting(error.to_string()),
            }
        }
        error => Refusal::Lasting(error.to_string()),
    }
}

/// Bounds what a call that was given up may still cost, and what a client that is gone does. What the URL sets itself
/// stays; a pooler would not pass any of it on.
fn configure(connect: PgConnectOptions, options: &Options) -> PgConnectOptions {
    // Slow queries are told of by their names.
    let connect = connect.application_name("veza").disable_statement_logging();
    if options.pooler == Pooler::Transaction {
        return connect.statement_cache_capacity(0).extra_float_digits(None);
    }
    let given = connect.get_options().unwrap_or_default().to_owned();
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    let statement_timeout = milliseconds(options.statement_timeout);
    let idle_timeout = milliseconds(idle_in_transaction_max(options));
    let bounds = [
        ("statement_timeout", &*statement_timeout),
        ("idle_in_transaction_session_timeout", &*idle_timeout),
    ];
    let ours = bounds.into_iter().chain(KEEPALIVE).filter(|(name, _)| !given.contains(name));
    connect.options(ours).statement_cache_capacity(options.statements_max)
}

/// How long a transaction may stay open without a statement.
pub fn idle_in_transaction_max(options: &Options) -> Duration {
    IDLE_IN_TRANSACTION_MAX.max(options.statement_timeout)
}

/// One URL for each host of a URL in which they are separated by commas, as libpq has it.
fn split(url: &SecretString) -> Result<Vec<SecretString>, &'static str> {
    let (scheme, rest) = url.expose_secret().split_once("://").ok_or("it has no scheme")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (format!("{login}@"), hosts),
        None => (String::new(), authority),
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut kept = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            // Every server of ours writes, so the first that takes writes is the one that is wanted.
            Some(("target_session_attrs", "read-write" | "primary" | "any")) => {}
            Some(("target_session_attrs", _)) => {
                return Err("target_session_attrs must be read-write, because Veza writes");
            }
            _ => kept.push(parameter),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    let one = |host: &str| format!("{scheme}://{login}{host}{path}{query}").into();
    Ok(hosts.split(',').map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<String> {
        let urls = split(&url.to_owned().into()).unwrap();
        urls.iter().map(|url| url.expose_secret().to_owned()).collect()
    }

    #[test]
    fn a_url_names_as_many_servers_as_it_has_hosts() {
        assert_eq!(hosts("postgres://db/veza"), ["postgres://db/veza"]);
        assert_eq!(hosts("postgres:///veza?host=/run"), ["postgres:///veza?host=/run"]);
        assert_eq!(
            hosts(
                "postgres://ann:p,w@a:1,[::1]:2/veza?target_session_attrs=read-write&sslmode=require"
            ),
            [
                "postgres://ann:p,w@a:1/veza?sslmode=require",
                "postgres://ann:p,w@[::1]:2/veza?sslmode=require"
            ]
        );
    }

    #[test]
    fn a_server_of_a_version_before_15_is_refused() {
        assert_eq!(
            too_old(14_00_12).as_deref(),
            Some("it is version 14; version 15 or later is needed")
        );
        assert_eq!([15_00_00, 15_00_07, 18_00_00].map(too_old), [None, None, None]);
    }

    #[test]
    fn a_server_that_only_reads_cannot_be_asked_for() {
        for wanted in ["standby", "read-only", "prefer-standby"] {
            let url = format!("postgres://a,b/veza?target_session_attrs={wanted}");
            assert!(split(&url.into()).is_err(), "{wanted}");
        }
    }
}
