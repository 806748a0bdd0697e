//! A NATS server with JetStream of this test process alone.

use std::sync::OnceLock;

use super::process::Process;

/// The URL of the server of this process; the first call starts it.
pub fn url() -> String {
    static SERVER: OnceLock<Process> = OnceLock::new();
    let server = SERVER.get_or_init(|| Process::start("NATS", include_str!("nats.sh"), &[]));
    format!("nats://127.0.0.1:{}", server.port)
}
