//! What is measured of the database.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::domain::error::Race;

/// One label and its value.
type Label = [(&'static str, &'static str); 1];

/// The metrics of one store.
#[derive(Default)]
pub struct Metrics {
    retries: Family<Label, Counter>,
}

impl Metrics {
    /// Adds them to what is shown.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "db_retries",
            "Changes that were made again because the database could not let them pass beside others",
            self.retries.clone(),
        );
    }

    pub(super) fn count_retry(&self, race: Race) {
        let reason = match race {
            Race::Serialization => "serialization_failure",
            Race::Deadlock => "deadlock",
        };
        self.retries.get_or_create(&[("reason", reason)]).inc();
    }
}
