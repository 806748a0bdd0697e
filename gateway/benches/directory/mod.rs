//! The service that is measured: a directory of people behind tonic.

mod contract;
mod messages;
mod native;
mod service;

pub use contract::descriptor_set;
pub use messages::{GetUserRequest, ListUsersRequest, User, UserList};
pub use native::{native, send};
pub use service::{CREATE, Directory, GET, LIST};
