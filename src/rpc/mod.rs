//! The proto services: each method turns a message into domain values, calls a use case, and turns the result back.

pub mod access;
pub mod auth;
pub mod chat;
pub mod codec;
mod convert;
mod cookie;
mod delivery;
pub mod event;
mod filter;
mod input;
mod mask;
pub mod meta;
pub mod mfa;
pub mod oauth;
mod page;
pub mod proto;
pub mod status;
pub mod stream;
pub mod token;
pub mod user;
