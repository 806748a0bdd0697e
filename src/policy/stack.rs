//! THE order of what a call must pass, on one screen: `Policy::run`.

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use http::{HeaderMap, Request, Response, header};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{
    answer::Answer,
    deadline, limit,
    method::{Load, Method, Methods},
    watch::Watch,
};
use crate::{
    domain::{
        Error, Result,
        caller::{Caller, Credential, Origin, Principal},
        error::BadToken,
        reason::Reason,
    },
    port::{
        access::{Auditor, Authenticated, Authenticator},
        limiter::Limiter,
        presence::Presence,
    },
    telemetry::{
        access::Call,
        metrics::{Metrics, RateLimitLabels},
    },
};

/// The longest user agent that is kept, in bytes.
const USER_AGENT_BYTES_MAX: usize = 256;

/// What calls are measured against.
pub struct Policy {
    /// What can be called.
    pub methods: Arc<Methods>,
    /// Knows bearer tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Remembers whom it turned away.
    pub auditor: Arc<dyn Auditor>,
    /// Counts calls.
    pub limiter: Arc<dyn Limiter>,
    /// Counts who is active.
    pub presence: Arc<dyn Presence>,
    /// How many more calls may be in progress.
    pub calls: Arc<Semaphore>,
    /// How many more streams may be open.
    pub streams: Arc<Semaphore>,
    /// Ends streams when the server stops.
    pub stop: CancellationToken,
    /// The time a call has unless its client asks for less.
    pub call_timeout: Duration,
    /// Counts decisions.
    pub metrics: Arc<Metrics>,
    /// Turns a refusal into an answer.
    pub refuse: fn(Error) -> Status,
    /// The name of the reason of an answer.
    pub reason: fn(&Status) -> Option<String>,
    /// Gives a refusal of the gRPC library itself the reason that it has on every transport.
    pub restate: fn(&Status) -> Option<Status>,
}

impl Policy {
    async fn run<S>(&self, mut service: S, mut request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let Some(call) = request.extensions().get::<Arc<Call>>().cloned() else {
            return self.refused(Error::internal("a call came in without passing the edge"));
        };
        let (mut told, mut known) = (HeaderMap::new(), None);
        let admitted = async {
            // 1. Only what the contract knows can be called.
            let method = self.methods.resolve(request.uri().path());
            if let Some(method) = method {
                call.method.set((method.index, method.name)).ok();
            }
            // 2. No more at once than the server can bear.
            let load = method.map_or(Load::Call, |method| method.load);
            let place = self.place(load)?;
            // 3. Every call ends in time.
            let timeout = deadline::timeout(request.headers(), self.call_timeout)?;
            let answered = time::timeout(timeout, async {
                // 4. Who calls.
                let found = self.authenticate(request.headers(), call.ip).await;
                // 5. Within their budget, or that of their address: guesses are counted too.
                if load != Load::Probe {
                    let found = found.as_ref().ok().and_then(Option::as_ref);
                    let principal = found.map(|found| &*found.principal);
                    self.count(method, principal, &call, &mut told).await?;
                }
                // 6. What they may call. Credentials that nobody asked for cannot make a public call fail.
                let method = method.ok_or(Error::UnknownMethod)?;
                if let Err(Error::BadToken(why)) = &found
                    && why.is_of_known_key()
                {
                    self.remember_key(*why, method, &call, request.headers()).await;
                }
                let (found, refused) = match found {
                    Err(Error::BadToken(why)) if method.is_public() => (None, Some(why)),
                    found => (found?, None),
                };
                let origin = origin(method, &call, request.headers());
                let is_confirmed = found.as_ref().is_some_and(|found| found.is_confirmed);
                let principal = found.as_ref().map(|found| Arc::clone(&found.principal));
                let caller = Arc::new(Caller { principal, refused, is_confirmed, origin });
                known = Some((Arc::clone(&caller), method.action));
                method.authorize(found.as_ref())?;
                let end = (load == Load::Stream)
                    .then(|| self.end(method, &caller, request.headers(), call.ip));
                // 7. The service.
                request.extensions_mut().insert(caller);
                let answered = AssertUnwindSafe(service.call(request)).catch_unwind().await;
                answered.map(|response| (response, end)).map_err(panicked)
            });
            let (response, end) = answered.await.map_err(|_| Error::DeadlineExceeded)??;
            Ok((response, end, place))
        };
        let mut response = match admitted.await {
            Ok((Ok(response), end, place)) => {
                call.streams.store(end.is_some(), Ordering::Relaxed);
                self.restated(response).map(|body| match end {
                    Some(end) => Answer::stream(body, place, end),
                    None => Answer::whole(body, place),
                })
            }
            Err(error) => self.refused(error),
        };
        response.headers_mut().extend(told);
        self.note(&call, &response);
        // 8. Whoever was denied, here or by the use case, leaves a line in the audit log.
        if let Some((caller, action)) = known
            && let Some(why) = denial(&call, &response)
            && let Err(error) = self.auditor.denied(&caller, action, why).await
        {
            call.error.set(format!("the audit log has no line of this: {error}")).ok();
        }
        response
    }

    /// A place for a call, if there is one.
    fn place(&self, load: Load) -> Result<Option<OwnedSemaphorePermit>> {
        let places = match load {
            Load::Call => &self.calls,
            Load::Stream => &self.streams,
            Load::Probe => return Ok(None),
        };
        Arc::clone(places).try_acquire_owned().map(Some).map_err(|_| Error::Busy)
    }

    /// The caller; none without credentials.
    async fn authenticate(&self, headers: &HeaderMap, ip: IpAddr) -> Result<Option<Authenticated>> {
        match bearer(headers)? {
            Some(token) => self.authenticator.authenticate(token, ip).await.map(Some),
            None => Ok(None),
        }
    }

    /// Leaves a line in the audit log about an API key that was refused.
    async fn remember_key(&self, why: BadToken, method: &Method, call: &Call, headers: &HeaderMap) {
        let origin = origin(method, call, headers);
        let caller = Caller { principal: None, refused: Some(why), is_confirmed: false, origin };
        let Ok(Some(bearer)) = bearer(headers) else { return };
        if let Err(error) = self.auditor.key_refused(&caller, bearer).await {
            call.error.set(format!("the audit log has no line of this: {error}")).ok();
        }
    }

    /// What ends a stream from outside: the stop of the server, upon which its client comes back, or that whoever opened
    /// it may no longer.
    fn end(
        &self,
        method: &Method,
        caller: &Caller,
        headers: &HeaderMap,
        ip: IpAddr,
    ) -> BoxFuture<'static, Status> {
        let (stop, refuse) = (self.stop.clone(), self.refuse);
        let watch = caller.principal.clone().zip(bearer(headers).ok().flatten()).map(
            |(principal, bearer)| Watch {
                authenticator: Arc::clone(&self.authenticator),
                method: method.clone(),
                bearer: bearer.to_owned(),
                ip,
                principal,
            },
        );
        Box::pin(async move {
            let over = async {
                match watch {
                    Some(watch) => watch.over().await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => refuse(Error::Stopping),
                why = over => refuse(why),
            }
        })
    }

    async fn count(
        &self,
        method: Option<&Method>,
        principal: Option<&Principal>,
        call: &Call,
        told: &mut HeaderMap,
    ) -> Result<()> {
        if let Some(principal) = principal {
            call.user_id.set(principal.user_id.uuid()).ok();
            match principal.credential {
                Credential::Session { .. } => self.presence.note(principal.user_id),
                // The user is not there: a program acts for them.
                Credential::ApiKey { id } => drop(call.api_key_id.set(id.uuid())),
            }
        }
        let budget = limit::budget(method, principal, call.ip);
        let (scope, decision) = (budget.scope(), self.limiter.count(budget).await?);
        limit::tell(told, scope, &decision);
        let labels = RateLimitLabels {
            scope,
            decision: if decision.retry_after.is_none() { "allowed" } else { "refused" },
            backend: decision.backend.name(),
        };
        self.metrics.rate_limits.get_or_create(&labels).inc();
        match decision.retry_after {
            None => Ok(()),
            Some(retry_after) => Err(Error::RateLimited { retry_after }),
        }
    }

    fn restated(&self, response: Response<Body>) -> Response<Body> {
        let status = response.extensions().get::<Status>();
        match status.and_then(self.restate) {
            Some(status) => status.into_http(),
            None => response,
        }
    }

    /// Tells the log of the call how it went.
    fn note(&self, call: &Call, response: &Response<Body>) {
        let Some(status) = response.extensions().get::<Status>() else {
            call.answered(0);
            return;
        };
        call.answered(status.code().into());
        if let Some(reason) = (self.reason)(status) {
            call.reason.set(reason.into()).ok();
        }
        if let Some(source) = std::error::Error::source(status) {
            call.error.set(source.to_string()).ok();
        }
    }

    fn refused(&self, error: Error) -> Response<Body> {
        (self.refuse)(error).into_http()
    }
}

/// The access token or API key of a call; none without credentials.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // Of two, a proxy in front may have looked at the other one.
    if values.next().is_some() {
        return Err(BadToken::Invalid.into());
    }
    let value = value.to_str().map_err(|_| BadToken::Invalid)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BadToken::Scheme.into());
    }
    Ok(Some(token.trim_start()))
}

fn origin(method: &Method, call: &Call, headers: &HeaderMap) -> Origin {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let agent = agent.unwrap_or_default();
    Origin {
        transport: call.transport,
        rpc_method: method.name,
        ip: Some(call.ip),
        user_agent: agent[..agent.floor_char_boundary(USER_AGENT_BYTES_MAX)].to_owned(),
        trace: Some(call.trace),
    }
}

/// Why the caller may not do what they tried, where that is the answer.
fn denial(call: &Call, response: &Response<Body>) -> Option<Reason> {
    let status = response.extensions().get::<Status>()?;
    let why = || call.reason.get().and_then(|name| Reason::from_name(name));
    (status.code() == Code::PermissionDenied).then(|| why().unwrap_or(Reason::PermissionDenied))
}

#[expect(clippy::needless_pass_by_value, reason = "what a caught panic gives is a box")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Error {
    let what = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Error::internal(format!("a service panicked: {what}"))
}

/// A service behind the policy.
#[derive(Clone)]
pub struct Guarded<S> {
    policy: Arc<Policy>,
    service: S,
}

impl<S> Guarded<S> {
    /// Puts a service behind the policy.
    pub fn new(policy: Arc<Policy>, service: S) -> Self {
        Self { policy, service }
    }
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let policy = Arc::clone(&self.policy);
        // The service that was polled ready is the one to call; its clone takes its place.
        let fresh = self.service.clone();
        let ready = std::mem::replace(&mut self.service, fresh);
        Box::pin(async move { Ok(policy.run(ready, request).await) })
    }
}
