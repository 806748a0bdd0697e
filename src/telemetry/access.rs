//! One call, from its first byte to its last: what the access log says of it and the metrics count.

use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::Instant,
};

use uuid::Uuid;

use super::{metrics::Metrics, spans::Spans};
use crate::domain::caller::{TraceContext, Transport};

/// The code of a call whose client went away before the answer (gRPC CANCELLED).
const CANCELLED: i32 = 1;

/// The code of a call that went well.
const OK: i32 = 0;

/// The names of the gRPC codes, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

tokio::task_local! {
    /// The call that is being worked for.
    static CURRENT: Arc<Call>;
}

/// What is known of a call. The edge makes it; the policy stack fills in what it learns.
pub struct Call {
    /// When its head had arrived.
    pub started: Instant,
    /// How it came in.
    pub transport: Transport,
    /// The address of the client, by the trusted-proxy rule.
    pub ip: IpAddr,
    /// The id that the client gave the request, or a new one.
    pub request_id: String,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The method, once it is known: its place in the metrics and its name.
    pub method: OnceLock<(usize, &'static str)>,
    /// The user, once they are known.
    pub user_id: OnceLock<Uuid>,
    /// The API key that it is made with, once it is known to be one.
    pub api_key_id: OnceLock<Uuid>,
    /// The reason of the answer, of a failure.
    pub reason: OnceLock<Cow<'static, str>>,
    /// What the log should know of a failure that the client is not told.
    pub error: OnceLock<String>,
    /// Whether the answer is a stream, which may last.
    pub streams: AtomicBool,
    code: AtomicI32,
}

impl Call {
    /// A call that has just come in.
    #[must_use]
    pub fn new(transport: Transport, ip: IpAddr, request_id: String, trace: TraceContext) -> Self {
        Self {
            started: Instant::now(),
            transport,
            ip,
            request_id,
            trace,
            method: OnceLock::new(),
            user_id: OnceLock::new(),
            api_key_id: OnceLock::new(),
            reason: OnceLock::new(),
            error: OnceLock::new(),
            streams: AtomicBool::new(false),
            code: AtomicI32::new(CANCELLED),
        }
    }

    /// Works for this call: log lines say meanwhile whose they are.
    pub fn work<T>(self: Arc<Self>, work: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, work)
    }

    /// Looks at the call that is being worked for, if it is one.
    pub fn current<T>(look: impl FnOnce(&Self) -> T) -> Option<T> {
        CURRENT.try_with(|call| look(call)).ok()
    }

    /// Notes the gRPC code of the answer.
    pub fn answered(&self, code: i32) {
        self.code.store(code, Ordering::Relaxed);
    }

    /// Notes that a request was refused before the policy, with the method that it would have called.
    pub fn refused(&self, method: Option<(usize, &'static str)>, code: i32, reason: &'static str) {
        if let Some(method) = method {
            self.method.set(method).ok();
        }
        self.answered(code);
        self.reason.set(Cow::Borrowed(reason)).ok();
    }

    /// Notes the HTTP status of an answer that no service gave: a page, or a request that is none of the contract's. Over
    /// gRPC it says nothing of how a call went, only that there is an answer.
    pub fn http_status(&self, status: u16) {
        let says_nothing = self.transport != Transport::Rest && status == 200;
        if self.method.get().is_none() && !says_nothing {
            self.answered(match status {
                ..=399 => OK,
                401 => 16,
                403 => 7,
                404 => 5,
                405 | 501 => 12,
                429 => 8,
                503 => 14,
                500.. => 13,
                _ => 3,
            });
        }
    }

    fn finish(&self, metrics: &Metrics, spans: Option<&Spans>) {
        let elapsed = self.started.elapsed();
        let code = usize::try_from(self.code.load(Ordering::Relaxed)).unwrap_or(2).min(16);
        let (index, method) = self.method.get().copied().unzip();
        if let Some(index) = index {
            metrics.count_call(index, self.transport, code, elapsed);
        }
        if let Some(spans) = spans {
            spans.record(self, code, elapsed);
        }
        let trace_id = format_args!("{:032x}", self.trace.trace_id).to_string();
        let span_id = format_args!("{:016x}", self.trace.span_id).to_string();
        tracing::info!(
            user_id = self.user_id.get().map(tracing::field::display),
            api_key_id = self.api_key_id.get().map(tracing::field::display),
            ip = %self.ip,
            trace_id,
            span_id,
            request_id = self.request_id,
            transport = self.transport.name(),
            rpc_method = method,
            code = CODES[code],
            reason = self.reason.get().map(|reason| &**reason),
            duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3,
            error = self.error.get().map(String::as_str),
            event = "call",
            "call finished",
        );
    }
}

/// Ends a call when it is dropped: when the answer's last byte is out, or when the client is gone.
pub struct Finish {
    /// The call.
    pub call: Arc<Call>,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Where its span goes, if it goes anywhere.
    pub spans: Option<Arc<Spans>>,
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        self.call.finish(&self.metrics, self.spans.as_deref());
    }
}

/// The name of a gRPC code.
#[must_use]
pub fn code_name(code: usize) -> &'static str {
    CODES.get(code).copied().unwrap_or("UNKNOWN")
}
