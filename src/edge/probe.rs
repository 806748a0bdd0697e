//! A client of our own pages, for `veza health`: supervisors of containers that have no shell ask with it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time,
};

use super::tls;
use crate::config::Config;

/// How long the server has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What the server answers.
///
/// # Errors
/// A sentence when it does not answer, or that it is not well.
pub async fn ask(config: &Config, ready: bool) -> Result<String, String> {
    let address = reachable(config.ops_listen.0.unwrap_or(config.listen_addr));
    let path = if ready { "/ready" } else { "/health" };
    let asked = time::timeout(PATIENCE, async {
        let socket = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        // The port of operators speaks plain HTTP.
        match config.tls().map_err(|error| error.to_string())? {
            Some((cert, _)) if config.ops_listen.0.is_none() => {
                get(tls_to_ourselves(socket, address, cert).await?, path).await
            }
            _ => get(socket, path).await,
        }
    });
    let answered = asked.await.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
    let (status, text) = answered.map_err(|why| format!("{address}{path}: {why}"))?;
    if status == StatusCode::OK {
        return Ok(text);
    }
    Err(format!("{address}{path} answered {status}: {text}"))
}

async fn get(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
) -> Result<(StatusCode, String), String> {
    let failed = |error: hyper::Error| error.to_string();
    let (mut calls, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(failed)?;
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = async {
        let (head, body) = calls.send_request(request).await.map_err(failed)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
    };
    // The connection works as long as it is polled; its end is told by the answer.
    let (answer, _) = futures::future::join(answer, connection).await;
    answer
}

/// TLS with the very certificate that the server is configured to have: it is asked over the loopback interface, whose
/// name no certificate has.
async fn tls_to_ourselves(
    socket: TcpStream,
    address: SocketAddr,
    cert: &Path,
) -> Result<impl AsyncRead + AsyncWrite + Unpin, String> {
    let connector = tls::connector_to(cert)?;
    let name = address.ip().into();
    connector.connect(name, socket).await.map_err(|error| error.to_string())
}

/// Where a server is reached that listens on every address.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_the_loopback_one() {
        let asked = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(asked("[::]:8080"), "[::1]:8080");
        assert_eq!(asked("192.0.2.1:80"), "192.0.2.1:80");
    }
}
