//! Where bytes become calls: listeners, limits of connections, headers of every answer, and which transport a request
//! is.

pub mod cors;
mod docs;
mod headers;
pub mod listener;
pub mod openapi;
mod peer;
pub mod routes;
pub mod service;
mod tls;
pub mod transports;
