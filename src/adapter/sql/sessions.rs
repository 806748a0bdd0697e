//! Sessions, and who they stand for.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{
    super::{announce, time},
    Change, Handle, Link, Row, row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{
    Result, Timestamp,
    caller::Principal,
    device::Device,
    id::Id,
    permission::Permission,
    session::{EndReason, Session},
    user::User,
};
use crate::port::{
    coherence,
    store::{ReadSessions, Sessions},
};

#[async_trait]
impl<L: Link> ReadSessions for Handle<L> {
    async fn find_session(&mut self, id: Id<Session>) -> Result<Option<Session>> {
        let query = sqlx::query(
            "SELECT id, user_id, counter, refresh_time, expire_time, client_name, ip, user_agent, \
             create_time, end_time FROM sessions WHERE id = $1",
        );
        Ok(query
            .bind(id.uuid())
            .try_map(|row| session(&row))
            .fetch_optional(self.on(Query::FindSession))
            .await?)
    }

    async fn list_devices(&mut self, user_id: Id<User>, limit: i64) -> Result<Vec<Device>> {
        let query = sqlx::query(
            "SELECT DISTINCT client_name, user_agent FROM sessions WHERE user_id = $1 LIMIT $2",
        );
        let device = |row: Row| {
            let (client_name, user_agent) =
                (row.try_get("client_name")?, row.try_get("user_agent")?);
            Ok(Device { client_name, user_agent })
        };
        let query = query.bind(user_id.uuid()).bind(limit).try_map(device);
        Ok(query.fetch_all(self.on(Query::ListDevices)).await?)
    }

    async fn find_principal(
        &mut self,
        id: Id<Session>,
        now: Timestamp,
    ) -> Result<Option<Principal>> {
        // One row for each permission, and one without any for a user who may do nothing.
        let query = sqlx::query(
            "SELECT sessions.user_id, permission FROM sessions \
             JOIN users ON users.id = sessions.user_id \
             LEFT JOIN role_bindings ON role_bindings.user_id = users.id AND resource = '' \
                 AND (role_bindings.expire_time IS NULL OR role_bindings.expire_time > $2) \
             LEFT JOIN role_permissions ON role_permissions.role = role_bindings.role \
             WHERE sessions.id = $1 AND end_time IS NULL AND sessions.expire_time > $2 \
                 AND state = 'ACTIVE'",
        );
        let query = query.bind(id.uuid()).bind(time(now));
        let rows = query
            .try_map(|row| user_and_permission(&row))
            .fetch_all(self.on(Query::FindPrincipal))
            .await?;
        let Some((user_id, _)) = rows.first() else { return Ok(None) };
        let permissions = rows.iter().filter_map(|(_, permission)| *permission).collect();
        Ok(Some(Principal { user_id: *user_id, session_id: id, permissions }))
    }
}

#[async_trait]
impl Sessions for Change {
    async fn insert_session(&mut self, session: &Session) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO sessions (id, user_id, counter, refresh_time, expire_time, client_name, ip, \
             user_agent, create_time, end_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        );
        query
            .bind(session.id.uuid())
            .bind(session.user_id.uuid())
            .bind(session.counter)
            .bind(time(session.refresh_time))
            .bind(time(session.expire_time))
            .bind(&session.client_name)
            .bind(&session.ip)
            .bind(&session.user_agent)
            .bind(time(session.create_time))
            .bind(session.end_time.map(time))
            .execute(self.on(Query::InsertSession))
            .await?;
        Ok(())
    }

    async fn advance_session(
        &mut self,
        id: Id<Session>,
        counter: i64,
        now: Timestamp,
        expire_time: Timestamp,
    ) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE sessions SET counter = counter + 1, refresh_time = $3, expire_time = $4 \
             WHERE id = $1 AND counter = $2 AND end_time IS NULL AND expire_time > $3",
        );
        let query = query.bind(id.uuid()).bind(counter).bind(time(now)).bind(time(expire_time));
        Ok(query.execute(self.on(Query::AdvanceSession)).await?.rows_affected() == 1)
    }

    async fn end_session(
        &mut self,
        id: Id<Session>,
        now: Timestamp,
        why: EndReason,
    ) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE sessions SET end_time = $2, end_reason = $3 WHERE id = $1 AND end_time IS NULL",
        );
        let query = query.bind(id.uuid()).bind(time(now)).bind(why.name());
        let ended = query.execute(self.on(Query::EndSession)).await?.rows_affected() == 1;
        if ended {
            announce(self.on(Query::Announce), &coherence::Change::SessionsEnded(vec![id])).await?;
        }
        Ok(ended)
    }

    async fn end_sessions_of(
        &mut self,
        user_id: Id<User>,
        now: Timestamp,
        why: EndReason,
    ) -> Result<Vec<Id<Session>>> {
        let query = sqlx::query(
            "UPDATE sessions SET end_time = $2, end_reason = $3 \
             WHERE user_id = $1 AND end_time IS NULL RETURNING id",
        );
        let query = query.bind(user_id.uuid()).bind(time(now)).bind(why.name());
        let ended = query
            .try_map(|row| row::id(&row, "id"))
            .fetch_all(self.on(Query::EndSessionsOf))
            .await?;
        announce(self.on(Query::Announce), &coherence::Change::SessionsEnded(ended.clone()))
            .await?;
        Ok(ended)
    }
}

fn session(row: &Row) -> sqlx::Result<Session> {
    Ok(Session {
        id: row::id(row, "id")?,
        user_id: row::id(row, "user_id")?,
        counter: row.try_get("counter")?,
        refresh_time: row::time(row, "refresh_time")?,
        expire_time: row::time(row, "expire_time")?,
        client_name: row.try_get("client_name")?,
        ip: row.try_get("ip")?,
        user_agent: row.try_get("user_agent")?,
        create_time: row::time(row, "create_time")?,
        end_time: row::time_or_none(row, "end_time")?,
    })
}

/// A permission that this build does not know gives nothing: a newer one may run beside it.
fn user_and_permission(row: &Row) -> sqlx::Result<(Id<User>, Option<Permission>)> {
    let permission: Option<String> = row.try_get("permission")?;
    Ok((row::id(row, "user_id")?, permission.as_deref().and_then(Permission::from_name)))
}
