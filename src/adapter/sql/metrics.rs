//! What is measured of the database: its queries, by a closed set of names, and its connections.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};
use sqlx::{Database, Pool};

use super::query::Query;
use crate::domain::error::Race;

/// Upper bounds in seconds: from a look at what is cached to a call that ran out of time.
const DURATION_BUCKETS: [f64; 12] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// One label and its value.
type Label = [(&'static str, &'static str); 1];

/// The metrics of one store.
pub struct Metrics {
    slow_query: Duration,
    retries: Family<Label, Counter>,
    durations: Family<Label, Histogram>,
    slow: Family<Label, Counter>,
    /// By the number of the query.
    queries: [Handles; Query::ALL.len()],
    waiting: Gauge,
    pools: Pools,
    listening: Gauge,
}

/// The handles of one query.
struct Handles {
    durations: Histogram,
    slow: Counter,
}

impl Metrics {
    /// Metrics of a store whose queries are slow when they take longer than this.
    #[must_use]
    pub fn new(slow_query: Duration) -> Self {
        let durations =
            Family::new_with_constructor((|| Histogram::new(DURATION_BUCKETS)) as fn() -> _);
        let slow = Family::<Label, Counter>::default();
        let handles = |query: Query| Handles {
            durations: durations.get_or_create_owned(&[("query", query.name())]),
            slow: slow.get_or_create_owned(&[("query", query.name())]),
        };
        Self {
            slow_query,
            retries: Family::default(),
            queries: Query::ALL.map(handles),
            durations,
            slow,
            waiting: Gauge::default(),
            pools: Pools::default(),
            listening: Gauge::default(),
        }
    }

    /// Adds them to what is shown.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "db_retries",
            "Changes that were made again because the database could not let them pass beside others",
            self.retries.clone(),
        );
        registry.register_with_unit(
            "db_query_duration",
            "How long queries took, from the request to the last row",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "db_slow_queries",
            "Queries that took longer than DATABASE_SLOW_QUERY",
            self.slow.clone(),
        );
        registry.register(
            "db_pool_pending_requests",
            "Calls that wait for a database connection",
            self.waiting.clone(),
        );
        registry.register_collector(Box::new(self.pools.clone()));
        registry.register(
            "db_listening",
            "Whether what other replicas change is heard; while it is not, every call asks the database",
            self.listening.clone(),
        );
    }

    /// Measures the connections of a pool, too.
    pub(super) fn watch<D: Database>(&self, pool: &Pool<D>) {
        let pool = pool.clone();
        let count = move || (u64::from(pool.size()), pool.num_idle() as u64);
        self.pools.lock().push(Box::new(count));
    }

    /// Somebody waits for a connection, until it is dropped.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.inc();
        Waiting(&self.waiting)
    }

    /// Whether what others change is heard.
    pub(super) fn show_listening(&self, listening: bool) {
        self.listening.set(listening.into());
    }

    /// A query begins, and ends when it is dropped.
    pub(super) fn time(&self, query: Query) -> Timer<'_> {
        Timer { metrics: self, query, started: Instant::now() }
    }

    pub(super) fn count_retry(&self, race: Race) {
        let reason = match race {
            Race::Serialization => "serialization_failure",
            Race::Deadlock => "deadlock",
        };
        self.retries.get_or_create(&[("reason", reason)]).inc();
    }
}

/// Counts one who waits.
pub struct Waiting<'m>(&'m Gauge);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Measures a query to its end, which may be that its caller has given it up.
pub struct Timer<'m> {
    metrics: &'m Metrics,
    query: Query,
    started: Instant,
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let handles = &self.metrics.queries[self.query as usize];
        handles.durations.observe(elapsed.as_secs_f64());
        if elapsed > self.metrics.slow_query {
            handles.slow.inc();
            tracing::warn!(
                query = self.query.name(),
                duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3,
                event = "slow_query",
                "a query took longer than DATABASE_SLOW_QUERY"
            );
        }
    }
}

/// The pools of a store, which are counted when somebody asks.
#[derive(Clone, Default)]
struct Pools(std::sync::Arc<Mutex<Vec<Count>>>);

/// How many connections a pool has, and how many of them are idle.
type Count = Box<dyn Fn() -> (u64, u64) + Send + Sync>;

impl Pools {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pools").field(&self.lock().len()).finish()
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.lock().iter().map(|count| count()).collect::<Vec<_>>();
        let idle: u64 = counts.iter().map(|(_, idle)| idle).sum();
        let all: u64 = counts.iter().map(|(all, _)| all).sum();
        let mut family = encoder.encode_descriptor(
            "db_pool_connections",
            "Database connections that are open.",
            None,
            MetricType::Gauge,
        )?;
        // The two are not read at the same moment.
        for (state, connections) in [("idle", idle), ("used", all.saturating_sub(idle))] {
            let gauge = ConstGauge::new(i64::try_from(connections).unwrap_or(i64::MAX));
            gauge.encode(family.encode_family(&[("state", state)])?)?;
        }
        Ok(())
    }
}
