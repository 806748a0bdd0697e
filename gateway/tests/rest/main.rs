//! The gateway from the outside: HTTP requests in, and what the gRPC service behind it gets and
//! answers.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "it says how many cases ran")]

mod body;
mod cases;
mod conditional;
mod errors;
mod files;
#[path = "../frame/mod.rs"]
mod frame;
mod headers;
mod hostile;
mod json;
mod lazy;
mod live;
mod problems;
mod query;
mod remote;
mod robustness;
mod routing;
mod rules;
#[path = "../sources/mod.rs"]
mod sources;
mod streams_in;
mod streams_out;
mod support;
mod templates;
mod updates;
mod violations;
