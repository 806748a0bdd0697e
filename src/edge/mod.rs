//! Where bytes become calls: listeners, limits of connections, headers of every answer, and which transport a request
//! is.

mod cors;
mod headers;
pub mod listener;
mod peer;
pub mod routes;
pub mod service;
mod tls;
