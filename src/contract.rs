//! The contract as data: the descriptors that build.rs made of proto/, with every option and comment.

use std::{collections::HashSet, sync::LazyLock};

use prost_reflect::{DescriptorPool, MethodDescriptor};

/// The encoded `google.protobuf.FileDescriptorSet` of every file in proto/ and what they import.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors, decoded once.
///
/// # Panics
/// Never: build.rs made the bytes from a pool.
#[expect(clippy::expect_used, reason = "build.rs made the bytes from a pool, so they are one")]
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the descriptors of the build"));

/// Whether a client may send many of these messages in one call.
#[must_use]
pub fn is_streamed(message: &str) -> bool {
    static STREAMED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let services = POOL.services();
        let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
        let streaming = methods.filter(MethodDescriptor::is_client_streaming);
        streaming.map(|method| method.input().full_name().to_owned()).collect()
    });
    STREAMED.contains(message)
}
