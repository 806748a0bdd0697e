//! Which pages may ask for what: browsers say where a request comes from, and what a page of a stranger asks for in the name of
//! a user is refused, whatever the transport.

use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use tonic::{Code, Status};
use tower::Layer;
use tower_http::csrf::{ConfigError, CsrfLayer, ProtectionError};

use super::{refusal, service::Handler, transports::handler};
use crate::domain::reason::Reason;

/// Where in the browser a request comes from, in the words of Fetch Metadata.
const FETCH_SITE: &str = "sec-fetch-site";

/// What the browser wants of the answer: `navigate` shows it to the user, and to no page.
const FETCH_MODE: &str = "sec-fetch-mode";

/// Marks an answer that was given before the policy was reached, so that neither the log nor the metrics know of it.
#[derive(Debug, Clone, Copy)]
pub struct Refused {
    /// The code.
    pub code: Code,
    /// The reason.
    pub reason: Reason,
}

/// Guards against pages of other origins than the server's own and the listed ones.
#[derive(Clone)]
pub struct Guard {
    layer: CsrfLayer,
    origins: Vec<HeaderValue>,
    refuse: fn() -> Status,
    domain: &'static str,
}

impl Guard {
    /// Lets pages of these origins pass. `refuse` is what others are told, with a reason of this domain.
    ///
    /// # Errors
    /// When one of them is not an origin.
    pub fn new(
        origins: &[String],
        refuse: fn() -> Status,
        domain: &'static str,
    ) -> Result<Self, ConfigError> {
        let layer = origins.iter().try_fold(CsrfLayer::new(), CsrfLayer::add_trusted_origin)?;
        let origins = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
        Ok(Self { layer, origins, refuse, domain })
    }

    /// Stands before calls of gRPC and gRPC-web, each of which may change something.
    pub fn for_rpc<B: Default>(
        &self,
    ) -> CsrfLayer<impl Fn(ProtectionError) -> http::Response<B> + Clone + use<B>> {
        let refuse = self.refuse;
        self.layer.clone().with_rejection_response(move |_| mark(refuse().into_http()))
    }

    /// Stands before REST, where the verb says whether a call changes something.
    pub fn for_rest(&self, rest: Handler) -> Handler {
        let guard = self.clone();
        let changes = self.layer.clone().with_rejection_response(move |_| guard.refusal());
        let reads = middleware::from_fn_with_state(self.clone(), isolate);
        handler(reads.layer(handler(changes.layer(rest))))
    }

    fn refusal(&self) -> Response {
        let status = (self.refuse)();
        let reason = Reason::CrossOrigin.name();
        mark(refusal::json(status.code(), reason, self.domain, status.message()))
    }

    /// Whether a page that is not let pass wants to use what is answered: all but to show it to the user, who may follow a link.
    fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let says = |name: &str| headers.get(name).map_or(b"".as_slice(), HeaderValue::as_bytes);
        !matches!(says(FETCH_SITE), b"" | b"none" | b"same-origin")
            && says(FETCH_MODE) != b"navigate"
            && !headers.get(header::ORIGIN).is_some_and(|origin| self.origins.contains(origin))
    }
}

fn mark<B>(mut response: http::Response<B>) -> http::Response<B> {
    let refused = Refused { code: Code::PermissionDenied, reason: Reason::CrossOrigin };
    response.extensions_mut().insert(refused);
    response
}

/// Keeps answers from pages that could only learn from how long they take or how large they are (WEB-05), and has a page judged
/// by its address where a browser says nothing else.
async fn isolate(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    if !headers.contains_key(FETCH_SITE) && !headers.contains_key(header::ORIGIN) {
        let referer = headers.get(header::REFERER);
        if let Some(origin) = referer.map(|page| origin(page).unwrap_or(OPAQUE)) {
            headers.insert(header::ORIGIN, origin);
        }
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads && guard.is_foreign(request.headers()) {
        return guard.refusal();
    }
    next.run(request).await
}

/// What browsers say of a page that has no origin that could be named.
const OPAQUE: HeaderValue = HeaderValue::from_static("null");

/// The origin of a page.
fn origin(page: &HeaderValue) -> Option<HeaderValue> {
    let page: Uri = page.to_str().ok()?.parse().ok()?;
    format!("{}://{}", page.scheme_str()?, page.authority()?).parse().ok()
}
