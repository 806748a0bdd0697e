//! REST and JSON in front of any gRPC service, from its descriptors alone; it knows nothing of the
//! service behind.
//!
//! [`Gateway`] is a tower service over HTTP requests that wraps another one which speaks gRPC. What
//! it serves stands in the `google.api.http` options of the descriptor set.
//!
//! ```
//! use gateway::{Gateway, Limits};
//!
//! /// The descriptor set, with its imports, as protoc or protox write it.
//! fn serve<S>(descriptor_set: &[u8], grpc: S) -> Result<Gateway<S>, gateway::BuildError> {
//!     Gateway::builder(descriptor_set)
//!         .error_domain("example.com")
//!         .limits(Limits { body_bytes_max: 64 << 10, ..Limits::default() })
//!         .etag_fields(["etag"])
//!         .build(grpc)
//! }
//! ```

pub mod binding;
pub mod check;
pub mod openapi;
pub mod rules;
mod source;
pub mod template;

mod accept;
mod admission;
mod answer;
mod body;
mod builder;
mod compiled;
mod error;
mod error_details;
mod error_json;
mod etag;
mod exchange;
mod frames;
mod headers;
mod intake;
mod json;
mod limits;
mod mask;
mod media_type;
mod path;
mod query;
mod reason;
mod request;
mod route;
mod router;
mod rpc_status;
mod service;
mod status;
mod suggestion;
mod tables;
mod wire;

pub use body::Body;
pub use builder::Builder;
pub use check::check;
pub use compiled::BuildError;
pub use error::{Error, Violation};
pub use limits::Limits;
pub use reason::{Reason, code_name, http_status};
pub use service::{Gateway, ServiceError};
