//! Events that wait to be published.

use std::time::Duration;

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
    bus::Message,
    store::{Outbox, OutboxRow, OutboxStatus, ReadOutbox},
};

/// First the oldest pending event of each subject is locked, which stands for the subject: whoever finds it locked or
/// leased passes over the whole subject. Then come those subjects' events, up to the first that is not due.
///
/// The conditions of the UPDATE are repeated because PostgreSQL checks only those again on a row that another
/// transaction changed in the meantime.
const CLAIM: &str = concat!(
    "WITH heads AS (SELECT subject FROM outbox head \
         WHERE publish_time IS NULL AND (due_time IS NULL OR due_time <= $1) \
         AND NOT EXISTS (SELECT 1 FROM outbox earlier WHERE earlier.subject = head.subject \
             AND earlier.publish_time IS NULL AND earlier.seq < head.seq) \
         ORDER BY seq LIMIT $3",
    skip_locked!(),
    ") UPDATE outbox SET due_time = $2 WHERE seq IN (SELECT seq FROM outbox event \
         WHERE publish_time IS NULL AND subject IN (SELECT subject FROM heads) \
         AND NOT EXISTS (SELECT 1 FROM outbox earlier WHERE earlier.subject = event.subject \
             AND earlier.publish_time IS NULL AND earlier.seq <= event.seq \
             AND earlier.due_time > $1) \
         ORDER BY seq LIMIT $3) \
     AND publish_time IS NULL AND (due_time IS NULL OR due_time <= $1) \
     RETURNING seq, id, event_type, payload, trace_parent, attempts"
);

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
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<OutboxRow>> {
        let query = sqlx::query(CLAIM).bind(time(now)).bind(time(now + lease)).bind(limit);
        let mut claimed =
            query.try_map(|row| seq_and_event(&row)).fetch_all(self.on(Query::ClaimEvents)).await?;
        // RETURNING keeps no order.
        claimed.sort_unstable_by_key(|(seq, _)| *seq);
        Ok(claimed.into_iter().map(|(_, event)| event).collect())
    }

    async fn mark_published(&mut self, ids: &[Uuid], now: Timestamp) -> Result<()> {
        let mut query = QueryBuilder::<Db>::new("UPDATE outbox SET publish_time = ");
        query.push_bind(time(now)).push(" WHERE publish_time IS NULL");
        push_ids(&mut query, ids);
        query.build().persistent(false).execute(self.on(Query::MarkPublished)).await?;
        Ok(())
    }

    async fn release_events(&mut self, ids: &[Uuid], due: Timestamp) -> Result<()> {
        let mut query = QueryBuilder::<Db>::new("UPDATE outbox SET due_time = ");
        query.push_bind(time(due));
        query.push(", attempts = attempts + 1 WHERE publish_time IS NULL");
        push_ids(&mut query, ids);
        query.build().persistent(false).execute(self.on(Query::ReleaseEvents)).await?;
        Ok(())
    }
}

fn push_ids(query: &mut QueryBuilder<Db>, ids: &[Uuid]) {
    // `IN ()` is a syntax error on PostgreSQL.
    if ids.is_empty() {
        query.push(" AND FALSE");
        return;
    }
    query.push(" AND id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
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
    Ok((row.try_get("seq")?, OutboxRow { message, attempts: row.try_get("attempts")? }))
}
