//! A database with the current schema, and what to put into it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;
use veza::{
    adapter::sql::{self, Options, Pooler},
    app,
    config::{Config, Secrets},
    domain::{
        Result, Timestamp,
        event::{Data, Event},
        id::Id,
        page::{Cursor, Order, OrderKey, Page, PageQuery},
        resource::Meta,
        room::{self, Room},
        session::{IDLE_LIFETIME, Proof, Session},
        stream::{self, Stream},
        text::{Email, Text, Username},
        user::{Profile, State, User},
    },
    port::store::{Published, Read, Store, Tx},
};

use crate::{pgbouncer, postgres};

/// The time of the first thing that happens in a test.
pub const START: Timestamp = datetime!(2026-11-01 12:00:00.123456 UTC);

/// Who waits for another transaction.
const WAITING: &str = "SELECT query FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";

pub struct World {
    pub options: Options,
    pub store: Arc<dyn Store>,
    /// The database itself, whatever is in between.
    url: String,
    _folder: Option<TempDir>,
}

impl World {
    pub async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let url = format!("sqlite:{}", folder.path().join("veza.db").display());
        Self::with_schema(url, Some(folder)).await
    }

    pub async fn on_postgres() -> Self {
        Self::with_schema(postgres::server().create_database().await, None).await
    }

    pub async fn on_pgbouncer() -> Self {
        let Self { url, .. } = Self::on_postgres().await;
        let pooled = pgbouncer::in_front_of(&url);
        let options = Options { pooler: Pooler::Transaction, ..options(pooled) };
        let store = open(&options).await.unwrap();
        Self { options, store, url, _folder: None }
    }

    async fn with_schema(url: String, folder: Option<TempDir>) -> Self {
        let options = options(url.clone());
        sql::migrate(&options, &|_| {}).await.unwrap();
        let store = open(&options).await.unwrap();
        Self { options, store, url, _folder: folder }
    }

    pub async fn read(&self) -> Box<dyn Read> {
        self.store.read().await.unwrap()
    }

    pub async fn begin(&self) -> Box<dyn Tx> {
        self.store.begin().await.unwrap()
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite")
    }

    /// Runs statements behind the store's back, and returns the first column of what they find.
    pub async fn sql(&self, sql: &str) -> Vec<String> {
        let url = &self.url;
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            let rows = connection.fetch_all(sql).await.unwrap();
            connection.close().await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = PgConnection::connect(url).await.unwrap();
            let rows = connection.fetch_all(sql).await.unwrap();
            connection.close().await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// Returns when a statement waits for another transaction. On SQLite that is before it reaches the database, and a
    /// call that is polled does so at once.
    pub async fn until_someone_waits(&self) {
        if self.is_sqlite() {
            return;
        }
        let look = async { while self.sql(WAITING).await.is_empty() {} };
        tokio::time::timeout(Duration::from_secs(10), look).await.expect("nobody waits");
    }

    /// Returns when no statement waits for another transaction, on PostgreSQL.
    pub async fn until_nobody_waits(&self) {
        let look = async { while !self.sql(WAITING).await.is_empty() {} };
        tokio::time::timeout(Duration::from_secs(10), look).await.expect("somebody waits");
    }

    pub async fn user(&self, name: &str) -> User {
        let user = new_user(name);
        self.insert_user(&user).await.unwrap();
        user
    }

    pub async fn insert_user(&self, user: &User) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.insert_user(user, "hash").await?;
        tx.commit().await
    }

    pub async fn session(&self, user: &User) -> Session {
        let session = new_session(user);
        let mut tx = self.begin().await;
        tx.insert_session(&session).await.unwrap();
        tx.commit().await.unwrap();
        session
    }

    pub async fn room(&self, owner: &User, name: &str) -> Room {
        self.room_of_kind(owner, name, room::Kind::Public).await
    }

    pub async fn room_of_kind(&self, owner: &User, name: &str, kind: room::Kind) -> Room {
        let room = Room { kind, ..new_room(owner, name) };
        let mut tx = self.begin().await;
        tx.insert_room(&room).await.unwrap();
        tx.commit().await.unwrap();
        room
    }

    pub async fn stream(&self, owner: &User, title: &str) -> Stream {
        self.stream_seen_by(owner, title, stream::Visibility::Public).await
    }

    pub async fn stream_seen_by(
        &self,
        owner: &User,
        title: &str,
        visibility: stream::Visibility,
    ) -> Stream {
        let mut stream = new_stream(owner, title);
        stream.details.visibility = visibility;
        let mut tx = self.begin().await;
        tx.insert_stream(&stream).await.unwrap();
        tx.commit().await.unwrap();
        stream
    }

    /// Records that these rooms were created, in one transaction, and returns the ids of the events.
    pub async fn record(&self, rooms: &[&Room]) -> Vec<Uuid> {
        let mut tx = self.begin().await;
        let mut ids = Vec::new();
        for room in rooms {
            let event = room_created(room);
            tx.record(&event).await.unwrap();
            ids.push(event.id.uuid());
        }
        tx.commit().await.unwrap();
        ids
    }
}

/// The settings that a server has when nobody sets them.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    config: Config,
}

pub fn options(url: String) -> Options {
    let config = Line::parse_from(["veza"]).config;
    let secrets = Secrets { database_url: url.into(), ..Secrets::of_database() };
    Options {
        connections_min: 0,
        connections_max: 5,
        synchronous_normal: true,
        ..app::database(&config, &secrets)
    }
}

/// Opens a store as a server does.
pub async fn open(options: &Options) -> Result<Arc<dyn Store>> {
    sql::open(options, envelope, Arc::new(sql::Metrics::new(options.slow_query))).await
}

/// Stands in for the protobuf envelope.
pub fn envelope(event: &Event) -> Vec<u8> {
    format!("{} {}", event.data.event_type(), event.id).into_bytes()
}

/// An id greater than every one before it.
pub fn uuid() -> Uuid {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Uuid::from_u128(0x0190_d8a6_0000_7000_8000_0000_0000_0000 | u128::from(count))
}

pub fn id<T>() -> Id<T> {
    Id::from(uuid())
}

pub fn seconds(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

pub fn new_user(name: &str) -> User {
    User {
        id: id(),
        username: Username::trusted(name.into()),
        email: Email::trusted(format!("{name}@example.com")),
        email_verified: false,
        profile: Profile { display_name: text(name), ..Profile::default() },
        state: State::Active,
        roles: vec!["user".into()],
        meta: Meta::new(START),
    }
}

pub fn new_session(user: &User) -> Session {
    Session {
        id: id(),
        user_id: user.id,
        counter: 0,
        refresh_time: START,
        expire_time: START + IDLE_LIFETIME,
        client_name: "phone".into(),
        ip: "192.0.2.1".into(),
        user_agent: "test/1".into(),
        create_time: START,
        end_time: None,
        proofs: vec![Proof::Password],
        auth_time: START,
        last_seen_time: START,
    }
}

pub fn new_room(owner: &User, name: &str) -> Room {
    Room {
        id: id(),
        name: text(name),
        description: text("about"),
        kind: room::Kind::Public,
        owner_id: owner.id,
        member_count: 1,
        meta: Meta::new(START),
    }
}

pub fn new_stream(owner: &User, title: &str) -> Stream {
    Stream {
        id: id(),
        owner_id: owner.id,
        details: stream::Details {
            title: text(title),
            description: text("about"),
            visibility: stream::Visibility::Public,
            tags: vec!["chess".into(), "a \"quoted\" tag".into()],
            scheduled_start_time: Some(seconds(3600)),
        },
        state: stream::State::Idle,
        meta: Meta::new(START),
    }
}

pub fn room_created(room: &Room) -> Event {
    Event {
        id: id(),
        time: START,
        actor_id: Some(room.owner_id),
        trace_parent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        data: Data::RoomCreated(room.clone()),
    }
}

/// Events that a bus has taken which keeps nothing.
pub fn passed_on(ids: &[Uuid]) -> Vec<Published> {
    ids.iter().map(|id| Published { id: *id, place: None }).collect()
}

pub fn text<const MIN: usize, const MAX: usize, const LINES: bool>(
    text: &str,
) -> Text<MIN, MAX, LINES> {
    Text::trusted(text.into())
}

/// The first page of a list: long enough for everything in a test, oldest first.
pub fn everything() -> PageQuery {
    ordered(OrderKey::CreateTime, false, 100)
}

pub fn ordered(key: OrderKey, descending: bool, limit: i64) -> PageQuery {
    PageQuery { limit, order: Order { key, descending }, after: None }
}

/// Follows a list to its end, two items at a time, and returns what identifies each.
pub async fn walk<T>(
    key: OrderKey,
    descending: bool,
    mut list: impl AsyncFnMut(PageQuery) -> Page<T>,
    identify: impl Fn(&T) -> String,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = list(PageQuery { after, ..ordered(key, descending, 2) }).await;
        assert!(page.items.len() <= 2);
        found.extend(page.items.iter().map(&identify));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}
