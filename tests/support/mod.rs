//! What black-box tests share: a real server, the contract, and one client for every transport.

pub mod app;
pub mod client;
pub mod contract;
pub mod database;
pub mod forge;
pub mod grpc;
pub mod identity;
pub mod installation;
pub mod log;
pub mod nats;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod replicas;
pub mod reply;
pub mod rest;
pub mod rpc;
pub mod server;
pub mod smtp;
pub mod streams;
pub mod totp;
pub mod world;
