//! A bounded map that may forget: never the only place of anything.

use std::sync::Arc;

/// Values of `V` by `K`.
pub trait Cache<K, V: ?Sized>: Send + Sync {
    /// The value, if it is still there.
    fn get(&self, key: &K) -> Option<Arc<V>>;

    /// Keeps what was read from the store, unless something is there already: whoever writes knows better than whoever
    /// read before the write.
    fn fill(&self, key: K, value: Arc<V>);

    /// Keeps what was just written to the store, in place of whatever is there.
    fn put(&self, key: K, value: Arc<V>);
}
