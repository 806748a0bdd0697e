//! Veza: a self-hosted, gRPC-first backend. The modules, in the order that a call flows through them.

pub mod adapter;
pub mod config;
pub mod contract;
pub mod domain;
pub mod policy;
pub mod port;
pub mod rpc;
pub mod service;
pub mod telemetry;
