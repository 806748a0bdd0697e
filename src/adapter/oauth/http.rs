//! HTTP to providers: to addresses that may be called, within bounds, and never to where an answer points.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use ipnet::IpNet;
use oauth2::AsyncHttpClient;
use serde::de::DeserializeOwned;
use tokio::{
    net::{TcpStream, lookup_host},
    sync::Semaphore,
    time,
};
use tower::{service_fn, util::BoxCloneSyncService};

use super::network::Private;
use crate::domain::{Error, Result};

/// How long one exchange may take, from the look-up of the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How many exchanges with one provider go on at once: whoever comes then is refused at once, so that a provider that is slow
/// holds up nothing but those who sign in through it.
const EXCHANGES_MAX: usize = 64;

/// How many idle connections to a host are kept, and for how long.
const IDLE_MAX: usize = 4;
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Some providers refuse whoever does not say who they are.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("veza/", env!("CARGO_PKG_VERSION")));

type Connector = BoxCloneSyncService<Uri, TokioIo<TcpStream>, io::Error>;

/// What calls providers.
pub struct Outbound {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
    places: Arc<Semaphore>,
}

impl Outbound {
    /// Calls public addresses over TLS, trusting whom the system trusts, and those in the listed networks also without.
    ///
    /// # Errors
    /// `Internal` when the system trusts nobody.
    pub fn new(private: Vec<IpNet>) -> Result<Self> {
        let private = Arc::new(Private(private));
        let tcp = service_fn(move |uri: Uri| connect(uri, Arc::clone(&private)));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(Error::internal)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(BoxCloneSyncService::new(tcp));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .build(connector);
        Ok(Self { client, places: Arc::new(Semaphore::new(EXCHANGES_MAX)) })
    }

    /// The same for another provider, which does not have to wait for this one.
    #[must_use]
    pub fn for_another(&self) -> Self {
        Self { client: self.client.clone(), places: Arc::new(Semaphore::new(EXCHANGES_MAX)) }
    }

    /// The answer to a request, whatever its status, but for those that say to come back later.
    ///
    /// # Errors
    /// `ProviderUnavailable`; `ProviderUntrusted` when the answer is too long.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let unavailable = |why: String| Error::ProviderUnavailable(format!("{host}: {why}").into());
        let busy = |_| unavailable("too many exchanges with it are under way".into());
        let _place = self.places.try_acquire().map_err(busy)?;
        let mut request = request.map(|body| Full::new(body.into()));
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let exchange = async {
            let response = self.client.request(request).await;
            let (head, body) = response.map_err(|error| unavailable(chain(&error)))?.into_parts();
            let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    return Error::ProviderUntrusted(
                        format!("{host}: the answer is too long").into(),
                    );
                }
                unavailable(error.to_string())
            })?;
            Ok::<Response<Vec<u8>>, Error>(Response::from_parts(head, body.to_bytes().into()))
        };
        let response = time::timeout(TIMEOUT, exchange).await;
        let response = response.map_err(|_| unavailable("no answer in time".into()))??;
        let status = response.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(unavailable(format!("it answers {status}")));
        }
        Ok(response)
    }

    /// What is found at an address, as JSON.
    ///
    /// # Errors
    /// As [`Self::send`]; `ProviderUntrusted` when it is nothing of the kind.
    pub async fn get<T: DeserializeOwned>(&self, url: &str, token: Option<&str>) -> Result<T> {
        let untrusted = |why: String| Error::ProviderUntrusted(format!("{url}: {why}").into());
        let mut request = Request::get(url).header(header::ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Vec::new()).map_err(|error| untrusted(error.to_string()))?;
        let response = self.send(request).await?;
        if response.status() != http::StatusCode::OK {
            return Err(untrusted(format!("it answers {}", response.status())));
        }
        // What the body says may be private, so the error does not repeat it.
        serde_json::from_slice(response.body()).map_err(|error| {
            untrusted(format!("the answer cannot be read, at its column {}", error.column()))
        })
    }
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = Error;
    type Future = BoxFuture<'c, Result<Response<Vec<u8>>>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// Connects to the first address of a host that answers, of those that may be called. The name is looked up once: what was
/// checked is what is called.
async fn connect(uri: Uri, private: Arc<Private>) -> io::Result<TokioIo<TcpStream>> {
    let over_tls = uri.scheme() == Some(&Scheme::HTTPS);
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if over_tls { 443 } else { 80 });
    let found: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
    let allowed: Vec<_> =
        found.iter().filter(|address| private.allows(address.ip(), over_tls)).copied().collect();
    if allowed.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "its address is private, or it is called without TLS; OAUTH_PRIVATE_NETWORKS may list it",
        ));
    }
    let stream = TcpStream::connect(&*allowed).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
