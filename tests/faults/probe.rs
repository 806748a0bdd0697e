//! What load balancers ask of a server, which may not be there.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The status and the text that a path answers; none when the server does not answer.
pub async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    time::timeout(PATIENCE, exchange(address, path)).await.ok().flatten()
}

/// Whether the server says that it is ready.
pub async fn is_ready(address: SocketAddr) -> bool {
    get(address, "/ready").await.is_some_and(|(status, _)| status == 200)
}

async fn exchange(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

/// The value of a metric that counts things, the sum of its series; none when the server does not answer.
pub async fn metric(address: SocketAddr, name: &str) -> Option<u64> {
    let (_, text) = get(address, "/metrics").await?;
    let series = text
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
    Some(series.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}
