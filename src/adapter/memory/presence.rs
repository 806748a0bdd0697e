//! Who is active on this server, in memory whose size does not depend on how many they are.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use cardinality_estimator::CardinalityEstimator;
use uuid::Uuid;

use crate::{
    domain::{id::Id, user::User},
    port::{
        clock::Clock,
        presence::{Active, Presence},
    },
};

/// How many users can be known to be noted already: a power of two. Whoever has the place of somebody else is noted again,
/// which changes nothing.
const PLACES: usize = 1 << 16;

/// How many users are noted between two counts; who comes after them is noted by a later call.
const NOTED_MAX: usize = 1 << 16;

/// A stretch of time in pieces: the last piece is the present one, and those before it are together as long as the
/// stretch. What is counted is therefore up to one piece too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// How long a piece is, in seconds.
    pub piece: i64,
    /// How many there are beside the present one.
    pub pieces: i64,
}

impl Stretch {
    /// The minute, the hour and the day.
    pub const ALL: [Self; 3] = [
        Self { piece: 10, pieces: 6 },
        Self { piece: 60, pieces: 60 },
        Self { piece: 3600, pieces: 24 },
    ];

    /// The number of the piece at this time, and before it those of the rest of the stretch.
    #[must_use]
    pub fn pieces_until(self, seconds: i64) -> std::ops::RangeInclusive<i64> {
        let now = seconds.div_euclid(self.piece);
        now - self.pieces..=now
    }
}

/// Who was active on this server.
pub struct Local {
    clock: Arc<dyn Clock>,
    /// The users who were noted since the last count, each in the place that their id gives: the upper bits of the id,
    /// and the number of the count.
    places: Box<[AtomicU64]>,
    counts: AtomicU64,
    noted: Mutex<Vec<Uuid>>,
    sketches: Mutex<[VecDeque<(i64, Sketch)>; 3]>,
}

/// Estimates of 1.6% (one standard deviation), in at most 3 KiB; nearly exact up to a hundred users.
type Sketch = CardinalityEstimator<Uuid>;

impl Local {
    /// Nobody yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            places: (0..PLACES).map(|_| AtomicU64::default()).collect(),
            counts: AtomicU64::new(1),
            noted: Mutex::default(),
            sketches: Mutex::default(),
        }
    }

    /// The users who were noted since this was asked last, and the time in seconds since 1970.
    pub fn take(&self) -> (Vec<Uuid>, i64) {
        self.counts.fetch_add(1, Ordering::Relaxed);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        (mem::take(&mut *noted), self.clock.now().unix_timestamp())
    }

    /// Counts these users as active at this time, and tells how many were.
    pub fn add(&self, users: &[Uuid], seconds: i64) -> Active {
        let mut sketches = self.sketches.lock().unwrap_or_else(PoisonError::into_inner);
        for (stretch, sketches) in Stretch::ALL.into_iter().zip(&mut *sketches) {
            let pieces = stretch.pieces_until(seconds);
            sketches.retain(|(piece, _)| pieces.contains(piece));
            if users.is_empty() {
                continue;
            }
            if sketches.back().is_none_or(|(piece, _)| piece != pieces.end()) {
                sketches.push_back((*pieces.end(), Sketch::new()));
            }
            if let Some((_, sketch)) = sketches.back_mut() {
                for user in users {
                    sketch.insert(user);
                }
            }
        }
        let [minute, hour, day] = sketches.each_ref().map(estimate);
        Active { minute, hour, day }
    }
}

#[async_trait]
impl Presence for Local {
    fn note(&self, user: Id<User>) {
        let user = user.uuid();
        // The lower half of an id is random.
        let (_, bits) = user.as_u64_pair();
        let index = bits % PLACES as u64;
        let place = &self.places[usize::try_from(index).unwrap_or_default()];
        let mark = bits - index + self.counts.load(Ordering::Relaxed) % PLACES as u64;
        if place.load(Ordering::Relaxed) == mark {
            return;
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < NOTED_MAX {
            noted.push(user);
            place.store(mark, Ordering::Relaxed);
        }
    }

    async fn count(&self) -> Active {
        let (users, seconds) = self.take();
        self.add(&users, seconds)
    }
}

fn estimate(sketches: &VecDeque<(i64, Sketch)>) -> u64 {
    let mut all = Sketch::new();
    for (_, sketch) in sketches {
        all.merge(sketch);
    }
    all.estimate() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Timestamp;

    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH + Duration::from_hours(1_000_000) + *self.0.lock().unwrap()
        }
        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    fn world() -> (Local, impl Fn(u64)) {
        let hand = Arc::new(Hand::default());
        let local = Local::new(Arc::clone(&hand) as _);
        (local, move |seconds| *hand.0.lock().unwrap() += Duration::from_secs(seconds))
    }

    fn user(number: u64) -> Id<User> {
        // Spread as the random half of an id is.
        Uuid::from_u64_pair(number, number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).into()
    }

    async fn counted(local: &Local) -> [u64; 3] {
        let Active { minute, hour, day } = local.count().await;
        [minute, hour, day]
    }

    #[tokio::test]
    async fn a_user_counts_once_however_often_they_call_and_for_as_long_as_is_said() {
        let (local, pass) = world();
        assert_eq!(counted(&local).await, [0, 0, 0]);
        (0..1000).for_each(|_| local.note(user(1)));
        assert_eq!(counted(&local).await, [1, 1, 1]);
        local.note(user(1));
        local.note(user(2));
        assert_eq!(counted(&local).await, [2, 2, 2]);
        pass(59);
        local.note(user(3));
        assert_eq!(counted(&local).await, [3, 3, 3]);
        pass(11);
        assert_eq!(counted(&local).await, [1, 3, 3]);
        pass(3600);
        assert_eq!(counted(&local).await, [0, 0, 3]);
        pass(24 * 3600);
        assert_eq!(counted(&local).await, [0, 0, 0]);
    }

    #[tokio::test]
    async fn many_users_are_counted_to_a_few_percent_in_bounded_memory() {
        let (local, _) = world();
        for number in 0..50_000 {
            local.note(user(number));
        }
        let [minute, hour, day] = counted(&local).await;
        assert_eq!((minute, hour), (hour, day));
        assert!((47_500..=52_500).contains(&minute), "{minute}");
        let sketches = local.sketches.lock().unwrap();
        assert!(sketches.iter().flatten().all(|(_, sketch)| sketch.size_of() <= 4096));
    }

    #[tokio::test]
    async fn who_does_not_fit_is_noted_by_a_later_call() {
        let (local, _) = world();
        let all = NOTED_MAX as u64 + 10_000;
        (0..all).for_each(|number| local.note(user(number)));
        assert_eq!(local.take().0.len(), NOTED_MAX);
        (NOTED_MAX as u64..all).for_each(|number| local.note(user(number)));
        assert_eq!(local.take().0.len(), 10_000);
    }
}
