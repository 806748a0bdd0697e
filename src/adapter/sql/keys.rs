//! Signing keys.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{
    super::{LOCK_SIGNING_KEYS, announce, time},
    Change, Handle, Link, Row, row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp, id::Id, key::SigningKey};
use crate::port::{
    coherence,
    store::{Keys, ReadKeys},
};

#[async_trait]
impl<L: Link> ReadKeys for Handle<L> {
    async fn list_signing_keys(&mut self, now: Timestamp) -> Result<Vec<SigningKey>> {
        let query = sqlx::query(
            "SELECT id, public_key, sealed_private_key, create_time, activate_time, retire_time \
             FROM signing_keys WHERE retire_time > $1 ORDER BY create_time, id",
        );
        Ok(query
            .bind(time(now))
            .try_map(|row| key(&row))
            .fetch_all(self.on(Query::ListSigningKeys))
            .await?)
    }
}

#[async_trait]
impl Keys for Change {
    async fn lock_signing_keys(&mut self) -> Result<()> {
        sqlx::query(LOCK_SIGNING_KEYS).execute(self.on(Query::LockSigningKeys)).await?;
        Ok(())
    }

    async fn insert_signing_key(&mut self, key: &SigningKey) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO signing_keys (id, public_key, sealed_private_key, create_time, \
             activate_time, retire_time) VALUES ($1, $2, $3, $4, $5, $6)",
        );
        query
            .bind(key.id.uuid())
            .bind(&key.public_key)
            .bind(&key.sealed_private_key)
            .bind(time(key.create_time))
            .bind(time(key.activate_time))
            .bind(time(key.retire_time))
            .execute(self.on(Query::InsertSigningKey))
            .await?;
        announce(self.on(Query::Announce), &coherence::Change::SigningKeys).await
    }

    async fn retire_signing_key(&mut self, id: Id<SigningKey>, retire: Timestamp) -> Result<()> {
        let query = sqlx::query("UPDATE signing_keys SET retire_time = $2 WHERE id = $1");
        query.bind(id.uuid()).bind(time(retire)).execute(self.on(Query::RetireSigningKey)).await?;
        announce(self.on(Query::Announce), &coherence::Change::SigningKeys).await
    }
}

fn key(row: &Row) -> sqlx::Result<SigningKey> {
    Ok(SigningKey {
        id: row::id(row, "id")?,
        public_key: row.try_get("public_key")?,
        sealed_private_key: row.try_get("sealed_private_key")?,
        create_time: row::time(row, "create_time")?,
        activate_time: row::time(row, "activate_time")?,
        retire_time: row::time(row, "retire_time")?,
    })
}
