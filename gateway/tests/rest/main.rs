//! The gateway from the outside: HTTP requests in, and what the gRPC service behind it gets and answers.

mod body;
mod cases;
mod conditional;
mod errors;
mod headers;
mod json;
mod lazy;
mod query;
mod routing;
mod rules;
mod support;
mod templates;
mod updates;
