//! A bounded map that may forget: never the only place of anything.

use std::sync::Arc;

/// Values of `V` by `K`.
pub trait Cache<K, V>: Send + Sync {
    /// The value, if it is still there.
    fn get(&self, key: &K) -> Option<Arc<V>>;

    /// Keeps what was read from the store, unless something is there already: whoever writes knows better than whoever
    /// read before the write.
    fn fill(&self, key: K, value: Arc<V>);

    /// Keeps what was just written to the store, unless what is there `supersedes(there, value)`: of two that wrote at the
    /// same time, the first may come here last.
    fn put(&self, key: K, value: Arc<V>, supersedes: fn(&V, &V) -> bool);
}
