//! Random schemas and messages, and what the gateway makes of them, against prost-reflect and
//! against models that are as simple as they are slow.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod differences;
mod draw;
mod echo;
#[path = "../frame/mod.rs"]
mod frame;
mod json;
mod message;
mod pieces;
mod reference;
mod refusals;
mod routes;
mod rules;
mod schema;
#[path = "../sources/mod.rs"]
mod sources;
mod spelling;
mod wire;
mod world;
