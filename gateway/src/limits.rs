//! What a request may cost at most; each limit is checked before or while something is read.

/// Stacks are finite, and other implementations of protobuf stop here as well.
const DEPTH_MAX: usize = 100;

/// The limits of a gateway. The default is a body of 1 MiB, a depth of 64, 1000 elements, a URI of
/// 8 KiB, and 64 MiB for a message of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a request body; of one message, where the body is a stream of lines. A file
    /// that is taken as a stream has no limit here: its handler knows how much it wants.
    pub body_bytes_max: usize,
    /// How deep the objects and arrays of a body nest. More than 100 counts as 100.
    pub depth_max: usize,
    /// The elements of one list or map.
    pub elements_max: usize,
    /// The bytes of path and query together.
    pub uri_bytes_max: usize,
    /// The bytes of one message of the service, which is held until it is complete.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1 << 20,
            depth_max: 64,
            elements_max: 1000,
            uri_bytes_max: 8192,
            answer_bytes_max: 64 << 20,
        }
    }
}

impl Limits {
    pub(crate) fn depth(&self) -> usize {
        self.depth_max.min(DEPTH_MAX)
    }
}
