//! Veza: a self-hosted, gRPC-first backend. The modules, in the order that a call flows through them.

pub mod app;
pub mod command;
pub mod config;
pub mod contract;
pub mod edge;
pub mod policy;
pub mod rpc;

pub mod domain;
pub mod port;
pub mod service;

pub mod adapter;
pub mod telemetry;
pub mod worker;
