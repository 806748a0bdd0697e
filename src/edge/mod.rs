//! Where bytes become calls: listeners, limits of connections, headers of every answer, and which transport a request
//! is.

mod activity;
pub mod cors;
mod docs;
mod guests;
mod headers;
mod host;
mod linger;
pub mod listener;
pub mod metadata;
pub mod misdirected;
pub mod openapi;
pub mod origin;
mod peer;
pub mod probe;
mod refusal;
pub mod routes;
pub mod service;
pub mod tls;
pub mod transports;
