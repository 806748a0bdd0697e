//! API keys.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{
    super::{announce, time},
    Change, Handle, Link, Row,
    list::List,
    row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{
    Result, Timestamp,
    api_key::ApiKey,
    id::Id,
    network::Network,
    page::{Cursor, Page, PageQuery},
    permission::{Permission, Permissions},
    text::Text,
    user::User,
};
use crate::port::{
    coherence,
    store::{ApiKeys, ReadApiKeys},
};

macro_rules! key_columns {
    () => {
        "id, user_id, display_name, permissions, allowed_networks, create_time, expire_time, last_used_time"
    };
}

#[async_trait]
impl<L: Link> ReadApiKeys for Handle<L> {
    async fn find_api_key(&mut self, id: Id<ApiKey>) -> Result<Option<ApiKey>> {
        const SQL: &str = concat!(
            "SELECT ",
            key_columns!(),
            " FROM api_keys WHERE id = $1 AND delete_time IS NULL"
        );
        let query = sqlx::query(SQL).bind(id.uuid()).try_map(|row| key(&row));
        Ok(query.fetch_optional(self.on(Query::FindApiKey)).await?)
    }

    async fn list_api_keys(&mut self, user_id: Id<User>, page: &PageQuery) -> Result<Page<ApiKey>> {
        let select = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE delete_time IS NULL");
        List::of(select)
            .only("user_id =", Some(user_id.uuid()))
            .page("display_name", page, self.on(Query::ListApiKeys), key, position)
            .await
    }

    async fn count_api_keys(&mut self, user_id: Id<User>, now: Timestamp) -> Result<i64> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM api_keys WHERE user_id = $1 AND delete_time IS NULL \
             AND (expire_time IS NULL OR expire_time > $2)",
        );
        let query = query.bind(user_id.uuid()).bind(time(now));
        Ok(query.fetch_one(self.on(Query::CountApiKeys)).await?)
    }
}

#[async_trait]
impl ApiKeys for Change {
    async fn insert_api_key(&mut self, key: &ApiKey) -> Result<()> {
        const SQL: &str = concat!(
            "INSERT INTO api_keys (",
            key_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        );
        sqlx::query(SQL)
            .bind(key.id.uuid())
            .bind(key.user_id.uuid())
            .bind(&*key.display_name)
            .bind(words(key.permissions.iter().map(Permission::name)))
            .bind(words(key.allowed_networks.iter()))
            .bind(time(key.create_time))
            .bind(key.expire_time.map(time))
            .bind(key.last_used_time.map(time))
            .execute(self.on(Query::InsertApiKey))
            .await?;
        Ok(())
    }

    async fn delete_api_key(&mut self, id: Id<ApiKey>, now: Timestamp) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE api_keys SET delete_time = $2 WHERE id = $1 AND delete_time IS NULL",
        );
        let query = query.bind(id.uuid()).bind(time(now));
        let deleted = query.execute(self.on(Query::DeleteApiKey)).await?.rows_affected() == 1;
        if deleted {
            announce(self.on(Query::Announce), &coherence::Change::ApiKeyDeleted(id)).await?;
        }
        Ok(deleted)
    }

    async fn mark_api_keys_used(&mut self, used: &[(Id<ApiKey>, Timestamp)]) -> Result<()> {
        for (id, when) in used {
            let query = sqlx::query(
                "UPDATE api_keys SET last_used_time = $2 \
                 WHERE id = $1 AND (last_used_time IS NULL OR last_used_time < $2)",
            );
            let query = query.bind(id.uuid()).bind(time(*when));
            query.execute(self.on(Query::MarkApiKeysUsed)).await?;
        }
        Ok(())
    }
}

/// Things that have no spaces in them, with one between each two.
fn words<T: ToString>(things: impl Iterator<Item = T>) -> String {
    things.map(|thing| thing.to_string()).collect::<Vec<_>>().join(" ")
}

fn key(row: &Row) -> sqlx::Result<ApiKey> {
    let (permissions, networks): (String, String) =
        (row.try_get("permissions")?, row.try_get("allowed_networks")?);
    Ok(ApiKey {
        id: row::id(row, "id")?,
        user_id: row::id(row, "user_id")?,
        display_name: Text::trusted(row.try_get("display_name")?),
        permissions: read_permissions(&permissions),
        allowed_networks: read_networks(&networks)?,
        create_time: row::time(row, "create_time")?,
        expire_time: row::time_or_none(row, "expire_time")?,
        last_used_time: row::time_or_none(row, "last_used_time")?,
    })
}

/// A permission that this build does not know gives nothing: a newer one may run beside it.
fn read_permissions(text: &str) -> Permissions {
    text.split(' ').filter_map(Permission::from_name).collect()
}

/// A network that cannot be read must not be left out: without it the key might be good everywhere.
fn read_networks(text: &str) -> sqlx::Result<Vec<Network>> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    let networks: Option<_> = words.map(Network::read).collect();
    networks.ok_or_else(|| sqlx::Error::ColumnDecode {
        index: "allowed_networks".into(),
        source: "a network that cannot be read".into(),
    })
}

fn position(key: &ApiKey) -> Cursor {
    Cursor { name: key.display_name.to_string(), id: key.id.uuid() }
}
