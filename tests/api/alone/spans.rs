//! The spans of calls, as a collector gets them.

use std::{net::SocketAddr, time::Duration};

use futures::stream;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value,
    trace::v1::Span,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time,
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Response, Status, transport::Server};

use crate::support::{
    app::{App, PASSWORD},
    client::{Call, Transport},
    rpc::{GET_ME, LOGIN},
    server::Environment,
};

/// How long a span may take to arrive. Only one that never comes uses it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A collector, and the spans that it got.
struct Collector {
    address: SocketAddr,
    spans: UnboundedReceiver<Span>,
    _server: AbortOnDropHandle<()>,
}

struct Inbox(UnboundedSender<Span>);

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            self.0.send(span).ok();
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, spans) = mpsc::unbounded_channel();
        let connections = stream::unfold(listener, |listener| async {
            let connection = listener.accept().await.map(|(socket, _)| socket);
            Some((connection, listener))
        });
        let service = TraceServiceServer::new(Inbox(sender));
        let serve = Server::builder().add_service(service).serve_with_incoming(connections);
        let server = tokio_util::task::TaskTracker::new().spawn(async { serve.await.unwrap() });
        Self { address, spans, _server: AbortOnDropHandle::new(server) }
    }

    fn environment(&self) -> Environment {
        let endpoint = format!("http://{}", self.address);
        Environment::new()
            .set("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
            .set("OTEL_TRACES_SAMPLER_ARG", "0")
    }

    async fn next(&mut self) -> Span {
        time::timeout(PATIENCE, self.spans.recv()).await.expect("a span").expect("a collector")
    }
}

/// The value of an attribute, as text.
fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?} in {span:#?}"),
    }
}

/// The value of `traceparent` for the call of this number.
fn parent(number: usize, sampled: bool) -> String {
    format!("00-{:032x}-{:016x}-{:02x}", 0x1000 + number, 0x2000 + number, u8::from(sampled))
}

#[tokio::test]
async fn a_call_whose_trace_is_recorded_leaves_its_span_over_every_transport() {
    let mut collector = Collector::start().await;
    let app = App::alone(collector.environment());
    let ann = app.user("ann").await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let call =
            |sampled| Call::to(GET_ME, json!({})).header("traceparent", &parent(number, sampled));
        ann.send(transport, call(false)).await.ok();
        ann.send(transport, call(true)).await.ok();
    }
    for number in 0..Transport::ALL.len() {
        let span = collector.next().await;
        assert_eq!(span.trace_id, (0x1000 + number as u128).to_be_bytes());
        assert_eq!(span.parent_span_id, (0x2000 + number as u64).to_be_bytes());
        assert_eq!(span.name, GET_ME);
        assert_eq!(attribute(&span, "rpc.method"), "GetMe");
        assert_eq!(attribute(&span, "rpc.service"), "veza.user.v1.UserService");
        assert_eq!(attribute(&span, "rpc.grpc.status_code"), "0");
        assert_eq!(attribute(&span, "user.id"), ann.id);
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    }
}

#[tokio::test]
async fn a_call_that_fails_by_our_fault_leaves_its_span_in_any_case() {
    let mut collector = Collector::start().await;
    let app = App::alone(collector.environment());
    let ann = app.user("ann").await;
    // A password takes longer than a millisecond to hash.
    let request = json!({ "identifier": ann.username, "password": PASSWORD });
    let hurried = Call::to(LOGIN, request).header("grpc-timeout", "1m");
    let reply = app.send(Transport::Grpc, &hurried).await;
    assert_eq!(reply.code, "DEADLINE_EXCEEDED", "{reply:#?}");
    let span = collector.next().await;
    assert_eq!(attribute(&span, "rpc.grpc.status_code"), "4");
}

#[tokio::test]
async fn what_waits_is_sent_when_the_server_stops() {
    let mut collector = Collector::start().await;
    let app = App::alone(collector.environment());
    let ann = app.user("ann").await;
    let call = Call::to(GET_ME, json!({})).header("traceparent", &parent(1, true));
    ann.send(Transport::Rest, call).await.ok();
    let stopped = tokio::task::spawn_blocking(move || app.server.stop()).await.unwrap();
    assert!(stopped.success());
    assert!(collector.spans.try_recv().is_ok());
}

#[test]
fn a_collector_that_is_not_there_holds_up_nothing() {
    let environment = Environment::new()
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .set("OTEL_TRACES_SAMPLER_ARG", "1");
    assert!(environment.start().stop().success());
}
