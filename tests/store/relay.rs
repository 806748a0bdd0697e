//! The relay over a real outbox, with a bus that fails, lingers and goes away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use veza::{
    adapter::system::SystemClock,
    domain::{Error, Result, room::Room},
    port::bus::{Bus, Message, Place, Relay as _},
    telemetry::metrics::Metrics,
    worker::relay::{Bell, Relay},
};

use crate::world::{World, new_room, new_user};

on_each_store! {
    relays_that_share_the_work_keep_the_order_of_each_resource_whatever_fails,
    an_event_that_the_bus_never_takes_holds_up_its_resource_only,
    while_the_bus_is_away_nothing_is_claimed,
    what_waits_is_published_before_the_relay_stops,
}

/// How long something may take to come about. Only what never does uses it up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A bus that notes what it was given, and may be told to fail.
struct Moody {
    given: Mutex<Vec<Uuid>>,
    /// Of how many messages one is refused, and one taken without a word of it.
    one_of: Option<u64>,
    poison: Option<Uuid>,
    asked: AtomicU64,
    up: watch::Sender<bool>,
    touched_while_away: AtomicBool,
}

impl Moody {
    fn new(one_of: Option<u64>, poison: Option<Uuid>) -> Arc<Self> {
        Arc::new(Self {
            given: Mutex::default(),
            one_of,
            poison,
            asked: AtomicU64::new(0),
            up: watch::Sender::new(true),
            touched_while_away: AtomicBool::new(false),
        })
    }

    fn given(&self) -> Vec<Uuid> {
        self.given.lock().unwrap().clone()
    }

    /// What a consumer has that drops what it has seen.
    fn seen(&self) -> Vec<Uuid> {
        let mut seen = BTreeSet::new();
        self.given().into_iter().filter(|id| seen.insert(*id)).collect()
    }

    async fn until_seen(&self, number: usize) {
        let look = async {
            while self.seen().len() < number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, look).await;
        assert!(ended.is_ok(), "{} of {number} are there", self.seen().len());
    }
}

#[async_trait]
impl Bus for Moody {
    async fn publish(&self, message: &Message) -> Result<Option<Place>> {
        if !*self.up.borrow() {
            self.touched_while_away.store(true, Ordering::Relaxed);
            return Err(Error::Unavailable("away".into()));
        }
        let turn = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let place = self.one_of.map(|one_of| turn % one_of);
        if self.poison == Some(message.id) || place == Some(0) {
            return Err(Error::Unavailable("refused".into()));
        }
        for _ in 0..turn % 5 {
            tokio::task::yield_now().await;
        }
        self.given.lock().unwrap().push(message.id);
        if place == Some(1) {
            return Err(Error::Unavailable("no answer".into()));
        }
        Ok(None)
    }

    async fn last_place(&self) -> Result<Option<Place>> {
        Ok(None)
    }

    fn openings(&self) -> u64 {
        0
    }

    async fn ready(&self) {
        self.up.subscribe().wait_for(|up| *up).await.unwrap();
    }

    fn is_up(&self) -> Option<bool> {
        Some(*self.up.borrow())
    }

    async fn keep(&self) {}

    fn subscribe(&self) -> BoxStream<'static, Message> {
        Box::pin(futures::stream::empty())
    }
}

/// Relays at work.
struct Relays {
    bell: Arc<Bell>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Relays {
    fn start(world: &World, bus: &Arc<Moody>, number: usize) -> Self {
        let (bell, stop) = (Arc::new(Bell::default()), CancellationToken::new());
        let mut running = JoinSet::new();
        for _ in 0..number {
            let relay = Relay {
                store: Arc::clone(&world.store),
                bus: Arc::clone(bus) as _,
                clock: Arc::new(SystemClock::default()),
                bell: Arc::clone(&bell),
                metrics: Arc::new(Metrics::new([])),
            };
            running.spawn(relay.run(stop.clone()));
        }
        Self { bell, stop, running }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
    }
}

async fn pending(world: &World) -> i64 {
    world.read().await.outbox_status().await.unwrap().pending
}

async fn relays_that_share_the_work_keep_the_order_of_each_resource_whatever_fails(world: &World) {
    let ann = new_user("ann");
    let rooms: Vec<Room> = (0..20).map(|index| new_room(&ann, &index.to_string())).collect();
    let bus = Moody::new(Some(29), None);
    let relays = Relays::start(world, &bus, 2);
    let mut recorded: BTreeMap<usize, Vec<Uuid>> = BTreeMap::new();
    for round in 0..9 {
        for (place, room) in rooms.iter().enumerate().filter(|(place, _)| (place + round) % 3 > 0) {
            recorded.entry(place).or_default().extend(world.record(&[room, room]).await);
        }
        relays.bell.wake();
    }
    let number = recorded.values().map(Vec::len).sum();
    bus.until_seen(number).await;
    relays.stop().await;
    let seen = bus.seen();
    for events in recorded.values() {
        let of_room: Vec<_> = seen.iter().filter(|id| events.contains(id)).copied().collect();
        assert_eq!(&of_room, events);
    }
}

async fn an_event_that_the_bus_never_takes_holds_up_its_resource_only(world: &World) {
    let ann = new_user("ann");
    let [blocked, free] = [new_room(&ann, "blocked"), new_room(&ann, "free")];
    let recorded = world.record(&[&blocked, &blocked, &free, &blocked, &free, &free]).await;
    let bus = Moody::new(None, Some(recorded[1]));
    let relays = Relays::start(world, &bus, 1);
    bus.until_seen(4).await;
    relays.stop().await;
    let mut seen = bus.seen();
    seen.sort();
    assert_eq!(seen, [recorded[0], recorded[2], recorded[4], recorded[5]]);
    assert_eq!(pending(world).await, 2);
}

async fn while_the_bus_is_away_nothing_is_claimed(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let bus = Moody::new(None, None);
    bus.up.send_replace(false);
    let relays = Relays::start(world, &bus, 2);
    let recorded = world.record(&[&room, &room]).await;
    relays.bell.wake();
    world.record(&[&room]).await;
    relays.bell.wake();
    let leased = "SELECT event_type FROM outbox WHERE due_time IS NOT NULL OR attempts > 0";
    assert!(world.sql(leased).await.is_empty());
    assert!(!bus.touched_while_away.load(Ordering::Relaxed));
    bus.up.send_replace(true);
    bus.until_seen(3).await;
    assert_eq!(bus.seen()[..2], recorded);
    relays.stop().await;
}

async fn what_waits_is_published_before_the_relay_stops(world: &World) {
    let bus = Moody::new(None, None);
    let relays = Relays::start(world, &bus, 1);
    let ann = new_user("ann");
    let rooms: Vec<Room> = (0..600).map(|index| new_room(&ann, &index.to_string())).collect();
    let recorded = world.record(&rooms.iter().collect::<Vec<_>>()).await;
    // Nobody wakes it.
    relays.stop().await;
    assert_eq!(bus.seen().len(), recorded.len());
    assert_eq!(pending(world).await, 0);
}
