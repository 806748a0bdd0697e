//! Metrics in OpenMetrics text. Handles are made once, so that counting a call is a few atomic additions.

use std::{
    fmt,
    sync::{OnceLock, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use super::access::code_name;
use crate::domain::{audit::Outcome, caller::Transport, reason::Reason};

/// Upper bounds in seconds, close together around the 50 ms that are promised.
const DURATION_BUCKETS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// The transports of calls, by their place in the tables below.
const TRANSPORTS: [Transport; 3] = [Transport::Grpc, Transport::GrpcWeb, Transport::Rest];

/// How many gRPC codes there are.
const CODES: usize = 17;

/// Every metric of the server.
pub struct Metrics {
    registry: Registry,
    calls: Vec<CallMetrics>,
    requests: Family<RequestLabels, Counter>,
    /// Connections that are open.
    pub connections: Gauge,
    /// Calls in progress.
    pub in_flight: Gauge,
    /// Users who are active, by window.
    pub active_users: Family<WindowLabel, Gauge>,
    /// Decisions of the rate limiter.
    pub rate_limits: Family<RateLimitLabels, Counter>,
    /// Tries to sign in that were not judged.
    pub sign_in_refusals: Family<ScopeLabel, Counter>,
    /// Events handed to the bus, by result.
    pub published: Family<ResultLabel, Counter>,
    /// Events that wait to be published.
    pub outbox_pending: Gauge,
    /// For how many seconds the oldest of them has waited.
    pub outbox_oldest_age: Gauge<f64, AtomicU64>,
    /// Mails, by what became of them.
    pub mails: Family<ResultLabel, Counter>,
    /// Mails that wait to be sent.
    pub mails_pending: Gauge,
    /// For how many seconds the oldest of them has waited.
    pub mails_oldest_age: Gauge<f64, AtomicU64>,
    /// Errands, by what became of them.
    pub errands: Family<ResultLabel, Counter>,
    /// Whether what the server depends on can be reached: 1 or 0.
    pub dependencies: Family<DependencyLabel, Gauge>,
    /// Password hashes that wait or are being worked on.
    pub password_queue: Gauge,
    audit_events: Family<AuditLabels, Counter>,
    caches: Family<CacheLabels, Counter>,
}

/// The handles of one method.
struct CallMetrics {
    method: &'static str,
    durations: [Histogram; TRANSPORTS.len()],
    counts: [[OnceLock<Counter>; CODES]; TRANSPORTS.len()],
}

/// What a line of the audit log says. Actions stand in the code and in the contract, reasons in their table, so that
/// nobody can make more of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AuditLabels {
    action: &'static str,
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    rpc_method: &'static str,
    transport: &'static str,
    code: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    rpc_method: &'static str,
    transport: &'static str,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResultLabel {
    /// One of a closed set.
    pub result: &'static str,
}

/// What the server depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DependencyLabel {
    /// One of a closed set, as `nats`.
    pub dependency: &'static str,
}

/// Which of several counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ScopeLabel {
    /// One of a closed set, as `account`.
    pub scope: &'static str,
}

/// A stretch of time that ends now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WindowLabel {
    /// `1m`, `1h` or `24h`.
    pub window: &'static str,
}

/// How looking something up in a cache went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    cache: &'static str,
    result: &'static str,
}

/// A decision of the rate limiter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RateLimitLabels {
    /// The kind of budget.
    pub scope: &'static str,
    /// `allowed` or `refused`.
    pub decision: &'static str,
    /// `memory`, `redis`, or `fallback`.
    pub backend: &'static str,
}

impl AuditLabels {
    fn of(action: &'static str, outcome: Outcome) -> Self {
        Self { action, outcome: outcome.name(), reason: outcome.reason() }
    }
}

impl Metrics {
    /// Metrics for a server of these methods; a method's place in the list names it in [`Metrics::count_call`].
    #[must_use]
    pub fn new(methods: impl IntoIterator<Item = &'static str>) -> Self {
        let mut registry = Registry::with_prefix("veza");
        let durations = Family::<DurationLabels, Histogram>::new_with_constructor(|| {
            Histogram::new(DURATION_BUCKETS)
        });
        let calls = methods.into_iter().map(|method| CallMetrics {
            method,
            durations: TRANSPORTS.map(|transport| {
                let labels = DurationLabels { rpc_method: method, transport: transport.name() };
                durations.get_or_create_owned(&labels)
            }),
            counts: Default::default(),
        });
        let metrics = Self {
            calls: calls.collect(),
            requests: Family::default(),
            connections: Gauge::default(),
            in_flight: Gauge::default(),
            active_users: Family::default(),
            rate_limits: Family::default(),
            sign_in_refusals: Family::default(),
            published: Family::default(),
            outbox_pending: Gauge::default(),
            outbox_oldest_age: Gauge::default(),
            mails: Family::default(),
            mails_pending: Gauge::default(),
            mails_oldest_age: Gauge::default(),
            errands: Family::default(),
            dependencies: Family::default(),
            password_queue: Gauge::default(),
            audit_events: Family::default(),
            caches: Family::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        metrics.begin();
        registry.register_with_unit(
            "request_duration",
            "How long calls took, from the head of the request to the last byte of the answer",
            Unit::Seconds,
            durations,
        );
        Self { registry, ..metrics }
    }

    /// Shows what somebody else measures, too.
    #[must_use]
    pub fn with(mut self, register: impl FnOnce(&mut Registry)) -> Self {
        register(&mut self.registry);
        self
    }

    fn register(&self, registry: &mut Registry) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What this binary was built from", build);
        registry.register("requests", "Calls, whatever the transport", self.requests.clone());
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register("requests_in_flight", "Calls in progress", self.in_flight.clone());
        registry.register(
            "active_users",
            "Different users who have made a call lately",
            self.active_users.clone(),
        );
        registry.register(
            "rate_limit_decisions",
            "Decisions of the rate limiter",
            self.rate_limits.clone(),
        );
        registry.register(
            "sign_in_refusals",
            "Tries to sign in that were not judged, because too many had failed",
            self.sign_in_refusals.clone(),
        );
        registry.register("audit_events", "Lines of the audit log", self.audit_events.clone());
        registry.register("outbox_published", "Events handed to the bus", self.published.clone());
        registry.register(
            "outbox_pending",
            "Events that wait to be published",
            self.outbox_pending.clone(),
        );
        registry.register_with_unit(
            "outbox_oldest_pending_age",
            "How long the oldest event has waited to be published",
            Unit::Seconds,
            self.outbox_oldest_age.clone(),
        );
        registry.register("mails", "Mails, by what became of them", self.mails.clone());
        registry.register(
            "mails_pending",
            "Mails that wait to be sent",
            self.mails_pending.clone(),
        );
        registry.register_with_unit(
            "mails_oldest_pending_age",
            "How long the oldest mail has waited to be sent",
            Unit::Seconds,
            self.mails_oldest_age.clone(),
        );
        registry.register("errands", "What was done after an answer", self.errands.clone());
        registry.register(
            "dependency_up",
            "Whether what the server depends on can be reached",
            self.dependencies.clone(),
        );
        registry.register(
            "password_hash_queue",
            "Password hashes that wait or are being worked on",
            self.password_queue.clone(),
        );
        registry.register(
            "cache_requests",
            "What was looked up in memory, and whether it was there",
            self.caches.clone(),
        );
    }

    /// Begins to count at zero what somebody is told of when it happens: from a counter that is first seen at one, nobody
    /// can tell that it has grown.
    fn begin(&self) {
        for result in ["sent", "logged", "postponed", "failed", "expired"] {
            drop(self.mails.get_or_create(&ResultLabel { result }));
        }
        for result in ["done", "failed"] {
            drop(self.errands.get_or_create(&ResultLabel { result }));
        }
        let theft = Outcome::Failure(Reason::RefreshTokenReused);
        drop(self.audit_events.get_or_create(&AuditLabels::of("auth.refresh_reuse", theft)));
    }

    /// What counts how often something was in a cache of this name, and how often not.
    #[must_use]
    pub fn cache(&self, cache: &'static str) -> [Counter; 2] {
        ["hit", "miss"]
            .map(|result| self.caches.get_or_create_owned(&CacheLabels { cache, result }))
    }

    /// Counts a line of the audit log.
    pub fn count_audit_event(&self, action: &'static str, outcome: Outcome) {
        self.audit_events.get_or_create(&AuditLabels::of(action, outcome)).inc();
    }

    /// Counts a finished call of the method at this place.
    pub fn count_call(&self, method: usize, transport: Transport, code: usize, elapsed: Duration) {
        let at = TRANSPORTS.iter().position(|known| *known == transport);
        let (Some(call), Some(at)) = (self.calls.get(method), at) else { return };
        let code = code.min(CODES - 1);
        call.durations[at].observe(elapsed.as_secs_f64());
        call.counts[at][code]
            .get_or_init(|| {
                self.requests.get_or_create_owned(&RequestLabels {
                    rpc_method: call.method,
                    transport: transport.name(),
                    code: code_name(code),
                    outcome: outcome(code_name(code)),
                })
            })
            .inc();
    }

    /// The metrics as OpenMetrics text.
    ///
    /// # Errors
    /// When a metric cannot be written, which is a defect.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 << 10);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Whether a code tells of a failure that is ours.
pub(super) fn is_server_error(code: usize) -> bool {
    outcome(code_name(code)) == "server_error"
}

/// Whose fault a code is.
fn outcome(code: &str) -> &'static str {
    match code {
        "OK" => "ok",
        "CANCELLED" => "canceled",
        "UNAVAILABLE" => "shed",
        "UNKNOWN" | "INTERNAL" | "DATA_LOSS" | "DEADLINE_EXCEEDED" => "server_error",
        _ => "client_error",
    }
}
