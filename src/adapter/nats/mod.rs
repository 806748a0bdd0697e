//! Events into a stream of NATS JetStream.

mod address;
mod bus;
mod connection;
mod stream;
mod tail;

use std::{path::PathBuf, time::Duration};

use async_nats::jetstream::{self, Context, consumer::DeliverPolicy};
use futures::stream::{BoxStream, StreamExt};
use secrecy::{ExposeSecret, SecretString};

pub use bus::JetStream;

use self::{
    address::Address,
    connection::{Connection, Trouble},
};
use crate::{
    domain::{Error, Result, Timestamp},
    port::bus::Message,
};

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

/// A stream as it is.
#[derive(Debug, Clone)]
pub struct StreamState {
    /// Where its servers are.
    pub servers: String,
    /// Its name.
    pub name: String,
    /// How many events it has.
    pub messages: u64,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// When it was made.
    pub made: Timestamp,
}

/// Looks at the stream, and makes none.
///
/// # Errors
/// A sentence that says why it cannot be seen.
pub async fn look(options: &Options) -> Result<StreamState> {
    let (servers, context) = reach(options).await?;
    let name = options.stream.name.clone();
    let stream = context.get_stream(&name).await;
    let stream = stream.map_err(|error| {
        Error::internal(format!("NATS at {servers} shows no stream {name}: {error}"))
    })?;
    let info = stream.cached_info();
    let state = &info.state;
    let (first, last) = (state.first_sequence, state.last_sequence);
    Ok(StreamState { servers, name, messages: state.messages, first, last, made: info.created })
}

/// The events of the stream from a time on, or from now on; never ends.
///
/// # Errors
/// A sentence that says why they cannot be seen.
pub async fn tail(
    options: &Options,
    since: Option<Timestamp>,
) -> Result<BoxStream<'static, Message>> {
    let (servers, context) = reach(options).await?;
    let name = options.stream.name.clone();
    let from =
        since.map_or(DeliverPolicy::New, |start_time| DeliverPolicy::ByStartTime { start_time });
    let messages = tail::open(&context, &name, from).await.map_err(|error| {
        Error::internal(format!(
            "NATS at {servers} does not let this user follow the stream {name}: {error}; docs/events.md lists what it must \
             be allowed"
        ))
    })?;
    Ok(tail::follow(context, name, from, Some(messages)).boxed())
}

async fn reach(options: &Options) -> Result<(String, Context)> {
    let address = Address::parse(options.url.expose_secret())?;
    let connection = Connection::open(options, &address).await?;
    if connection.current().is_none() {
        let sentence = format!("NATS at {} does not answer", connection.servers);
        return Err(Error::Unavailable(sentence.into()));
    }
    Ok((connection.servers, jetstream::new(connection.client)))
}
