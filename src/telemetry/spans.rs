//! The spans of calls, sent to a collector by OTLP over gRPC. A call that is not sampled costs nothing here.

use std::time::{Duration, SystemTime};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor},
};

use super::{access::Call, metrics::is_server_error};

/// How long a collector has to take a batch; also the last one, when the server stops.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Sends spans, in batches and from a thread of its own. Its queue is bounded: what does not fit is lost, and calls are not
/// held up.
pub struct Spans {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

impl Spans {
    /// Begins to send to a collector, as `http://127.0.0.1:4317`; one that is not there is tried again with each batch. Needs
    /// a runtime, on which the connection lives.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn send_to(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(TIMEOUT)
            .build()?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource =
            Resource::builder().with_service_name("veza").with_attribute(version).build();
        processor.set_resource(&resource);
        Ok(Self { processor, scope: InstrumentationScope::builder("veza").build() })
    }

    /// Sends the span of a call that is over, when its trace is sampled, or when the call failed by our fault.
    pub(super) fn record(&self, call: &Call, code: usize, elapsed: Duration) {
        let (trace, failed) = (&call.trace, is_server_error(code));
        if !trace.sampled && !failed {
            return;
        }
        let context = SpanContext::new(
            TraceId::from(trace.trace_id),
            SpanId::from(trace.span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        // Pages and probes are nobody's trace.
        let Some((_, name)) = call.method.get() else { return };
        #[expect(clippy::disallowed_methods, reason = "spans are of the machine's time")]
        let end_time = SystemTime::now();
        let status = if failed {
            Status::error(call.error.get().cloned().unwrap_or_default())
        } else {
            Status::Unset
        };
        self.processor.on_end(SpanData {
            span_context: context,
            parent_span_id: trace.parent_id.map_or(SpanId::INVALID, SpanId::from),
            parent_span_is_remote: trace.parent_id.is_some(),
            span_kind: SpanKind::Server,
            name: (*name).into(),
            start_time: end_time - elapsed,
            end_time,
            attributes: attributes(call, name, code),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        });
    }

    /// Sends what waits. Blocks for as long as a collector has to take a batch.
    pub fn finish(&self) {
        if let Err(error) = self.processor.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(error = %error, event = "spans_lost", "the last spans were not sent");
        }
    }
}

/// By the semantic conventions of OpenTelemetry for RPC.
fn attributes(call: &Call, name: &'static str, code: usize) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("rpc.system", "grpc"),
        KeyValue::new("rpc.grpc.status_code", i64::try_from(code).unwrap_or_default()),
        KeyValue::new("veza.transport", call.transport.name()),
        KeyValue::new("veza.request_id", call.request_id.clone()),
    ];
    if let Some((service, method)) = name.split_once('/') {
        attributes.push(KeyValue::new("rpc.service", service));
        attributes.push(KeyValue::new("rpc.method", method));
    }
    if let Some(user) = call.user_id.get() {
        attributes.push(KeyValue::new("user.id", user.to_string()));
    }
    attributes
}
