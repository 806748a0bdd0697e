//! Turns of the calls of this process: a queue for each key that somebody has or waits for.

use std::sync::Arc;

use async_trait::async_trait;
use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::port::turns::{Turn, Turns};

type Key = [u8; 32];

/// The queues that are not empty.
#[derive(Default)]
pub struct Queues(Arc<DashMap<Key, Arc<Mutex<()>>>>);

/// The head of a queue.
struct Head {
    queues: Arc<DashMap<Key, Arc<Mutex<()>>>>,
    key: Key,
    /// There until it is dropped.
    turn: Option<OwnedMutexGuard<()>>,
}

#[async_trait]
impl Turns for Queues {
    async fn take(&self, key: Key) -> Box<dyn Turn> {
        let queue = Arc::clone(self.0.entry(key).or_default().value());
        // Made before the wait, so that a call that is given up meanwhile leaves no queue behind.
        let mut head = Head { queues: Arc::clone(&self.0), key, turn: None };
        head.turn = Some(queue.lock_owned().await);
        Box::new(head)
    }
}

impl Turn for Head {}

impl Drop for Head {
    fn drop(&mut self) {
        drop(self.turn.take());
        // Whoever waits has a share in the queue.
        self.queues.remove_if(&self.key, |_, queue| Arc::strong_count(queue) == 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn of_those_who_want_the_same_one_has_it_and_no_queue_is_left_behind() {
        let queues = Queues::default();
        let first = queues.take([1; 32]).await;
        let mut second = queues.take([1; 32]);
        assert!((&mut second).now_or_never().is_none());
        let mut given_up = queues.take([1; 32]);
        assert!((&mut given_up).now_or_never().is_none());
        let other = queues.take([2; 32]).now_or_never().expect("nobody has it");
        drop(given_up);
        drop(first);
        drop(second.now_or_never().expect("its turn"));
        assert_eq!(queues.0.len(), 1);
        drop(other);
        assert!(queues.0.is_empty());
    }
}
