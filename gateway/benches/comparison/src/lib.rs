//! The directory as each of those that are compared has it.

pub mod bare;
#[path = "../../support/fixture.rs"]
pub mod fixture;
mod service;

pub use service::People;

/// The encoded descriptor set of the contract.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// What the generators make of the contract.
pub mod bench {
    pub mod directory {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/bench.directory.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/bench.directory.v1.serde.rs"));
            include!(concat!(env!("OUT_DIR"), "/bench.directory.v1.rest.rs"));
        }
    }
}

/// The routes by rest_over_grpc, whose code wants the packages beside it.
pub mod routes {
    use crate::bench;
    include!(concat!(env!("OUT_DIR"), "/transcoder.rest.rs"));
}
