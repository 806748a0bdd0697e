//! The frame that gRPC puts a message in, by which the services of the tests answer.

use bytes::{BufMut, Bytes, BytesMut};

/// A message that is not compressed, in its frame.
pub fn frame(wire: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + wire.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(wire.len()).unwrap());
    frame.put_slice(wire);
    frame.freeze()
}
