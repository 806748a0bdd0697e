//! What the database has, read behind the server's back.

use std::time::Duration;

use prost::Message;
use sqlx::{Connection, SqliteConnection};
use tokio::time;
use uuid::Uuid;
use veza::rpc::proto::event::v1::{self as proto, event::Data};

use super::experiment::eventually;
use crate::support::database::on_database;

/// Everything in a database that clients have asked for.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// Usernames.
    pub users: Vec<String>,
    /// Sessions.
    pub sessions: Vec<Session>,
    /// Rooms.
    pub rooms: Vec<Room>,
    /// The events of the outbox, in the order in which they were recorded.
    pub events: Vec<Event>,
}

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: Uuid,
    /// How often its token was exchanged.
    pub counter: i64,
    pub ended: bool,
}

/// A room.
#[derive(Debug, Clone)]
pub struct Room {
    pub id: Uuid,
    pub name: String,
    pub version: i64,
    pub deleted: bool,
}

/// An event.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: Uuid,
    /// As `room.updated`.
    pub kind: String,
    /// The resource that it happened to, as `rooms/0190...`.
    pub subject: String,
    /// The version of that after the event; 0 where it has none.
    pub version: i64,
    /// Whether the relay has noted that it is published.
    pub published: bool,
    /// What it tells: a username, a description, the ids of sessions.
    pub tells: Vec<String>,
}

type EventRow = (Uuid, String, String, i64, bool, Vec<u8>);

impl Store {
    /// Reads a database.
    pub async fn read(url: &str) -> Self {
        on_database!(url, |connection| {
            let users = sqlx::query_as::<_, (String,)>("SELECT username FROM users");
            let sessions = sqlx::query_as::<_, (Uuid, i64, bool)>(
                "SELECT id, counter, end_time IS NOT NULL FROM sessions",
            );
            let rooms = sqlx::query_as::<_, (Uuid, String, i64, bool)>(
                "SELECT id, name, version, delete_time IS NOT NULL FROM rooms",
            );
            let events = sqlx::query_as::<_, EventRow>(
                "SELECT id, event_type, subject, aggregate_version, publish_time IS NOT NULL, payload \
                 FROM outbox ORDER BY seq",
            );
            Self {
                users: all(users.fetch_all(&mut connection).await, |(name,)| name),
                sessions: all(sessions.fetch_all(&mut connection).await, session),
                rooms: all(rooms.fetch_all(&mut connection).await, room),
                events: all(events.fetch_all(&mut connection).await, event),
            }
        })
    }
}

/// The number of the event that was recorded last.
pub async fn last_event(url: &str) -> i64 {
    let query = "SELECT coalesce(max(seq), 0) FROM outbox";
    on_database!(url, |connection| {
        sqlx::query_scalar(query).fetch_one(&mut connection).await.expect("the outbox")
    })
}

/// Returns when no event waits to be published.
pub async fn until_drained(url: &str) {
    until_published(url, i64::MAX).await;
}

/// How many events up to this one wait to be published.
pub async fn pending_until(url: &str, last: i64) -> i64 {
    let query = "SELECT count(*) FROM outbox WHERE publish_time IS NULL AND seq <= $1";
    on_database!(url, |connection| {
        let query = sqlx::query_scalar(query).bind(last);
        query.fetch_one(&mut connection).await.expect("the outbox")
    })
}

/// Returns when no event up to this one waits to be published.
pub async fn until_published(url: &str, last: i64) {
    let published = async {
        while pending_until(url, last).await > 0 {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    eventually("events are published", published).await;
}

/// What SQLite says of its file.
pub async fn integrity(url: &str) -> String {
    let mut connection = SqliteConnection::connect(url).await.expect("a database");
    let query = sqlx::query_scalar("PRAGMA integrity_check");
    let said = query.fetch_one(&mut connection).await.expect("an answer");
    connection.close().await.expect("the end of the connection");
    said
}

fn all<Row, T>(rows: sqlx::Result<Vec<Row>>, read: fn(Row) -> T) -> Vec<T> {
    rows.expect("the database can be read").into_iter().map(read).collect()
}

fn session((id, counter, ended): (Uuid, i64, bool)) -> Session {
    Session { id, counter, ended }
}

fn room((id, name, version, deleted): (Uuid, String, i64, bool)) -> Room {
    Room { id, name, version, deleted }
}

fn event((id, kind, subject, version, published, payload): EventRow) -> Event {
    Event { id, kind, subject, version, published, tells: told(&payload) }
}

/// What an event tells, of its payload as consumers get it.
pub fn told(payload: &[u8]) -> Vec<String> {
    let event = proto::Event::decode(payload).expect("an event");
    match event.data.expect("an event tells something") {
        Data::UserCreated(data) => vec![data.user.expect("a user").username],
        Data::RoomCreated(data) => vec![data.room.expect("a room").name],
        Data::RoomUpdated(data) => vec![data.room.expect("a room").description],
        Data::SessionRevoked(data) => data.session_ids,
        _ => Vec::new(),
    }
}
