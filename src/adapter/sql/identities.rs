//! Identities at providers.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{super::time, Change, Handle, Link, Row, row};
use crate::adapter::sql::query::Query;
use crate::domain::{Result, id::Id, identity::Identity, text::Email, user::User};
use crate::port::store::{Identities, ReadIdentities};

macro_rules! identity_columns {
    () => {
        "id, provider, subject, user_id, email, create_time, last_use_time"
    };
}

#[async_trait]
impl<L: Link> ReadIdentities for Handle<L> {
    async fn find_identity(&mut self, provider: &str, subject: &str) -> Result<Option<Identity>> {
        const SQL: &str = concat!(
            "SELECT ",
            identity_columns!(),
            " FROM identities WHERE provider = $1 AND subject = $2"
        );
        let query = sqlx::query(SQL).bind(provider).bind(subject).try_map(|row| identity(&row));
        Ok(query.fetch_optional(self.on(Query::FindIdentity)).await?)
    }

    async fn list_identities(&mut self, user_id: Id<User>) -> Result<Vec<Identity>> {
        const SQL: &str = concat!(
            "SELECT ",
            identity_columns!(),
            " FROM identities WHERE user_id = $1 ORDER BY id"
        );
        let query = sqlx::query(SQL).bind(user_id.uuid()).try_map(|row| identity(&row));
        Ok(query.fetch_all(self.on(Query::ListIdentities)).await?)
    }
}

#[async_trait]
impl Identities for Change {
    async fn insert_identity(&mut self, identity: &Identity) -> Result<()> {
        self.link.mark().await?;
        let inserted = self.add_identity(identity).await;
        self.link.keep(inserted).await
    }

    async fn update_identity(&mut self, identity: &Identity) -> Result<()> {
        sqlx::query("UPDATE identities SET email = $2, last_use_time = $3 WHERE id = $1")
            .bind(identity.id.uuid())
            .bind(identity.email.as_ref().map_or("", Email::as_str))
            .bind(time(identity.last_use_time))
            .execute(self.on(Query::UpdateIdentity))
            .await?;
        Ok(())
    }

    async fn delete_identity(&mut self, id: Id<Identity>) -> Result<bool> {
        let query = sqlx::query("DELETE FROM identities WHERE id = $1").bind(id.uuid());
        Ok(query.execute(self.on(Query::DeleteIdentity)).await?.rows_affected() == 1)
    }
}

impl Change {
    async fn add_identity(&mut self, identity: &Identity) -> Result<()> {
        const SQL: &str = concat!(
            "INSERT INTO identities (",
            identity_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7)"
        );
        sqlx::query(SQL)
            .bind(identity.id.uuid())
            .bind(&identity.provider)
            .bind(&identity.subject)
            .bind(identity.user_id.uuid())
            .bind(identity.email.as_ref().map_or("", Email::as_str))
            .bind(time(identity.create_time))
            .bind(time(identity.last_use_time))
            .execute(self.on(Query::InsertIdentity))
            .await?;
        Ok(())
    }
}

fn identity(row: &Row) -> sqlx::Result<Identity> {
    let email: String = row.try_get("email")?;
    Ok(Identity {
        id: row::id(row, "id")?,
        provider: row.try_get("provider")?,
        subject: row.try_get("subject")?,
        user_id: row::id(row, "user_id")?,
        email: (!email.is_empty()).then(|| Email::trusted(email)),
        create_time: row::time(row, "create_time")?,
        last_use_time: row::time(row, "last_use_time")?,
    })
}
