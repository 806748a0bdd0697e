//! Puts the three transports in front of one service: native gRPC as it is, gRPC-web unframed, REST transcoded.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, body::Body as HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tonic::{Status, body::Body};
use tonic_web::GrpcWebLayer;
use tower::{BoxError, Layer, Service, ServiceExt, util::BoxCloneSyncService};
use tower_http::cors::CorsLayer;

use super::{
    origin::Guard,
    service::{Find, Handler, Transports},
};
use crate::policy::method::Methods;

/// What the transports are made of.
pub struct Parts<S> {
    /// The services behind the policy.
    pub rpc: S,
    /// Makes the gateway around them.
    pub gateway: gateway::Builder<'static>,
    /// How the services see a failure of the gateway to make a message.
    pub refuse: fn(&gateway::Error) -> Status,
    /// What is served beside the RPCs.
    pub pages: Router,
    /// What pages of every origin may read.
    pub open: Router,
    /// Keeps pages of other origins out.
    pub guard: Guard,
    /// What can be called.
    pub methods: Arc<Methods>,
    /// Which pages of other origins may call.
    pub cors: Option<CorsLayer>,
}

impl Transports {
    /// One handler for each transport.
    ///
    /// # Errors
    /// When the contract has a rule that the gateway cannot serve.
    pub fn new<S>(parts: Parts<S>) -> Result<Self, gateway::BuildError>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let Parts { rpc, gateway, refuse, pages, open, guard, methods, cors } = parts;
        let guarded = guard.for_rpc().layer(rpc.clone());
        let web = GrpcWebLayer::new().layer(guarded.clone());
        let native = guarded.map_request(|request: Request<HttpBody>| request.map(Body::new));
        let transcoded = rpc.map_request(move |request: Request<gateway::Body>| {
            request.map(|body| Body::new(body.map_err(move |error| refuse(&error))))
        });
        let gateway = gateway.build(transcoded)?;
        let routes = gateway.clone();
        let find: Find = Arc::new(move |verb, path| {
            let found = methods.resolve(path);
            let found = found.or_else(|| methods.resolve(routes.grpc_path(verb, path)?));
            found.map(|method| (method.index, method.name))
        });
        let rest = guard.for_rest(handler(gateway));
        let pages = allow(cors.as_ref(), handler(pages.fallback_service(rest.clone())));
        Ok(Self {
            grpc: handler(native),
            grpc_web: allow(cors.as_ref(), handler(web)),
            rest: allow(cors.as_ref(), rest),
            pages: handler(open.fallback_service(pages)),
            find,
        })
    }
}

impl Transports {
    /// Pages alone, whatever the transport.
    #[must_use]
    pub fn pages(pages: Router) -> Self {
        let pages = handler(pages);
        let [grpc, grpc_web, rest] = std::array::from_fn(|_| pages.clone());
        Self { grpc, grpc_web, rest, pages, find: Arc::new(|_, _| None) }
    }
}

/// Lets pages of other origins call a handler, if any may.
fn allow(cors: Option<&CorsLayer>, inner: Handler) -> Handler {
    match cors {
        Some(cors) => handler(cors.layer(inner)),
        None => inner,
    }
}

/// Forgets the type of a service, and of the bodies that it answers.
pub(super) fn handler<S, B>(service: S) -> Handler
where
    S: Service<Request<HttpBody>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    BoxCloneSyncService::new(service.map_response(|response| response.map(HttpBody::new)))
}
