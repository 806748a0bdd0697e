//! Private NATS servers, and what stands in their streams.

use std::{collections::BTreeMap, path::Path, time::Duration};

use async_nats::{
    Client, ConnectOptions,
    jetstream::{self, stream::Stream},
};
use serde_json::Value;

use super::{contract, process::Process};

/// JetStream that has what it acknowledged on its disk.
const DURABLE: &str = "jetstream { store_dir: \"FOLDER/data\", sync_interval: always }";

/// JetStream as the oldest release knows it.
const PLAIN: &str = "jetstream { store_dir: \"FOLDER/data\" }";

/// How long something may take to come about. Only what never does uses it up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running NATS server.
pub struct Server {
    process: Process,
    /// Who may read everything, as `USER:PASSWORD`; empty where anybody may.
    reader: &'static str,
}

/// A message of a stream.
#[derive(Debug, Clone)]
pub struct Published {
    /// The subject it was published under.
    pub subject: String,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// The envelope, as canonical JSON.
    pub event: Value,
}

impl Server {
    /// A server with JetStream.
    pub fn start() -> Self {
        Self::with(DURABLE)
    }

    /// A server with JetStream and more in its configuration.
    pub fn durable_with(more: &str) -> Self {
        Self::with(&format!("{DURABLE}\n{more}"))
    }

    /// A server with this configuration.
    pub fn with(config: &str) -> Self {
        Self::run("current", config)
    }

    /// The oldest release that is supported, where it is installed.
    pub fn oldest() -> Option<Self> {
        let binary = "target/tools/nats-oldest/usr/sbin/nats-server";
        let found = Path::new(env!("CARGO_MANIFEST_DIR")).join(binary).exists();
        found.then(|| Self::run("oldest", PLAIN))
    }

    fn run(release: &str, config: &str) -> Self {
        let script = include_str!("nats.sh");
        Self { process: Process::start("NATS", script, &[release, config]), reader: "" }
    }

    /// Has the tests sign in with this login.
    #[must_use]
    pub fn read_by(self, reader: &'static str) -> Self {
        Self { reader, ..self }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.process.port)
    }

    /// Where it is, for somebody with a login.
    pub fn url_for(&self, login: &str) -> String {
        format!("nats://{login}@127.0.0.1:{}", self.process.port)
    }

    /// Has it do what its script knows, as `crash` and `start`.
    pub fn tell(&self, command: &str) {
        self.process.tell(command).unwrap_or_else(|said| panic!("{command}: {said}"));
    }

    /// A client.
    pub async fn client(&self) -> Client {
        let options = match self.reader.split_once(':') {
            Some((user, password)) => {
                ConnectOptions::with_user_and_password(user.into(), password.into())
            }
            None => ConnectOptions::new(),
        };
        options.connect(self.url()).await.expect("a NATS server")
    }

    /// A stream that is there, or comes to be.
    pub async fn stream(&self, name: &str) -> Stream {
        let context = jetstream::new(self.client().await);
        let look = async {
            loop {
                if let Ok(stream) = context.get_stream(name).await {
                    return stream;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("the stream")
    }

    /// Everything in the stream of events, once it has at least so many.
    pub async fn published(&self, at_least: u64) -> Vec<Published> {
        let mut stream = self.stream("VEZA").await;
        let wait = async {
            while stream.info().await.expect("the stream").state.messages < at_least {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        let state = stream.info().await.expect("the stream").state.clone();
        assert!(waited.is_ok(), "{} of {at_least} events are there", state.messages);
        let mut published = Vec::new();
        for sequence in state.first_sequence..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await.expect("a message");
            published.push(Published::read(&message.subject, &message.headers, &message.payload));
        }
        published
    }
}

impl Published {
    fn read(subject: &str, headers: &async_nats::HeaderMap, payload: &[u8]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, values)| (name.to_string(), values[0].as_str().to_owned()))
            .collect();
        let event = contract::message("veza.event.v1.Event");
        let event = contract::decode(&event, payload).expect("an event");
        Self { subject: subject.to_owned(), headers, event }
    }

    /// The id of the event.
    pub fn id(&self) -> &str {
        self.event["id"].as_str().expect("an id")
    }

    /// The resource that it happened to.
    pub fn resource(&self) -> &str {
        self.event["subject"].as_str().expect("a resource")
    }
}
