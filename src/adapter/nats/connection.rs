//! The connection: how it is made, and what there is to know of it.

use std::{error::Error as _, fmt, path::Path, time::Duration};

use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, connection::State, rustls,
};
use tokio::{sync::watch, time};

use super::{
    Options,
    address::{Address, Login},
};
use crate::{
    domain::{Error, Result},
    port::backoff::Backoff,
};

/// How long the first attempt to connect may take, to all servers together.
const FIRST_ATTEMPT: Duration = Duration::from_secs(4);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);

/// How long to wait before the next attempt.
const RECONNECT: Backoff =
    Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(3) };

/// How often a server is asked whether it is there: one that does not answer twice is given up.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How often the connection is looked at, should news of it have been lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why NATS cannot be used, in a sentence.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go by itself.
    Passing(String),
    /// Somebody has to do something.
    Lasting(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Passing(why) | Self::Lasting(why)) = self;
        f.write_str(why)
    }
}

/// What was heard of the connection.
#[derive(Debug, Clone, Default)]
struct News {
    /// How often it was made.
    connections: u64,
    /// What the server or the library complained of last, since it was made.
    complaint: Option<String>,
}

/// A connection that comes back by itself.
pub(super) struct Connection {
    pub client: Client,
    /// Where the servers are, without a login.
    pub servers: String,
    news: watch::Receiver<News>,
}

impl Connection {
    /// Connects; when there is no answer yet, goes on trying in the background.
    ///
    /// # Errors
    /// What will not go by itself, as a wrong password.
    pub async fn open(options: &Options, address: &Address) -> Result<Self> {
        let (heard, news) = watch::channel(News::default());
        let settings = || -> Result<ConnectOptions> {
            let heard = heard.clone();
            Ok(settings(options, &address.login)?.event_callback(move |event| {
                note(&heard, event);
                std::future::ready(())
            }))
        };
        let servers = address.to_string();
        let attempt = settings()?.connect(&address.servers[..]);
        let first = match time::timeout(FIRST_ATTEMPT, attempt).await {
            Ok(Ok(client)) => Some(client),
            Ok(Err(error)) if is_lasting(&error) => {
                return Err(Error::internal(explain(&error, &servers)));
            }
            Ok(Err(_)) | Err(_) => None,
        };
        if let Some(client) = first {
            let connection = Self { client, servers, news };
            // The library tells of the connection a moment after it is there.
            let _ = time::timeout(ATTEMPT, connection.changed_from(None)).await;
            return Ok(connection);
        }
        let trying = settings()?.retry_on_initial_connect().connect(&address.servers[..]);
        let client = trying.await.map_err(|error| Error::internal(explain(&error, &servers)))?;
        Ok(Self { client, servers, news })
    }

    /// How often it was made so far; none while it is down.
    pub fn current(&self) -> Option<u64> {
        let is_up = self.client.connection_state() == State::Connected;
        is_up.then(|| self.news.borrow().connections).filter(|connections| *connections > 0)
    }

    /// Returns when what [`Self::current`] says is no longer `known`.
    pub async fn changed_from(&self, known: Option<u64>) {
        let mut news = self.news.clone();
        while self.current() == known {
            // Whether it is news or time that ends the wait makes no difference.
            let _ = time::timeout(LOOK_EVERY, news.changed()).await;
        }
    }

    /// What the server or the library complained of last.
    pub fn complaint(&self) -> Option<String> {
        self.news.borrow().complaint.clone()
    }
}

/// The settings of a connection, with the files that they name read.
pub(super) fn settings(options: &Options, login: &Login) -> Result<ConnectOptions> {
    let mut settings = ConnectOptions::new()
        .name("veza")
        .connection_timeout(ATTEMPT)
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|attempts| match attempts {
            0 | 1 => Duration::ZERO,
            _ => RECONNECT.pause(u32::try_from(attempts - 1).unwrap_or(u32::MAX)),
        });
    settings = match login {
        Login::Nobody => settings,
        Login::Token(token) => settings.token(token.clone()),
        Login::User { name, password } => {
            settings.user_and_password(name.clone(), password.clone())
        }
    };
    if let Some(path) = &options.credentials {
        let text = read("NATS_CREDS_FILE", path)?;
        settings = settings.credentials(&text).map_err(|_| {
            Error::internal(format!(
                "NATS_CREDS_FILE: {} holds no credentials; make them with `nsc generate creds`",
                path.display()
            ))
        })?;
    }
    if let Some(path) = &options.authority {
        read("NATS_CA_FILE", path)?;
        settings = settings.add_root_certificates(path.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = &options.identity {
        read("NATS_CERT_FILE", certificate)?;
        read("NATS_KEY_FILE", key)?;
        settings =
            settings.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
    }
    Ok(settings)
}

fn read(setting: &str, path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::internal(format!("{setting}: the file {} cannot be read: {error}", path.display()))
    })
}

fn note(heard: &watch::Sender<News>, event: Event) {
    heard.send_modify(|news| match event {
        Event::Connected => {
            *news = News { connections: news.connections + 1, complaint: None };
        }
        Event::ServerError(error) => news.complaint = Some(error.to_string()),
        Event::ClientError(error) => news.complaint = Some(error.to_string()),
        _ => {}
    });
}

/// Whether the next attempt would fail in the same way.
fn is_lasting(error: &ConnectError) -> bool {
    use ConnectErrorKind::{Authentication, AuthorizationViolation, ServerParse, Tls};
    matches!(error.kind(), Authentication | AuthorizationViolation | ServerParse | Tls)
        || refused_certificate(error).is_some()
}

/// What is wrong with the certificate of the server, if that is what is wrong.
fn refused_certificate(error: &ConnectError) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(why)) = tls {
            return Some(why.to_string());
        }
        cause = error.source();
    }
    None
}

fn explain(error: &ConnectError, servers: &str) -> String {
    if let Some(why) = refused_certificate(error) {
        return format!(
            "NATS at {servers} shows a certificate that is not trusted ({why}); set NATS_CA_FILE to the certificate of \
             who signed it"
        );
    }
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => format!(
            "NATS at {servers} refuses the login; check the user and password or token in NATS_URL, or NATS_CREDS_FILE"
        ),
        ConnectErrorKind::Tls => {
            format!("NATS at {servers}: TLS cannot be set up: {}", cause(error))
        }
        _ => format!("NATS at {servers} cannot be used: {}", cause(error)),
    }
}

fn cause(error: &ConnectError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
