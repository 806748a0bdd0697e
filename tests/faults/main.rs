//! What breaks and what holds: real servers under load, real dependencies that are killed, cut off or emptied, and an
//! oracle that compares what clients were told with what is there when it is over. docs/reliability.md tells the rest.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "an experiment prints its figures")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests of the API use the rest of it")]
mod support;

#[path = "../support/proxy.rs"]
mod proxy;

mod chance;
mod crash;
mod drain;
mod experiment;
mod kill;
mod ledger;
mod nats;
mod oracle;
mod postgres;
mod probe;
mod proxied;
mod redis;
mod sqlite;
mod store;
mod targets;
mod workload;
