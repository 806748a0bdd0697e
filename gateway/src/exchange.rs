//! One request and its answer: what both ends of a call have to know of each other.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, Version, request};

use crate::body::Body;
use crate::compiled::Compiled;
use crate::headers;
use crate::intake::{self, Fate};
use crate::request::{Composer, Head};
use crate::route::Route;

/// A call that is under way.
pub(crate) struct Exchange {
    pub(crate) compiled: Arc<Compiled>,
    route: usize,
    /// What the client sent, of which the service gets what it may see.
    pub(crate) headers: HeaderMap,
    /// Nothing but the headers of the answer are wanted.
    pub(crate) is_head: bool,
    /// `If-Match` was given, so that a conflict is a failed precondition.
    pub(crate) is_conditional: bool,
    /// What became of the request's body.
    pub(crate) fate: Arc<Fate>,
}

impl Exchange {
    /// Takes a request that was admitted apart: what is left is the one for the service.
    pub(crate) fn begin<B>(
        compiled: Arc<Compiled>,
        route: usize,
        head: Head,
        mut parts: request::Parts,
        body: B,
    ) -> (Self, Request<Body>)
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
    {
        let exchange = Self {
            compiled,
            route,
            headers: std::mem::take(&mut parts.headers),
            is_head: parts.method == Method::HEAD,
            is_conditional: matches!(head.if_match, Ok(Some(_))),
            fate: Arc::default(),
        };
        let composer = Composer { compiled: exchange.compiled.clone(), route, head };
        let body = intake::body(composer, exchange.fate.clone(), body);
        let request = exchange.grpc_request(parts, body);
        (exchange, request)
    }

    pub(crate) fn route(&self) -> &Route {
        &self.compiled.routes[self.route]
    }

    pub(crate) fn route_place(&self) -> usize {
        self.route
    }

    fn grpc_request(&self, parts: request::Parts, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = headers::for_service(&self.headers);
        *request.extensions_mut() = parts.extensions;
        let path = self.route().grpc_path.clone();
        let mut uri = parts.uri.into_parts();
        uri.path_and_query = Some(path.clone());
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_else(|_| Uri::from(path));
        request
    }
}
