//! What Veza is about: entities, checked values, events and the one error type. No input or output happens here.

pub mod api_key;
pub mod attempt;
pub mod audit;
pub mod caller;
pub mod device;
pub mod errand;
pub mod error;
pub mod event;
pub mod id;
pub mod identity;
pub mod key;
pub mod mail;
pub mod network;
pub mod one_time_token;
pub mod page;
pub mod password;
pub mod permission;
pub mod reason;
pub mod resource;
pub mod room;
pub mod second_factor;
pub mod session;
pub mod stream;
pub mod text;
pub mod user;
pub mod verification;

pub use error::{Error, Result};

/// A point in time, in UTC. Stored and compared with microsecond precision.
pub type Timestamp = time::OffsetDateTime;
