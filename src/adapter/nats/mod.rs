//! Events into a stream of NATS JetStream.

mod address;
mod bus;
mod connection;
mod stream;
mod tail;

use std::{path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};

pub use bus::JetStream;

use self::{address::Address, connection::Trouble};
use crate::domain::Result;

/// Where NATS is, who signs in, and the stream.
#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://` or `tls://`, several separated by commas, with a user and password or a token.
    pub url: SecretString,
    /// The file with the JWT and seed of a user.
    pub credentials: Option<PathBuf>,
    /// The certificates of who may vouch for the servers, in PEM; with them there is no connection without TLS.
    pub authority: Option<PathBuf>,
    /// The certificate and the key of this client, in PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The stream.
    pub stream: StreamOptions,
}

/// The stream, and how it is made where there is none.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// Its name.
    pub name: String,
    /// On how many servers of a cluster each event is kept.
    pub replicas: usize,
    /// How long events are kept.
    pub age_max: Duration,
    /// How long the stream remembers ids, and drops an event that comes again.
    pub duplicate_window: Duration,
}

/// Whether the settings can be read, and the files that they name; connects to nothing.
pub fn check(options: &Options) -> Result<()> {
    let address = Address::parse(options.url.expose_secret())?;
    connection::settings(options, &address.login).map(drop)
}
