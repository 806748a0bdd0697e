//! The servers that clients call, and which of them take calls: what a load balancer knows.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::support::client::Client;

/// The servers.
pub struct Targets {
    all: Vec<Target>,
    next: AtomicUsize,
    changed: Notify,
}

struct Target {
    client: Client,
    open: AtomicBool,
}

impl Targets {
    /// These servers, all of which take calls.
    pub fn new(addresses: &[SocketAddr]) -> Arc<Self> {
        let target = |address: &SocketAddr| Target {
            client: Client::new(*address),
            open: AtomicBool::new(true),
        };
        let all = addresses.iter().map(target).collect();
        Arc::new(Self { all, next: AtomicUsize::new(0), changed: Notify::new() })
    }

    /// Lets a server have calls, or no more.
    pub fn set_open(&self, place: usize, open: bool) {
        self.all[place].open.store(open, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// A client of the server whose turn it is; waits while none takes calls.
    pub async fn next(&self) -> &Client {
        loop {
            let changed = self.changed.notified();
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let mut in_turn = self.all.iter().cycle().skip(turn % self.all.len());
            let found = in_turn.by_ref().take(self.all.len());
            for target in found {
                if target.open.load(Ordering::SeqCst) {
                    return &target.client;
                }
            }
            changed.await;
        }
    }
}
