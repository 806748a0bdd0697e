//! Sweeps away what has served its time.

use async_trait::async_trait;

use super::{super::time, Change};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp};
use crate::port::store::Retention;

/// One DELETE of rows whose time is up: a bounded number of them, so that no sweep holds up other writers for long, and
/// none that somebody else has locked, so that two sweeps cannot wait for each other.
macro_rules! delete {
    ($table:literal, $key:literal, $condition:literal) => {
        concat!(
            "WITH due AS (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " LIMIT 1000",
            skip_locked!(),
            ") DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM due)"
        )
    };
}

#[async_trait]
impl Retention for Change {
    async fn purge(
        &mut self,
        now: Timestamp,
        published_before: Timestamp,
        ended_before: Timestamp,
    ) -> Result<u64> {
        let sweeps = [
            (delete!("streams", "id", "purge_time <= $1"), now),
            (delete!("rooms", "id", "purge_time <= $1"), now),
            (delete!("users", "id", "purge_time <= $1"), now),
            (delete!("sessions", "id", "end_time < $1 OR expire_time < $1"), ended_before),
            (delete!("api_keys", "id", "delete_time < $1 OR expire_time < $1"), ended_before),
            (delete!("signing_keys", "id", "retire_time < $1"), ended_before),
            (delete!("mails", "id", "purge_time <= $1"), now),
            (delete!("outbox", "seq", "publish_time < $1"), published_before),
            (delete!("attempts", "subject", "expire_time <= $1"), now),
            (delete!("one_time_tokens", "digest", "expire_time <= $1"), now),
            (delete!("errands", "id", "expire_time <= $1"), now),
            (delete!("idempotency_keys", "scope, request_id", "expire_time <= $1"), now),
        ];
        let mut gone = 0;
        for (sql, until) in sweeps {
            let done = sqlx::query(sql).bind(time(until)).execute(self.on(Query::Purge)).await?;
            gone += done.rows_affected();
        }
        Ok(gone)
    }
}
