//! Tries to guess a secret.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Db, time},
    Change, Handle, Link, Row, row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp, attempt::Tally};
use crate::port::store::{Attempts, ReadAttempts, TallyKey};

#[async_trait]
impl<L: Link> ReadAttempts for Handle<L> {
    async fn find_tallies(
        &mut self,
        keys: &[TallyKey],
        now: Timestamp,
    ) -> Result<HashMap<TallyKey, Tally>> {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT subject, failures, try_time, known_until, expire_time FROM attempts \
             WHERE subject IN (",
        );
        let mut list = query.separated(", ");
        for key in keys {
            list.push_bind(key.to_vec());
        }
        query.push(")");
        let rows = query.build().try_map(|row| key_and_tally(&row));
        Ok(unexpired(rows.fetch_all(self.on(Query::FindTallies)).await?, now))
    }
}

#[async_trait]
impl Attempts for Change {
    async fn lock_tallies(
        &mut self,
        keys: &[TallyKey],
        now: Timestamp,
    ) -> Result<HashMap<TallyKey, Tally>> {
        // Inserts the rows that are not there or locks those that are, in one order, so that of two transactions one waits for
        // the other. A row that stays as it was inserted has expired.
        let mut keys: Vec<_> = keys.iter().map(|key| (*key, Tally::fresh(now))).collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        let mut query = insert("INSERT INTO attempts AS known ", &keys);
        query.push(
            " ON CONFLICT (subject) DO UPDATE SET failures = known.failures \
             RETURNING subject, failures, try_time, known_until, expire_time",
        );
        let rows = query.build().try_map(|row| key_and_tally(&row));
        Ok(unexpired(rows.fetch_all(self.on(Query::LockTallies)).await?, now))
    }

    async fn keep_tallies(&mut self, tallies: &[(TallyKey, Tally)]) -> Result<()> {
        if tallies.is_empty() {
            return Ok(());
        }
        let mut query = insert("INSERT INTO attempts ", tallies);
        query.push(
            " ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, \
             try_time = excluded.try_time, known_until = excluded.known_until, \
             expire_time = excluded.expire_time",
        );
        query.build().execute(self.on(Query::KeepTallies)).await?;
        Ok(())
    }
}

fn unexpired(rows: Vec<(TallyKey, Tally)>, now: Timestamp) -> HashMap<TallyKey, Tally> {
    let is_kept = |tally: &Tally| tally.expire_time.is_none_or(|expire| expire > now);
    rows.into_iter().filter(|(_, tally)| is_kept(tally)).collect()
}

fn insert(into: &'static str, tallies: &[(TallyKey, Tally)]) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::new(into);
    query.push("(subject, failures, try_time, known_until, expire_time) ");
    query.push_values(tallies, |mut row, (key, tally)| {
        row.push_bind(key.to_vec())
            .push_bind(tally.failures)
            .push_bind(time(tally.try_time))
            .push_bind(time(tally.known_until))
            .push_bind(tally.expire_time.map(time));
    });
    query
}

fn key_and_tally(row: &Row) -> sqlx::Result<(TallyKey, Tally)> {
    let tally = Tally {
        failures: row.try_get("failures")?,
        try_time: row::time(row, "try_time")?,
        known_until: row::time(row, "known_until")?,
        expire_time: row::time_or_none(row, "expire_time")?,
    };
    Ok((row::digest(row, "subject")?, tally))
}
