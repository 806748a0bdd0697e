//! A bounded map that may forget: never the only place of anything.

use std::sync::Arc;

/// How often a key was replaced or forgotten before something that takes time began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(pub u64);

/// Values of `V` by `K`, each read from the store or written to it.
///
/// Whoever reads or writes the store takes a stamp first. Values that came out of the store before somebody else changed
/// it, and come here after that change did, are recognised by it and dropped.
pub trait Cache<K, V>: Send + Sync {
    /// The value, if it is still there.
    fn get(&self, key: &K) -> Option<Arc<V>>;

    /// The stamp of this moment.
    fn stamp(&self, key: &K) -> Stamp;

    /// Keeps what was read from the store, unless the key was replaced or forgotten since the stamp.
    fn fill(&self, key: K, value: Arc<V>, since: Stamp);

    /// Keeps what was written to the store and forgets what was before; forgets both when the key was replaced or
    /// forgotten since the stamp, because then nobody here knows which of two writes was the last.
    fn replace(&self, key: K, value: Arc<V>, since: Stamp);

    /// Forgets the value of a key.
    fn forget(&self, key: &K);

    /// Forgets everything.
    fn forget_all(&self);
}
