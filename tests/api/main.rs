//! The server as its clients meet it: every promise of the API over gRPC, gRPC-web and REST, asked of a real process.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod api_key;
mod audit;
mod auth;
mod browser;
mod care;
mod chat;
mod command_line;
mod cookie;
mod device;
mod field;
mod guard;
mod hostile;
mod input;
mod key;
mod kind;
mod life;
mod limits;
mod mail;
mod meta;
mod metadata;
mod oauth;
mod operations;
mod paging;
mod parity;
mod password;
mod policy;
mod recovery;
mod revocation;
mod role;
mod route;
mod second_factor;
mod session;
mod sign_up;
mod stream;
mod time;
mod token;
mod user;
mod verification;
