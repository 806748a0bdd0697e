//! REST and JSON in front of any gRPC service, from its descriptors alone; it knows nothing of the service behind.

pub mod binding;
pub mod check;
pub mod openapi;
pub mod rules;
mod source;
pub mod template;
