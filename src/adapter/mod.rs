//! Implementations of the ports: each knows one thing of the world and nothing of the others. Only Redis knows
//! the memory that stands in for it.

pub mod crypto;
pub mod mail;
pub mod memory;
pub mod nats;
pub mod oauth;
pub mod passwords;
pub mod redis;
pub mod sql;
pub mod system;
pub mod totp;
