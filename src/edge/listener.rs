//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them, every limit set by name.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    activity::{Activity, Verdict},
    guests::Guest,
    service::{Connection, Edge},
    tls,
};

/// How many connections the kernel holds until they are accepted.
const BACKLOG: u32 = 4096;

/// How long the head of an HTTP/1.1 request may take, also after the answer before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is looked whether anything still goes on on a connection.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a connection that is to be closed may take to finish its calls.
const CLOSING_GRACE: Duration = Duration::from_secs(20);

/// How long a connection may live: clients come back to the replicas that are there then.
const CONNECTION_AGE_MAX: Duration = Duration::from_hours(1);

/// The headers of a request, in bytes.
const HEADERS_BYTES_MAX: u32 = 16 << 10;

/// The calls in progress on one HTTP/2 connection.
const STREAMS_MAX: u32 = 256;

/// The streams that a client may reset before they were accepted (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 32;

/// The streams that a client may make the server reset (CVE-2025-8671).
const LOCAL_RESETS_MAX: usize = 256;

/// How often an idle HTTP/2 connection is asked whether it is still there, and how long it has for the answer.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// How long to wait after the system refused to accept, as when it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound port.
pub struct Listener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds the address of a setting.
    ///
    /// # Errors
    /// A sentence that names the address or the TLS file, and what is wrong.
    pub fn bind(
        setting: &str,
        address: SocketAddr,
        tls: Option<(&std::path::Path, &std::path::Path)>,
    ) -> Result<Self, String> {
        let tls = tls.map(|(cert, key)| tls::acceptor(cert, key)).transpose()?;
        let listener = listen(address).map_err(|error| {
            format!("cannot listen on {address}: {error}; choose another with {setting}")
        })?;
        Ok(Self { listener, tls })
    }

    /// Where it listens: the port that the system chose when port 0 was asked for.
    ///
    /// # Errors
    /// When the system does not know.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `stop`, then finishes the calls in progress for at most `grace`.
    pub async fn serve(self, edge: Arc<Edge>, stop: CancellationToken, grace: Duration) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(edge.config.connections_max as usize));
        let guests = Arc::default();
        while let Some(accepted) = stop.run_until_cancelled(self.accept(&places)).await {
            let (stream, peer, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(error = %error, event = "accept_failed", "cannot accept");
                    time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(guest) = Guest::enter(&guests, peer.ip(), &edge.config) else { continue };
            let activity = Arc::default();
            let connection = Connection { edge: Arc::clone(&edge), peer: peer.ip(), activity };
            let (tls, stop) = (self.tls.clone(), stop.clone());
            tasks.spawn(async move {
                let open = connection.edge.metrics.connections.clone();
                open.inc();
                converse(stream, tls, connection, &stop).await;
                open.dec();
                drop((place, guest));
            });
        }
        // New connections are refused from here on, not left waiting.
        drop(self.listener);
        tasks.close();
        if time::timeout(grace, tasks.wait()).await.is_err() {
            tracing::warn!(
                event = "drain_timeout",
                "calls were still in progress at the end of the grace"
            );
        }
    }

    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, peer) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, peer, place))
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn converse(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    connection: Connection,
    stop: &CancellationToken,
) {
    match tls {
        None => serve_http(stream, connection, stop).await,
        Some(tls) => match time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve_http(stream, connection, stop).await,
            Ok(Err(error)) => {
                tracing::debug!(error = %error, event = "handshake_failed", "no TLS session");
            }
            Err(_) => tracing::debug!(event = "handshake_timeout", "no TLS session in time"),
        },
    }
}

/// Serves one connection until its client leaves; when the server stops, the connection has reached its greatest age or
/// nothing goes on on it, until the calls in progress are done.
async fn serve_http<S>(stream: S, connection: Connection, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (builder, activity) = (builder(), Arc::clone(&connection.activity));
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), connection));
    let result = tokio::select! {
        result = serving.as_mut() => result,
        verdict = watch(&activity, stop) => match verdict {
            Verdict::Cut => return,
            Verdict::Keep | Verdict::Close => {
                serving.as_mut().graceful_shutdown();
                time::timeout(CLOSING_GRACE, serving).await.unwrap_or(Ok(()))
            }
        },
    };
    // Clients that leave, time out or break the protocol are everyday matters.
    if let Err(error) = result {
        tracing::debug!(error = %error, event = "connection_ended", "broken off");
    }
}

/// Waits until a connection should be closed, and says how.
async fn watch(activity: &Activity, stop: &CancellationToken) -> Verdict {
    let old = time::Instant::now() + CONNECTION_AGE_MAX;
    loop {
        let verdict = activity.verdict();
        if verdict != Verdict::Keep {
            return verdict;
        }
        if time::Instant::now() >= old {
            return Verdict::Close;
        }
        if stop.run_until_cancelled(time::sleep(LOOK_EVERY)).await.is_none() {
            return Verdict::Close;
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEADERS_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .max_header_list_size(HEADERS_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    builder
}
