//! Results of requests, by request id.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{super::time, Change, Row};
use crate::adapter::sql::query::Query;
use crate::domain::{Error, Result, Timestamp};
use crate::port::store::{Idempotency, IdempotencyKey, Remembered};

#[async_trait]
impl Idempotency for Change {
    async fn find_result(
        &mut self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<Remembered>> {
        // Reserves the id or locks its row, in one statement: on PostgreSQL it waits for a transaction that has done the
        // same, and then sees what that one kept. A reservation is due to expire at once, so one that is committed
        // without a result stands in nobody's way.
        let query = sqlx::query(
            "INSERT INTO idempotency_keys AS known (scope, request_id, fingerprint, expire_time) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (scope, request_id) DO UPDATE SET \
             fingerprint = CASE WHEN known.expire_time <= $4 \
                 THEN excluded.fingerprint ELSE known.fingerprint END, \
             result = CASE WHEN known.expire_time <= $4 THEN NULL ELSE known.result END \
             RETURNING fingerprint, result",
        );
        let query = query.bind(&key.scope).bind(&key.key);
        let query = query.bind(key.fingerprint.as_slice()).bind(time(now));
        Ok(query.try_map(|row| remembered(&row)).fetch_one(self.on(Query::FindResult)).await?)
    }

    async fn keep_result(
        &mut self,
        key: &IdempotencyKey,
        result: &str,
        expire_time: Timestamp,
    ) -> Result<()> {
        let query = sqlx::query(
            "UPDATE idempotency_keys SET fingerprint = $3, result = $4, expire_time = $5 \
             WHERE scope = $1 AND request_id = $2",
        );
        let query = query.bind(&key.scope).bind(&key.key).bind(key.fingerprint.as_slice());
        let query = query.bind(result).bind(time(expire_time));
        if query.execute(self.on(Query::KeepResult)).await?.rows_affected() == 0 {
            return Err(Error::internal("a result was kept before its request id was looked up"));
        }
        Ok(())
    }
}

fn remembered(row: &Row) -> sqlx::Result<Option<Remembered>> {
    let fingerprint = row.try_get("fingerprint")?;
    let result: Option<String> = row.try_get("result")?;
    Ok(result.map(|result| Remembered { fingerprint, result }))
}
