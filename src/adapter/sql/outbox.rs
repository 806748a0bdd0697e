//! Events that wait to be published.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{
    super::{Db, time},
    Change, Handle, Link, Row, row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp, event::Event};
use crate::port::{
    bus::{Message, Place},
    store::{Outbox, OutboxRow, OutboxStatus, Places, Published, ReadOutbox},
};

/// How many events that wait are looked at in one go. More than relays have leased at a time, or there is another go.
const WINDOW: i64 = 2000;

/// An event that waits, as far as its turn depends on it.
struct Waiting {
    seq: i64,
    subject: String,
    due: Option<Timestamp>,
}

/// Has published events wait again; completed by which ones.
macro_rules! retake {
    ($which:literal) => {
        concat!(
            "UPDATE outbox SET publish_time = NULL, stream = NULL, stream_seq = NULL, due_time = NULL, \
             attempts = 0 WHERE seq IN (SELECT seq FROM outbox WHERE ",
            $which,
            " LIMIT $3)"
        )
    };
}

#[async_trait]
impl<L: Link> ReadOutbox for Handle<L> {
    async fn outbox_status(&mut self) -> Result<OutboxStatus> {
        let query = sqlx::query(
            "SELECT count(*) AS pending, min(record_time) AS oldest FROM outbox \
             WHERE publish_time IS NULL",
        );
        let status = |row: Row| {
            let oldest = row::time_or_none(&row, "oldest")?;
            Ok(OutboxStatus { pending: row.try_get("pending")?, oldest })
        };
        Ok(query.try_map(status).fetch_one(self.on(Query::OutboxStatus)).await?)
    }

    async fn count_published(&mut self, since: Timestamp, until: Timestamp) -> Result<i64> {
        let sql = "SELECT count(*) FROM outbox WHERE publish_time >= $1 AND publish_time < $2";
        let query = sqlx::query_scalar(sql).bind(time(since)).bind(time(until));
        Ok(query.fetch_one(self.on(Query::CountPublished)).await?)
    }

    async fn find_places(&mut self, stream: i64, after: i64) -> Result<Places> {
        // All but the second are one look into the index, and that one reads what is new in it.
        let query = sqlx::query(
            "SELECT (SELECT max(stream_seq) FROM outbox WHERE stream = $1) AS last, \
             (SELECT min(stream_seq) FROM (SELECT stream_seq FROM outbox \
                 WHERE stream = $1 AND stream_seq > $2 \
                 GROUP BY stream_seq HAVING count(*) > 1) AS doubled) AS twice, \
             (SELECT min(stream) FROM outbox WHERE stream IS NOT NULL) AS first_stream, \
             (SELECT max(stream) FROM outbox WHERE stream IS NOT NULL) AS last_stream",
        );
        let row = query.bind(stream).bind(after).fetch_one(self.on(Query::FindPlaces)).await?;
        let is_other = |found: Option<i64>| found.is_some_and(|found| found != stream);
        let elsewhere =
            is_other(row.try_get("first_stream")?) || is_other(row.try_get("last_stream")?);
        Ok(Places { last: row.try_get("last")?, twice: row.try_get("twice")?, elsewhere })
    }

    async fn list_events(
        &mut self,
        after: i64,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<(i64, Message)>> {
        let query = sqlx::query(
            "SELECT seq, id, event_type, subject, payload, trace_parent, attempts FROM outbox \
             WHERE seq > $1 AND record_time >= $2 ORDER BY seq LIMIT $3",
        );
        let query = query.bind(after).bind(time(since)).bind(limit);
        let query = query.try_map(|row| seq_and_event(&row));
        let rows = query.fetch_all(self.on(Query::ListEvents)).await?;
        Ok(rows.into_iter().map(|(seq, row)| (seq, row.message)).collect())
    }

    async fn list_revocations(&mut self, since: Timestamp, limit: i64) -> Result<Vec<Message>> {
        let query = sqlx::query(
            "SELECT seq, id, event_type, subject, payload, trace_parent, attempts FROM outbox \
             WHERE event_type IN ('session.revoked', 'user.updated', 'user.deleted', 'user.api_key_deleted') \
                 AND record_time >= $1 ORDER BY record_time LIMIT $2",
        );
        let query = query.bind(time(since)).bind(limit);
        let query = query.try_map(|row| seq_and_event(&row));
        let rows = query.fetch_all(self.on(Query::ListRevocations)).await?;
        Ok(rows.into_iter().map(|(_, row)| row.message).collect())
    }
}

#[async_trait]
impl Outbox for Change {
    async fn record(&mut self, event: &Event) -> Result<()> {
        let query = sqlx::query(concat!(
            "INSERT INTO outbox (seq, id, event_type, subject, aggregate_version, trace_parent, \
             payload, record_time) VALUES (",
            next_seq!(),
            ", $1, $2, $3, $4, $5, $6, $7)"
        ));
        let payload = (self.encode)(event);
        query
            .bind(event.id.uuid())
            .bind(event.data.event_type())
            .bind(event.data.subject())
            .bind(event.data.aggregate_version())
            .bind(event.trace_parent.as_deref())
            .bind(payload)
            .bind(time(event.time))
            .execute(self.on(Query::Record))
            .await?;
        Ok(())
    }

    async fn claim_events(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<OutboxRow>> {
        let mut after = 0;
        loop {
            let window = self.look(after).await?;
            let Some(end) = window.last().map(|last| last.seq) else { return Ok(Vec::new()) };
            let is_whole = i64::try_from(window.len()) == Ok(WINDOW);
            let held = self.find_held(&window, after).await?;
            let free = find_free(window, held, now, limit);
            let claimed = self.lease(&free, now, until).await?;
            if !claimed.is_empty() || !is_whole {
                return Ok(claimed);
            }
            after = end;
        }
    }

    async fn mark_published(&mut self, events: &[Published], now: Timestamp) -> Result<()> {
        let (kept, passed): (Vec<&Published>, Vec<&Published>) =
            events.iter().partition(|event| event.place.is_some());
        if !passed.is_empty() {
            let mut query = QueryBuilder::<Db>::new("UPDATE outbox SET publish_time = ");
            query.push_bind(time(now)).push(" WHERE publish_time IS NULL");
            query.push(" AND id");
            push_list(&mut query, passed.iter().map(|event| event.id));
            query.build().persistent(false).execute(self.on(Query::MarkPublished)).await?;
        }
        if !kept.is_empty() {
            let mut query = QueryBuilder::<Db>::new("WITH done(id, stream, stream_seq) AS (");
            query.push_values(kept, |mut row, event| {
                row.push_bind(event.id);
                row.push_bind(event.place.map(|place| place.stream));
                row.push_bind(event.place.map(|place| place.sequence));
            });
            query.push(") UPDATE outbox SET publish_time = ").push_bind(time(now));
            query.push(
                ", stream = done.stream, stream_seq = done.stream_seq FROM done \
                 WHERE outbox.id = done.id AND outbox.publish_time IS NULL",
            );
            query.build().persistent(false).execute(self.on(Query::MarkPublished)).await?;
        }
        Ok(())
    }

    async fn retake_lost(&mut self, last: Place, limit: i64) -> Result<u64> {
        const ELSEWHERE: &str =
            retake!("stream <> $1 AND stream_seq > $2 ORDER BY stream, stream_seq");
        const AFTER: &str = retake!("stream = $1 AND stream_seq > $2 ORDER BY stream_seq");
        let mut gone = 0;
        for (sql, after) in [(ELSEWHERE, 0), (AFTER, last.sequence)] {
            let query = sqlx::query(sql).bind(last.stream).bind(after).bind(limit);
            gone += query.execute(self.on(Query::RetakeLost)).await?.rows_affected();
            if gone > 0 {
                // What is elsewhere is older.
                break;
            }
        }
        Ok(gone)
    }

    async fn retake_published(
        &mut self,
        since: Timestamp,
        until: Timestamp,
        limit: i64,
    ) -> Result<u64> {
        const SQL: &str =
            retake!("publish_time >= $1 AND publish_time < $2 ORDER BY publish_time, seq");
        let query = sqlx::query(SQL).bind(time(since)).bind(time(until)).bind(limit);
        Ok(query.execute(self.on(Query::RetakePublished)).await?.rows_affected())
    }

    async fn release_events(
        &mut self,
        ids: &[Uuid],
        until: Timestamp,
        due: Option<Timestamp>,
    ) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut query = QueryBuilder::<Db>::new("UPDATE outbox SET due_time = ");
        query.push_bind(due.map(time));
        query.push(", attempts = attempts + ").push_bind(i64::from(due.is_some()));
        query.push(" WHERE publish_time IS NULL AND due_time = ").push_bind(time(until));
        query.push(" AND id");
        push_list(&mut query, ids.iter().copied());
        query.build().persistent(false).execute(self.on(Query::ReleaseEvents)).await?;
        Ok(())
    }
}

/// The parts of a claim. They are several statements with lists of keys, because the planner of PostgreSQL, which knows
/// nothing of a table that fills and empties all the time, makes loops of loops of one.
impl Change {
    /// The oldest events that wait, after this one.
    async fn look(&mut self, after: i64) -> Result<Vec<Waiting>> {
        let query = sqlx::query(
            "SELECT seq, subject, due_time FROM outbox WHERE publish_time IS NULL AND seq > $1 \
             ORDER BY seq LIMIT $2",
        );
        let query = query.bind(after).bind(WINDOW).try_map(|row: Row| {
            let due = row::time_or_none(&row, "due_time")?;
            Ok(Waiting { seq: row.try_get("seq")?, subject: row.try_get("subject")?, due })
        });
        Ok(query.fetch_all(self.on(Query::ClaimEvents)).await?)
    }

    /// The resources of a look of which others wait at or before `after`.
    async fn find_held(&mut self, window: &[Waiting], after: i64) -> Result<HashSet<String>> {
        if after == 0 {
            return Ok(HashSet::new());
        }
        let subjects: HashSet<&str> = window.iter().map(|event| &*event.subject).collect();
        let mut query = QueryBuilder::<Db>::new(
            "SELECT DISTINCT subject FROM outbox WHERE publish_time IS NULL AND seq <= ",
        );
        query.push_bind(after).push(" AND subject");
        push_list(&mut query, subjects.into_iter().map(str::to_owned));
        let query = query.build_query_scalar().persistent(false);
        Ok(query.fetch_all(self.on(Query::ClaimEvents)).await?.into_iter().collect())
    }

    /// Locks the first event of each resource, which stands for the resource, and passes over those that somebody else
    /// has locked or leased in the meantime; leases what is left.
    async fn lease(
        &mut self,
        free: &[(i64, Vec<Waiting>)],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<OutboxRow>> {
        if free.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Db>::new("SELECT seq FROM outbox WHERE seq");
        push_list(&mut query, free.iter().map(|(head, _)| *head));
        query.push(" AND publish_time IS NULL AND (due_time IS NULL OR due_time <= ");
        query.push_bind(time(now)).push(concat!(")", skip_locked!()));
        let heads: HashSet<i64> = query
            .build_query_scalar()
            .persistent(false)
            .fetch_all(self.on(Query::ClaimEvents))
            .await?
            .into_iter()
            .collect();
        let ours =
            free.iter().filter(|(head, _)| heads.contains(head)).flat_map(|(_, events)| events);
        let ours: Vec<i64> = ours.map(|event| event.seq).collect();
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Db>::new("UPDATE outbox SET due_time = ");
        query.push_bind(time(until)).push(" WHERE seq");
        push_list(&mut query, ours.into_iter());
        query.push(" AND publish_time IS NULL AND (due_time IS NULL OR due_time <= ");
        query.push_bind(time(now));
        query.push(") RETURNING seq, id, event_type, subject, payload, trace_parent, attempts");
        let query = query.build().persistent(false).try_map(|row: Row| seq_and_event(&row));
        let mut leased = query.fetch_all(self.on(Query::ClaimEvents)).await?;
        // RETURNING keeps no order.
        leased.sort_unstable_by_key(|(seq, _)| *seq);
        Ok(leased.into_iter().map(|(_, event)| event).collect())
    }
}

/// The first `limit` events of a look that nobody has leased and that are due, nor is any before them of the same
/// resource otherwise, nor is their resource held: by resource, each with the number of its first event.
fn find_free(
    window: Vec<Waiting>,
    held: HashSet<String>,
    now: Timestamp,
    limit: i64,
) -> Vec<(i64, Vec<Waiting>)> {
    let mut places: HashMap<String, Option<usize>> =
        held.into_iter().map(|subject| (subject, None)).collect();
    let mut free: Vec<(i64, Vec<Waiting>)> = Vec::new();
    let mut left = limit;
    for event in window {
        let is_due = event.due.is_none_or(|due| due <= now);
        let place = places.entry(event.subject.clone()).or_insert_with(|| {
            free.push((event.seq, Vec::new()));
            Some(free.len() - 1)
        });
        match (*place, is_due) {
            (Some(place), true) if left > 0 => {
                free[place].1.push(event);
                left -= 1;
            }
            _ => *place = None,
        }
    }
    free.retain(|(_, events)| !events.is_empty());
    free
}

fn push_list<T>(query: &mut QueryBuilder<Db>, values: impl Iterator<Item = T>)
where
    T: for<'q> sqlx::Encode<'q, Db> + sqlx::Type<Db>,
{
    query.push(" IN (");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    query.push(")");
}

fn seq_and_event(row: &Row) -> sqlx::Result<(i64, OutboxRow)> {
    let message = Message {
        id: row.try_get("id")?,
        subject: row.try_get("event_type")?,
        payload: row.try_get::<Vec<u8>, _>("payload")?.into(),
        trace_parent: row.try_get("trace_parent")?,
    };
    let (resource, attempts) = (row.try_get("subject")?, row.try_get("attempts")?);
    Ok((row.try_get("seq")?, OutboxRow { message, resource, attempts }))
}
