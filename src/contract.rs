//! The contract as data: the descriptors that build.rs made of proto/, with every option and comment.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

/// The encoded `google.protobuf.FileDescriptorSet` of every file in proto/ and what they import.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors, decoded once.
///
/// # Panics
/// Never: build.rs made the bytes from a pool.
#[expect(clippy::expect_used, reason = "build.rs made the bytes from a pool, so they are one")]
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the descriptors of the build"));
