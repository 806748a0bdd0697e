//! Bounded caches in memory.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::sync::Cache;
use prometheus_client::metrics::counter::Counter;

use crate::port::cache::{self, Stamp};

/// Keys share this many counters: two keys of one counter now and then make each other be read once more.
const COUNTERS: usize = 256;

/// A cache that forgets what is used least, or what is older than its lifetime.
pub struct Bounded<K, V>
where
    K: Hash + Eq,
{
    entries: Cache<K, Arc<V>>,
    /// How often a key of each was replaced or forgotten. Held while an entry is changed; reading takes no lock.
    counters: Box<[Mutex<u64>]>,
    hasher: RandomState,
    hits: Counter,
    misses: Counter,
}

impl<K, V> Bounded<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// A cache of at most `entries_max` entries, none older than `lifetime`, that counts its hits and its misses.
    #[must_use]
    pub fn new(entries_max: u64, lifetime: Duration, [hits, misses]: [Counter; 2]) -> Self {
        Self {
            entries: Cache::builder().max_capacity(entries_max).time_to_live(lifetime).build(),
            counters: (0..COUNTERS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            hits,
            misses,
        }
    }

    fn counter(&self, key: &K) -> MutexGuard<'_, u64> {
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash % COUNTERS as u64).unwrap_or_default();
        lock(&self.counters[place])
    }
}

impl<K, V> cache::Cache<K, V> for Bounded<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn get(&self, key: &K) -> Option<Arc<V>> {
        let found = self.entries.get(key);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.inc();
        found
    }
    fn stamp(&self, key: &K) -> Stamp {
        Stamp(*self.counter(key))
    }
    fn fill(&self, key: K, value: Arc<V>, since: Stamp) {
        let counter = self.counter(&key);
        if *counter == since.0 {
            self.entries.insert(key, value);
        }
    }
    fn replace(&self, key: K, value: Arc<V>, since: Stamp) {
        let mut counter = self.counter(&key);
        if *counter == since.0 {
            self.entries.insert(key, value);
        } else {
            self.entries.invalidate(&key);
        }
        *counter += 1;
    }
    fn forget(&self, key: &K) {
        let mut counter = self.counter(key);
        self.entries.invalidate(key);
        *counter += 1;
    }
    fn forget_all(&self) {
        for counter in &self.counters {
            *lock(counter) += 1;
        }
        self.entries.invalidate_all();
    }
}

fn lock(counter: &Mutex<u64>) -> MutexGuard<'_, u64> {
    counter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::cache::Cache as _;

    fn cache() -> Bounded<&'static str, u32> {
        Bounded::new(10, Duration::from_mins(1), Default::default())
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let changes: [fn(&Bounded<&'static str, u32>); 3] = [
            |cache| cache.forget(&"ann"),
            |cache| cache.forget_all(),
            |cache| {
                cache.replace("ann", Arc::new(2), cache.stamp(&"ann"));
                cache.entries.invalidate(&"ann");
            },
        ];
        for change in changes {
            let cache = cache();
            let before = cache.stamp(&"ann");
            change(&cache);
            cache.fill("ann", Arc::new(1), before);
            assert_eq!(cache.get(&"ann"), None);
            cache.fill("ann", Arc::new(2), cache.stamp(&"ann"));
            assert_eq!(cache.get(&"ann").as_deref(), Some(&2));
        }
    }

    #[test]
    fn of_two_writes_at_once_neither_is_believed() {
        let cache = cache();
        let [one, other] = [cache.stamp(&"ann"), cache.stamp(&"ann")];
        cache.replace("ann", Arc::new(2), one);
        assert_eq!(cache.get(&"ann").as_deref(), Some(&2));
        cache.replace("ann", Arc::new(1), other);
        assert_eq!(cache.get(&"ann"), None);
    }
}
