//! The bus: publishes to the stream, and keeps the way to it open.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_nats::{
    HeaderMap,
    jetstream::{
        Context,
        consumer::DeliverPolicy,
        context::{ContextBuilder, PublishErrorKind},
        message::PublishMessage,
    },
};
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use secrecy::ExposeSecret;
use tokio::{
    sync::{Notify, watch},
    time,
};

use super::{
    Options, StreamOptions, Trouble, address::Address, connection::Connection, stream as streams,
    tail,
};
use crate::{
    domain::{Error, Result},
    port::{
        backoff::Backoff,
        bus::{Bus, Message, Place},
    },
};

/// How long JetStream may take to answer: less than the lease of an event.
const ANSWER: Duration = Duration::from_secs(4);

/// How many messages may be under way.
const UNDER_WAY_MAX: usize = 1024;

/// How long to wait before the stream is asked for again.
const ASK_AGAIN: Backoff =
    Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5) };

/// Carries events into a stream of JetStream.
pub struct JetStream {
    connection: Connection,
    context: Context,
    options: StreamOptions,
    way: watch::Sender<Option<Way>>,
    openings: AtomicU64,
    /// Rings when the stream seems to be gone while the connection is there.
    doubt: Notify,
}

/// The open way to the stream.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Which connection it goes through.
    connection: u64,
    /// When the stream was made, in microseconds since 1970: another stream of the same name is another stream.
    stream: i64,
}

impl JetStream {
    /// Connects. When NATS does not answer the bus is there all the same, and opens as soon as it does.
    ///
    /// # Errors
    /// What will not go by itself, in a sentence that says what to do.
    pub async fn connect(options: &Options) -> Result<Self> {
        let address = Address::parse(options.url.expose_secret())?;
        let connection = Connection::open(options, &address).await?;
        let context = ContextBuilder::new()
            .timeout(ANSWER)
            .max_ack_inflight(UNDER_WAY_MAX)
            .build(connection.client.clone());
        let bus = Self {
            connection,
            context,
            options: options.stream.clone(),
            way: watch::Sender::new(None),
            openings: AtomicU64::new(0),
            doubt: Notify::new(),
        };
        let opened = match bus.connection.current() {
            Some(connection) => bus.open(connection).await,
            None => Err(bus.unreachable()),
        };
        match opened {
            Ok(()) => Ok(bus),
            Err(Trouble::Lasting(why)) => Err(Error::internal(why)),
            Err(trouble) => {
                Self::warn(&trouble);
                Ok(bus)
            }
        }
    }

    fn unreachable(&self) -> Trouble {
        let why = self.connection.complaint().map_or_else(String::new, |why| format!(" ({why})"));
        Trouble::Passing(format!("NATS at {} does not answer{why}", self.connection.servers))
    }

    /// Looks at the stream, and opens the way to it.
    async fn open(&self, connection: u64) -> Result<(), Trouble> {
        let info = streams::prepare(&self.connection, &self.context, &self.options).await?;
        let stream = streams::last_place(&info).stream;
        self.openings.fetch_add(1, Ordering::AcqRel);
        self.way.send_replace(Some(Way { connection, stream }));
        Ok(())
    }

    /// Opens the way, however long it takes.
    async fn reopen(&self) {
        let mut failures = 0;
        let mut said = String::new();
        loop {
            self.connection.changed_from(None).await;
            let Some(connection) = self.connection.current() else { continue };
            match self.open(connection).await {
                Ok(()) => break,
                Err(trouble) => {
                    // Once for each reason: it may stay for hours.
                    if said != trouble.to_string() {
                        Self::warn(&trouble);
                        said = trouble.to_string();
                    }
                    failures += 1;
                    time::sleep(ASK_AGAIN.pause(failures)).await;
                }
            }
        }
        let (servers, stream) = (&self.connection.servers, &self.options.name);
        tracing::info!(servers, stream, event = "nats_up", "events go to NATS");
    }

    /// Returns when the connection is another one, or the stream does not answer.
    async fn until_lost(&self) {
        let known = self.way.borrow().map(|way| way.connection);
        tokio::select! {
            () = self.connection.changed_from(known) => {}
            () = self.doubt.notified() => {}
        }
    }

    fn warn(trouble: &Trouble) {
        tracing::warn!(
            error = %trouble,
            event = "nats_down",
            "events wait in the database until NATS takes them; check that it runs, and NATS_URL"
        );
    }

    fn headers(message: &Message) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", message.id.to_string());
        headers.insert("content-type", "application/protobuf; proto=veza.event.v1.Event");
        if let Some(trace_parent) = &message.trace_parent {
            headers.insert("traceparent", trace_parent.as_str());
        }
        headers
    }
}

#[async_trait]
impl Bus for JetStream {
    async fn publish(&self, message: &Message) -> Result<Option<Place>> {
        let way = *self.way.borrow();
        // While it is closed nothing is sent, or the library would keep it and send it later.
        let way = way.filter(|way| self.connection.current() == Some(way.connection));
        let way = way.ok_or_else(|| Error::Unavailable("there is no connection to NATS".into()))?;
        let publish = PublishMessage::build()
            .payload(message.payload.clone())
            .headers(Self::headers(message));
        let sent = self.context.send_publish(message.subject.clone(), publish);
        // The library gives each of the two as much time.
        let answer = time::timeout(ANSWER, async { sent.await?.await });
        match answer.await.unwrap_or_else(|_| Err(PublishErrorKind::TimedOut.into())) {
            Ok(ack) => Ok(Some(Place {
                stream: way.stream,
                sequence: i64::try_from(ack.sequence).unwrap_or(i64::MAX),
            })),
            Err(error) => {
                use PublishErrorKind::{BrokenPipe, StreamNotFound, TimedOut};
                if matches!(error.kind(), BrokenPipe | StreamNotFound | TimedOut) {
                    self.doubt.notify_one();
                }
                Err(Error::Unavailable(error.into()))
            }
        }
    }

    async fn last_place(&self) -> Result<Option<Place>> {
        let stream = self.context.get_stream(&self.options.name).await;
        let stream = stream.map_err(|error| {
            self.doubt.notify_one();
            Error::Unavailable(error.into())
        })?;
        Ok(Some(streams::last_place(stream.cached_info())))
    }

    fn openings(&self) -> u64 {
        self.openings.load(Ordering::Acquire)
    }

    async fn ready(&self) {
        // The sender lives as long as this does.
        let _ = self.way.subscribe().wait_for(Option::is_some).await;
    }

    fn is_up(&self) -> Option<bool> {
        let way = *self.way.borrow();
        Some(way.is_some_and(|way| self.connection.current() == Some(way.connection)))
    }

    async fn keep(&self) {
        loop {
            if self.way.borrow().is_none() {
                self.reopen().await;
            }
            self.until_lost().await;
            self.way.send_replace(None);
            if self.connection.current().is_none() {
                Self::warn(&self.unreachable());
            }
        }
    }

    fn subscribe(&self) -> BoxStream<'static, Message> {
        let stream = self.options.name.clone();
        tail::follow(self.context.clone(), stream, DeliverPolicy::New, None).boxed()
    }
}
