//! A TCP proxy between a server and what it depends on: it can be slow, fall silent, cut connections, and stop at the very
//! byte at which something is said.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    task::JoinSet,
    time,
};

/// How long it may take until somebody says what they are waited for to say.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many bytes are carried at once.
const CHUNK_BYTES: usize = 16 << 10;

/// How the proxy treats connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Everything passes, so much later.
    Slow(Duration),
    /// Connections stay open and new ones are taken, but nothing passes.
    Stalled,
    /// Connections are cut, new ones too.
    Cut,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Whoever connects to the proxy.
    Client,
    /// What the proxy connects to.
    Server,
}

/// A proxy. It ends when it goes out of scope, and all its connections with it.
pub struct Proxy {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    way: watch::Sender<Way>,
    gates: Mutex<Vec<Gate>>,
}

/// Stops the connection on which something is said.
struct Gate {
    speaker: Speaker,
    words: &'static [u8],
    reached: oneshot::Sender<()>,
    verdict: oneshot::Receiver<()>,
}

/// A connection that stands still at a gate, or will. It is cut, and what stood at the gate never arrives, when this goes
/// out of scope.
pub struct Held {
    reached: oneshot::Receiver<()>,
    verdict: oneshot::Sender<()>,
}

impl Proxy {
    /// A proxy of a port on 127.0.0.1.
    pub fn of(port: u16) -> Self {
        // Of its own, because tests wait for processes that are waiting for the proxy.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (way, gates) = (watch::Sender::new(Way::Open), Mutex::default());
        let shared = Arc::new(Shared { way, gates });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = Arc::clone(&shared);
        runtime.spawn(async move {
            accept(TcpListener::from_std(listener).unwrap(), port, accepting).await;
        });
        Self { port: address.port(), shared, runtime: Some(runtime) }
    }

    /// Treats all connections in this way from now on.
    pub fn set(&self, way: Way) {
        self.shared.way.send_replace(way);
    }

    /// Stops the first connection on which somebody says these words, before they arrive.
    pub fn hold(&self, speaker: Speaker, words: &'static str) -> Held {
        let (reached, is_reached) = oneshot::channel();
        let (decide, verdict) = oneshot::channel();
        let gate = Gate { speaker, words: words.as_bytes(), reached, verdict };
        self.shared.gates.lock().unwrap().push(gate);
        Held { reached: is_reached, verdict: decide }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Held {
    /// Returns when a connection stands at the gate.
    pub async fn reached(&mut self) {
        let reached = time::timeout(PATIENCE, &mut self.reached).await;
        reached.expect("nobody says it").expect("the proxy is there");
    }

    /// Lets the connection go on.
    pub fn release(self) {
        // It may have been cut meanwhile.
        let _ = self.verdict.send(());
    }
}

async fn accept(listener: TcpListener, port: u16, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let mut way = shared.way.subscribe();
            tokio::select! {
                () = carry_both(client, port, &shared) => {}
                _ = way.wait_for(|way| *way == Way::Cut) => {}
            }
        });
        // Those that have ended are let go.
        while connections.try_join_next().is_some() {}
    }
}

/// Carries both directions until one of them ends.
async fn carry_both(client: TcpStream, port: u16, shared: &Shared) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        () = carry(Speaker::Client, from_client, to_server, shared) => {}
        () = carry(Speaker::Server, from_server, to_client, shared) => {}
    }
}

async fn carry(speaker: Speaker, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) {
    let mut way = shared.way.subscribe();
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut said = Vec::new();
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else { return };
        let Ok(now) = way.wait_for(|way| *way != Way::Stalled).await.map(|way| *way) else {
            return;
        };
        if let Way::Slow(latency) = now {
            time::sleep(latency).await;
        }
        said.extend_from_slice(&bytes[..count]);
        if let Some(gate) = shared.gate(speaker, &said) {
            // Whoever waits may have left.
            let _ = gate.reached.send(());
            if gate.verdict.await.is_err() {
                return;
            }
        }
        // Words may begin at the end of what was said and go on later.
        said.drain(..said.len().saturating_sub(CHUNK_BYTES));
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

impl Shared {
    /// Takes the gate at which something was said.
    fn gate(&self, speaker: Speaker, said: &[u8]) -> Option<Gate> {
        let mut gates = self.gates.lock().unwrap();
        let place = gates.iter().position(|gate| {
            gate.speaker == speaker && said.windows(gate.words.len()).any(|some| some == gate.words)
        })?;
        Some(gates.swap_remove(place))
    }
}
