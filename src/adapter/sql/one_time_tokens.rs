//! Tokens that are good once.

use async_trait::async_trait;
use sqlx::Row as _;
use uuid::Uuid;

use super::{super::time, Change, Handle, Link, Row, row};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, Timestamp, id::Id, one_time_token::Kind, user::User};
use crate::port::store::{KeptToken, OneTimeTokens, ReadOneTimeTokens};

macro_rules! token_columns {
    () => {
        "digest, kind, user_id, sealed_data, create_time, expire_time"
    };
}

#[async_trait]
impl<L: Link> ReadOneTimeTokens for Handle<L> {
    async fn find_one_time_token(
        &mut self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<KeptToken>> {
        const SQL: &str = concat!(
            "SELECT ",
            token_columns!(),
            " FROM one_time_tokens WHERE digest = $1 AND expire_time > $2"
        );
        let query = sqlx::query(SQL).bind(digest.to_vec()).bind(time(now));
        let query = query.try_map(|row| token(&row));
        Ok(query.fetch_optional(self.on(Query::FindOneTimeToken)).await?)
    }
}

#[async_trait]
impl OneTimeTokens for Change {
    async fn insert_one_time_token(&mut self, token: &KeptToken) -> Result<()> {
        const SQL: &str = concat!(
            "INSERT INTO one_time_tokens (",
            token_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6)"
        );
        sqlx::query(SQL)
            .bind(token.digest.to_vec())
            .bind(token.kind.name())
            .bind(token.user_id.map(Id::uuid))
            .bind(&token.sealed_data)
            .bind(time(token.create_time))
            .bind(time(token.expire_time))
            .execute(self.on(Query::InsertOneTimeToken))
            .await?;
        Ok(())
    }

    async fn take_one_time_token(
        &mut self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<KeptToken>> {
        const SQL: &str = concat!(
            "DELETE FROM one_time_tokens WHERE digest = $1 AND expire_time > $2 RETURNING ",
            token_columns!()
        );
        let query = sqlx::query(SQL).bind(digest.to_vec()).bind(time(now));
        let query = query.try_map(|row| token(&row));
        Ok(query.fetch_optional(self.on(Query::TakeOneTimeToken)).await?)
    }

    async fn delete_one_time_tokens(&mut self, user_id: Id<User>, kind: Kind) -> Result<()> {
        let query = sqlx::query("DELETE FROM one_time_tokens WHERE user_id = $1 AND kind = $2");
        let query = query.bind(user_id.uuid()).bind(kind.name());
        query.execute(self.on(Query::DeleteOneTimeTokens)).await?;
        Ok(())
    }
}

fn token(row: &Row) -> sqlx::Result<KeptToken> {
    Ok(KeptToken {
        digest: row::digest(row, "digest")?,
        kind: row::named(row, "kind", Kind::from_name)?,
        user_id: row.try_get::<Option<Uuid>, _>("user_id")?.map(Id::from),
        sealed_data: row.try_get("sealed_data")?,
        create_time: row::time(row, "create_time")?,
        expire_time: row::time(row, "expire_time")?,
    })
}
