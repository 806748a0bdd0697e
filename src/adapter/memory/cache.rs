//! Bounded caches in memory.

use std::{hash::Hash, sync::Arc, time::Duration};

use moka::sync::Cache;

use crate::port::cache;

/// A cache that forgets what is used least, or what is older than its lifetime.
pub struct Bounded<K, V>(Cache<K, Arc<V>>)
where
    K: Hash + Eq;

impl<K, V> Bounded<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A cache of at most `entries_max` entries, none older than `lifetime`.
    #[must_use]
    pub fn new(entries_max: u64, lifetime: Duration) -> Self {
        Self(Cache::builder().max_capacity(entries_max).time_to_live(lifetime).build())
    }
}

impl<K, V> cache::Cache<K, V> for Bounded<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.0.get(key)
    }
    fn fill(&self, key: K, value: Arc<V>) {
        self.0.entry(key).or_insert(value);
    }
    fn put(&self, key: K, value: Arc<V>, supersedes: fn(&V, &V) -> bool) {
        self.0.entry(key).and_upsert_with(|there| match there {
            Some(there) if supersedes(there.value(), &value) => there.into_value(),
            _ => value,
        });
    }
}

/// A cache that keeps nothing: for a database that others change too.
pub struct Nothing;

impl<K, V> cache::Cache<K, V> for Nothing {
    fn get(&self, _: &K) -> Option<Arc<V>> {
        None
    }
    fn fill(&self, _: K, _: Arc<V>) {}
    fn put(&self, _: K, _: Arc<V>, _: fn(&V, &V) -> bool) {}
}
