//! The post over a real store, with a mailer that is moody.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use veza::{
    adapter::{
        crypto::DerivedKeys,
        system::{SystemClock, UuidV7},
    },
    domain::{
        Timestamp,
        id::Id,
        mail::{KEPT, Letter, State},
        text::Email,
        user::User,
    },
    port::{
        clock::Clock,
        crypto::{Kept, Vault},
        mailer::{Envelope, Failure, Handed, Line, Mailer, Post as _},
        store::KeptMail,
    },
    service::mail::{Links, Mails, Writer},
    telemetry::metrics::Metrics,
    worker::post::{Bell, Post},
};

use crate::world::{World, uuid};

on_each_store! {
    posts_that_share_the_work_send_each_mail_once,
    a_mail_that_is_refused_for_good_fails_and_the_others_are_sent,
    a_mailer_that_is_away_costs_no_mail_an_attempt,
    a_mailer_that_wants_one_line_only_gets_everything_over_it,
    a_letter_that_cannot_be_opened_fails_alone,
    what_has_expired_is_not_sent,
}

/// How long something may take to come about. Only what never does uses it up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A mailer that notes what it was given, and may be told to fail.
#[derive(Default)]
struct Moody {
    given: Mutex<Vec<Uuid>>,
    is_away: AtomicBool,
    turned_away: AtomicU64,
    /// How many lines may be open at a time; 0 for any number.
    lines_max: AtomicU64,
    lines: Arc<AtomicU64>,
    refused: Mutex<Option<Uuid>>,
}

struct MoodyLine {
    mailer: Arc<Moody>,
    open: Arc<AtomicU64>,
}

/// What the worker has of it.
struct Handle(Arc<Moody>);

#[async_trait]
impl Mailer for Handle {
    fn server(&self) -> Option<&str> {
        Some("moody:25")
    }

    async fn open(&self) -> Result<Box<dyn Line>, Failure> {
        let (mailer, open) = (Arc::clone(&self.0), Arc::clone(&self.0.lines));
        let most = mailer.lines_max.load(Ordering::Relaxed);
        let line = MoodyLine { mailer, open };
        let before = line.open.fetch_add(1, Ordering::Relaxed);
        if self.0.is_away.load(Ordering::Relaxed) || (most > 0 && before >= most) {
            self.0.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(Failure::Away("away".into()));
        }
        Ok(Box::new(line))
    }
}

impl Drop for MoodyLine {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Line for MoodyLine {
    async fn send(&mut self, mail: &Envelope) -> Result<Handed, Failure> {
        if self.mailer.is_away.load(Ordering::Relaxed) {
            return Err(Failure::Away("away".into()));
        }
        let id = mail.id.uuid();
        if *self.mailer.refused.lock().unwrap() == Some(id) {
            return Err(Failure::Never("550 nobody".into()));
        }
        for _ in 0..id.as_u128() % 5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(mail.letter.text, id.to_string());
        self.mailer.given.lock().unwrap().push(id);
        Ok(Handed::Sent(String::new()))
    }

    async fn close(self: Box<Self>) {}
}

/// Posts at work.
struct Posts {
    bell: Arc<Bell>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Posts {
    fn start(world: &World, mailer: &Arc<Moody>, number: usize) -> Self {
        let (bell, stop) = (Arc::new(Bell::default()), CancellationToken::new());
        let mut running = JoinSet::new();
        for _ in 0..number {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
            let post = Post {
                store: Arc::clone(&world.store),
                mails: Arc::new(mails(&bell)),
                mailer: Arc::new(Handle(Arc::clone(mailer))),
                keeps_logged: false,
                ids: Arc::new(UuidV7::new(Arc::clone(&clock))),
                clock,
                bell: Arc::clone(&bell),
                metrics: Arc::new(Metrics::new([])),
            };
            running.spawn(post.run(stop.clone()));
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

fn vault() -> DerivedKeys {
    DerivedKeys::new(&"a secret that only this test knows".to_owned().into()).unwrap()
}

fn mails(bell: &Arc<Bell>) -> Mails {
    let links = Links {
        public_url: String::new(),
        email_verification: String::new(),
        password_reset: String::new(),
    };
    let writer = Writer { links, sender: String::new() };
    Mails { writer, vault: Arc::new(vault()), post: Arc::clone(bell) as _ }
}

fn now() -> Timestamp {
    SystemClock::default().now()
}

/// A mail that was written at this time, and says its id.
fn mail(user: &User, record_time: Timestamp) -> KeptMail {
    let id = Id::from(uuid());
    let letter = Letter {
        name: String::new(),
        subject: String::new(),
        text: id.to_string(),
        html: String::new(),
    };
    let plain = serde_json::to_vec(&letter).unwrap();
    let sealed = vault().seal(Kept::Letter, id.uuid().as_bytes(), &plain).unwrap();
    let expire_time = record_time + Duration::from_mins(15);
    KeptMail {
        id,
        user_id: user.id,
        kind: "reset_password".into(),
        recipient: Email::trusted("ann@example.com".into()),
        sealed_letter: Some(sealed),
        state: State::Pending,
        record_time,
        expire_time,
        purge_time: expire_time + KEPT,
        attempts: 0,
        error: String::new(),
        end_time: None,
    }
}

async fn record(world: &World, mails: &[KeptMail]) {
    let mut tx = world.begin().await;
    for mail in mails {
        tx.insert_mail(mail).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// How many mails are in which state, once none is pending.
async fn until_done(world: &World) -> BTreeMap<&'static str, usize> {
    let look = async {
        loop {
            let mut counts = BTreeMap::new();
            for mail in world.read().await.list_mails(1000).await.unwrap() {
                *counts.entry(mail.state.name()).or_default() += 1;
            }
            if !counts.contains_key("PENDING") {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("mails are still pending")
}

async fn posts_that_share_the_work_send_each_mail_once(world: &World) {
    let ann = world.user("ann").await;
    let mailer = Arc::new(Moody::default());
    let posts = Posts::start(world, &mailer, 3);
    let mut recorded = Vec::new();
    for _ in 0..10 {
        let mails: Vec<_> = (0..15).map(|_| mail(&ann, now())).collect();
        record(world, &mails).await;
        posts.bell.wake();
        recorded.extend(mails.iter().map(|mail| mail.id.uuid()));
    }
    assert_eq!(until_done(world).await, BTreeMap::from([("SENT", 150)]));
    posts.stop().await;
    let mut given = mailer.given.lock().unwrap().clone();
    given.sort();
    assert_eq!(given, recorded);
}

async fn a_mail_that_is_refused_for_good_fails_and_the_others_are_sent(world: &World) {
    let ann = world.user("ann").await;
    let mails: Vec<_> = (0..5).map(|_| mail(&ann, now())).collect();
    record(world, &mails).await;
    let mailer = Arc::new(Moody::default());
    *mailer.refused.lock().unwrap() = Some(mails[0].id.uuid());
    let posts = Posts::start(world, &mailer, 1);
    assert_eq!(until_done(world).await, BTreeMap::from([("FAILED", 1), ("SENT", 4)]));
    posts.stop().await;
    let kept = world.read().await.list_mails(100).await.unwrap();
    assert_eq!((&*kept[4].error, kept[4].attempts), ("550 nobody", 0));
}

async fn a_mailer_that_is_away_costs_no_mail_an_attempt(world: &World) {
    let ann = world.user("ann").await;
    let mailer = Arc::new(Moody::default());
    let posts = Posts::start(world, &mailer, 2);
    record(world, &[mail(&ann, now())]).await;
    until_done(world).await;
    mailer.is_away.store(true, Ordering::Relaxed);
    record(world, &[mail(&ann, now()), mail(&ann, now())]).await;
    posts.bell.wake();
    let tried = async {
        while mailer.turned_away.load(Ordering::Relaxed) < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.expect("it is not tried");
    mailer.is_away.store(false, Ordering::Relaxed);
    assert_eq!(until_done(world).await, BTreeMap::from([("SENT", 3)]));
    posts.stop().await;
    let kept = world.read().await.list_mails(100).await.unwrap();
    assert!(kept.iter().all(|mail| mail.attempts == 0));
    assert_eq!(mailer.given.lock().unwrap().len(), 3);
}

async fn a_mailer_that_wants_one_line_only_gets_everything_over_it(world: &World) {
    let ann = world.user("ann").await;
    let mails: Vec<_> = (0..50).map(|_| mail(&ann, now())).collect();
    record(world, &mails).await;
    let mailer = Arc::new(Moody::default());
    mailer.lines_max.store(1, Ordering::Relaxed);
    let posts = Posts::start(world, &mailer, 1);
    assert_eq!(until_done(world).await, BTreeMap::from([("SENT", 50)]));
    posts.stop().await;
    assert_eq!(mailer.given.lock().unwrap().len(), 50);
}

async fn a_letter_that_cannot_be_opened_fails_alone(world: &World) {
    let ann = world.user("ann").await;
    let mut mails = [mail(&ann, now()), mail(&ann, now())];
    // A letter of another mail is no better than one that was made under another secret.
    let other = mails[1].sealed_letter.clone();
    mails[0].sealed_letter = other;
    record(world, &mails).await;
    let mailer = Arc::new(Moody::default());
    let posts = Posts::start(world, &mailer, 1);
    assert_eq!(until_done(world).await, BTreeMap::from([("FAILED", 1), ("SENT", 1)]));
    posts.stop().await;
    let kept = world.read().await.list_mails(100).await.unwrap();
    assert!(kept[1].error.contains("JWT_SECRET"), "{}", kept[1].error);
}

async fn what_has_expired_is_not_sent(world: &World) {
    let ann = world.user("ann").await;
    let old = mail(&ann, now() - Duration::from_mins(15));
    record(world, &[old, mail(&ann, now())]).await;
    let mailer = Arc::new(Moody::default());
    let posts = Posts::start(world, &mailer, 2);
    assert_eq!(until_done(world).await, BTreeMap::from([("EXPIRED", 1), ("SENT", 1)]));
    posts.stop().await;
    assert_eq!(mailer.given.lock().unwrap().len(), 1);
}
