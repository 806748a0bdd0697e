//! Errands.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{super::time, Change, Handle, Link, Row, row};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp, errand::Errand, id::Id};
use crate::port::store::{Errands, KeptErrand, ReadErrands};

#[async_trait]
impl<L: Link> ReadErrands for Handle<L> {
    async fn list_errands(&mut self, now: Timestamp, limit: i64) -> Result<Vec<KeptErrand>> {
        let query = sqlx::query(
            "SELECT id, sealed_slip, record_time, expire_time FROM errands \
             WHERE expire_time > $1 ORDER BY id LIMIT $2",
        );
        let query = query.bind(time(now)).bind(limit).try_map(|row| errand(&row));
        Ok(query.fetch_all(self.on(Query::ListErrands)).await?)
    }
}

#[async_trait]
impl Errands for Change {
    async fn insert_errand(&mut self, errand: &KeptErrand) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO errands (id, sealed_slip, record_time, expire_time) \
             VALUES ($1, $2, $3, $4)",
        );
        query
            .bind(errand.id.uuid())
            .bind(&errand.sealed_slip)
            .bind(time(errand.record_time))
            .bind(time(errand.expire_time))
            .execute(self.on(Query::InsertErrand))
            .await?;
        Ok(())
    }

    async fn take_errand(&mut self, id: Id<Errand>) -> Result<bool> {
        let query = sqlx::query("DELETE FROM errands WHERE id = $1").bind(id.uuid());
        Ok(query.execute(self.on(Query::TakeErrand)).await?.rows_affected() == 1)
    }
}

fn errand(row: &Row) -> sqlx::Result<KeptErrand> {
    Ok(KeptErrand {
        id: row::id(row, "id")?,
        sealed_slip: row.try_get("sealed_slip")?,
        record_time: row::time(row, "record_time")?,
        expire_time: row::time(row, "expire_time")?,
    })
}
