//! What is served beside the RPCs: health, metrics, the documents, and the page that tries them out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time};

use super::docs;
use crate::{
    port::store::Store,
    telemetry::metrics::{DependencyLabel, Metrics},
};

/// How long an answer of a dependency is believed, so that nobody can wear it out by asking.
const PING_EVERY: Duration = Duration::from_secs(1);

/// How long a dependency has to answer whether it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// What the routes show.
pub struct Shown {
    /// The database.
    pub store: Arc<dyn Store>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The OpenAPI document, as JSON text.
    pub openapi: Bytes,
    /// When the process started.
    pub started: Instant,
    /// Whether the process is about to stop.
    pub draining: AtomicBool,
    /// What the database last answered, and when.
    pub pinged: Mutex<Option<(Instant, &'static str)>>,
}

/// The documents, for everyone.
pub fn documents(shown: &Arc<Shown>) -> Router {
    Router::new()
        .route("/", get(async || axum::response::Redirect::temporary("/docs")))
        .route("/openapi.json", get(openapi))
        .with_state(Arc::clone(shown))
        .merge(docs::routes())
}

/// Whether the server is alive and ready, without saying why: for everyone, when operators have a listener of their own.
pub fn brief_health(shown: &Arc<Shown>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(Arc::clone(shown))
}

/// Health in detail and metrics, for operators.
pub fn operators(shown: &Arc<Shown>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready_in_detail))
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(shown))
}

/// Liveness: whether the process can serve at all, whatever its dependencies do.
async fn health(State(shown): State<Arc<Shown>>) -> Json<Value> {
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": shown.started.elapsed().as_secs(),
    }))
}

/// Readiness: whether calls should be sent here now.
async fn ready(State(shown): State<Arc<Shown>>) -> Response {
    let (status, _) = readiness(&shown).await;
    let word = if status == StatusCode::OK { "ready" } else { "not ready" };
    (status, Json(json!({ "status": word }))).into_response()
}

async fn ready_in_detail(State(shown): State<Arc<Shown>>) -> Response {
    let (status, detail) = readiness(&shown).await;
    (status, Json(detail)).into_response()
}

async fn readiness(shown: &Shown) -> (StatusCode, Value) {
    let database = ping(shown).await;
    let draining = shown.draining.load(Ordering::Relaxed);
    let is_ready = database == "ok" && !draining;
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if is_ready { "ready" } else { "not ready" };
    (status, json!({ "status": word, "database": database, "draining": draining }))
}

/// Asks the database, one at a time; whoever comes meanwhile gets the same answer.
async fn ping(shown: &Shown) -> &'static str {
    let mut last = shown.pinged.lock().await;
    if let Some((when, answer)) = *last
        && when.elapsed() < PING_EVERY
    {
        return answer;
    }
    let answer = match time::timeout(PING_TIMEOUT, shown.store.ping()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "unavailable",
        Err(_) => "slow",
    };
    *last = Some((Instant::now(), answer));
    let label = DependencyLabel { dependency: "database" };
    let up = shown.metrics.dependencies.get_or_create_owned(&label);
    up.set((answer == "ok").into());
    answer
}

async fn metrics(State(shown): State<Arc<Shown>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    // So that what is shown of the database is of now, also where nobody asks for /ready.
    ping(&shown).await;
    match shown.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn openapi(State(shown): State<Arc<Shown>>) -> Response {
    cached(shown.openapi.clone().into(), "max-age=60")
}

/// An answer that others may keep.
pub(super) fn cached(json: Body, cache: &'static str) -> Response {
    const JSON: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");
    ([JSON, (header::CACHE_CONTROL, cache)], json).into_response()
}
