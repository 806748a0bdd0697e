//! Veza: a self-hosted, gRPC-first backend. The modules, in the order that a call flows through them.

pub mod adapter;
pub mod domain;
pub mod port;
