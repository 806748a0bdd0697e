//! What replicas share through Redis, on real servers that fail in every way.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod faults;
mod limits;
mod presence;
mod replica;
mod start;

#[path = "../support/process.rs"]
mod process;
#[path = "../support/redis.rs"]
mod redis;
