//! The proxy itself: what it is told to do is what happens.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time,
};

use crate::proxy::{Proxy, Speaker, Way};

/// Longer than nothing takes on a busy machine to come through.
const MOMENT: Duration = Duration::from_millis(100);

/// A proxy, and both ends of a connection through it.
async fn connected() -> (Proxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::of(listener.local_addr().unwrap().port());
    let client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (proxy, client, server)
}

async fn hears(stream: &mut TcpStream, words: &str) -> bool {
    let mut heard = vec![0; words.len()];
    stream.read_exact(&mut heard).await.is_ok_and(|_| heard == words.as_bytes())
}

async fn hears_nothing(stream: &mut TcpStream) -> bool {
    time::timeout(MOMENT, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn an_open_proxy_carries_both_directions() {
    let (_proxy, mut client, mut server) = connected().await;
    client.write_all(b"ping").await.unwrap();
    assert!(hears(&mut server, "ping").await);
    server.write_all(b"pong").await.unwrap();
    assert!(hears(&mut client, "pong").await);
}

#[tokio::test]
async fn a_stalled_proxy_carries_on_when_it_is_opened() {
    let (proxy, mut client, mut server) = connected().await;
    proxy.set(Way::Stalled);
    client.write_all(b"ping").await.unwrap();
    assert!(hears_nothing(&mut server).await);
    proxy.set(Way::Open);
    assert!(hears(&mut server, "ping").await);
}

#[tokio::test]
async fn a_slow_proxy_carries_late() {
    let (proxy, mut client, mut server) = connected().await;
    proxy.set(Way::Slow(2 * MOMENT));
    client.write_all(b"ping").await.unwrap();
    assert!(hears_nothing(&mut server).await);
    assert!(hears(&mut server, "ping").await);
}

#[tokio::test]
async fn a_proxy_that_cuts_ends_connections_of_before_and_of_now() {
    let (proxy, mut client, _server) = connected().await;
    proxy.set(Way::Cut);
    assert!(client.read_u8().await.is_err());
    let mut another = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    assert!(another.read_u8().await.is_err());
}

#[tokio::test]
async fn a_gate_holds_words_until_it_is_opened() {
    let (proxy, mut client, mut server) = connected().await;
    let mut held = proxy.hold(Speaker::Client, "commit");
    for part in ["before com", "mit after"] {
        client.write_all(part.as_bytes()).await.unwrap();
        time::sleep(MOMENT).await;
    }
    held.reached().await;
    assert!(hears(&mut server, "before com").await);
    assert!(hears_nothing(&mut server).await);
    held.release();
    assert!(hears(&mut server, "mit after").await);
}

#[tokio::test]
async fn words_at_a_gate_that_is_given_up_never_arrive() {
    let (proxy, mut client, mut server) = connected().await;
    let mut held = proxy.hold(Speaker::Client, "commit");
    client.write_all(b"commit").await.unwrap();
    held.reached().await;
    drop(held);
    assert!(server.read_u8().await.is_err());
}
