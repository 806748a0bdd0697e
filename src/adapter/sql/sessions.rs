//! Sessions, and who they stand for.

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
    caller::{Credential, Principal},
    device::Device,
    id::Id,
    page::{Cursor, Page, PageQuery},
    permission::{Permission, Permissions},
    session::{EndReason, Proof, Session},
    user::User,
};
use crate::port::{
    coherence,
    store::{ReadSessions, Sessions},
};

/// How many sessions beyond the limit end at once: one sign-in can be one too many, and a limit that was lowered more.
const SURPLUS_MAX: i64 = 1000;

macro_rules! session_columns {
    () => {
        "id, user_id, counter, refresh_time, expire_time, client_name, ip, user_agent, create_time, end_time, \
         amr, auth_time, last_seen_time"
    };
}

#[async_trait]
impl<L: Link> ReadSessions for Handle<L> {
    async fn find_session(&mut self, id: Id<Session>) -> Result<Option<Session>> {
        let query =
            sqlx::query(concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1"));
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
            "SELECT sessions.user_id, coalesce(auth_time, sessions.create_time) AS auth_time, permission FROM sessions \
             JOIN users ON users.id = sessions.user_id \
             LEFT JOIN role_bindings ON role_bindings.user_id = users.id AND resource = '' \
                 AND (role_bindings.expire_time IS NULL OR role_bindings.expire_time > $2) \
             LEFT JOIN role_permissions ON role_permissions.role = role_bindings.role \
             WHERE sessions.id = $1 AND end_time IS NULL AND sessions.expire_time > $2 \
                 AND state = 'ACTIVE'",
        );
        let query = query.bind(id.uuid()).bind(time(now));
        let rows = query
            .try_map(|row| principal_and_permission(id, &row))
            .fetch_all(self.on(Query::FindPrincipal))
            .await?;
        let permissions = rows.iter().filter_map(|(_, permission)| *permission).collect();
        let first = rows.into_iter().next();
        Ok(first.map(|(principal, _)| Principal { permissions, ..principal }))
    }

    async fn list_sessions(
        &mut self,
        user_id: Id<User>,
        now: Timestamp,
        page: &PageQuery,
    ) -> Result<Page<Session>> {
        let select =
            concat!("SELECT ", session_columns!(), " FROM sessions WHERE end_time IS NULL");
        List::of(select)
            .only("user_id =", Some(user_id.uuid()))
            .only("expire_time >", Some(time(now)))
            .page("client_name", page, self.on(Query::ListSessions), session, position)
            .await
    }
}

#[async_trait]
impl Sessions for Change {
    async fn insert_session(&mut self, session: &Session) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO sessions (id, user_id, counter, refresh_time, expire_time, client_name, ip, \
             user_agent, create_time, end_time, amr, auth_time, last_seen_time) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
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
            .bind(session.proofs.iter().map(|proof| proof.name()).collect::<Vec<_>>().join(" "))
            .bind(time(session.auth_time))
            .bind(time(session.last_seen_time))
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
    ) -> Result<Option<Session>> {
        const SQL: &str = concat!(
            "UPDATE sessions SET counter = counter + 1, refresh_time = $3, expire_time = $4 \
             WHERE id = $1 AND counter = $2 AND end_time IS NULL AND expire_time > $3 \
                 AND EXISTS (SELECT 1 FROM users WHERE users.id = user_id AND state = 'ACTIVE') \
             RETURNING ",
            session_columns!()
        );
        let query = sqlx::query(SQL).bind(id.uuid()).bind(counter);
        let query = query.bind(time(now)).bind(time(expire_time)).try_map(|row| session(&row));
        Ok(query.fetch_optional(self.on(Query::AdvanceSession)).await?)
    }

    async fn shorten_session(&mut self, id: Id<Session>, expire_time: Timestamp) -> Result<()> {
        let query = sqlx::query("UPDATE sessions SET expire_time = $2 WHERE id = $1");
        let query = query.bind(id.uuid()).bind(time(expire_time));
        query.execute(self.on(Query::ShortenSession)).await?;
        Ok(())
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
        but: Option<Id<Session>>,
        now: Timestamp,
        why: EndReason,
    ) -> Result<Vec<Id<Session>>> {
        let query = sqlx::query(
            "UPDATE sessions SET end_time = $2, end_reason = $3 \
             WHERE user_id = $1 AND end_time IS NULL AND ($4 IS NULL OR id <> $4) RETURNING id",
        );
        let query = query.bind(user_id.uuid()).bind(time(now)).bind(why.name());
        let query = query.bind(but.map(Id::uuid)).try_map(|row| row::id(&row, "id"));
        let ended = query.fetch_all(self.on(Query::EndSessionsOf)).await?;
        self.announce_ended(ended).await
    }

    async fn end_surplus_sessions(
        &mut self,
        user_id: Id<User>,
        kept: i64,
        now: Timestamp,
        why: EndReason,
    ) -> Result<Vec<Id<Session>>> {
        let query = sqlx::query(
            "UPDATE sessions SET end_time = $2, end_reason = $3 WHERE end_time IS NULL AND id IN (\
                 SELECT id FROM sessions WHERE user_id = $1 AND end_time IS NULL AND expire_time > $2 \
                 ORDER BY refresh_time DESC, id DESC LIMIT $5 OFFSET $4) RETURNING id",
        );
        let query = query.bind(user_id.uuid()).bind(time(now)).bind(why.name()).bind(kept);
        let query = query.bind(SURPLUS_MAX).try_map(|row| row::id(&row, "id"));
        let ended = query.fetch_all(self.on(Query::EndSurplusSessions)).await?;
        self.announce_ended(ended).await
    }

    async fn renew_session(&mut self, id: Id<Session>, now: Timestamp) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE sessions SET auth_time = $2 \
             WHERE id = $1 AND end_time IS NULL AND expire_time > $2",
        );
        let query = query.bind(id.uuid()).bind(time(now));
        let renewed = query.execute(self.on(Query::RenewSession)).await?.rows_affected() == 1;
        announce(self.on(Query::Announce), &coherence::Change::SessionRenewed(id)).await?;
        Ok(renewed)
    }

    async fn mark_sessions_seen(&mut self, seen: &[(Id<Session>, Timestamp)]) -> Result<()> {
        for (id, when) in seen {
            let query = sqlx::query(
                "UPDATE sessions SET last_seen_time = $2 \
                 WHERE id = $1 AND (last_seen_time IS NULL OR last_seen_time < $2)",
            );
            let query = query.bind(id.uuid()).bind(time(*when));
            query.execute(self.on(Query::MarkSessionsSeen)).await?;
        }
        Ok(())
    }
}

impl Change {
    async fn announce_ended(&mut self, ids: Vec<Id<Session>>) -> Result<Vec<Id<Session>>> {
        announce(self.on(Query::Announce), &coherence::Change::SessionsEnded(ids.clone())).await?;
        Ok(ids)
    }
}

fn session(row: &Row) -> sqlx::Result<Session> {
    let (create_time, refresh_time) =
        (row::time(row, "create_time")?, row::time(row, "refresh_time")?);
    let last_seen_time = row::time_or_none(row, "last_seen_time")?;
    let amr: String = row.try_get("amr")?;
    Ok(Session {
        id: row::id(row, "id")?,
        user_id: row::id(row, "user_id")?,
        counter: row.try_get("counter")?,
        refresh_time,
        expire_time: row::time(row, "expire_time")?,
        client_name: row.try_get("client_name")?,
        ip: row.try_get("ip")?,
        user_agent: row.try_get("user_agent")?,
        create_time,
        end_time: row::time_or_none(row, "end_time")?,
        // A newer build may know more.
        proofs: amr.split(' ').filter_map(Proof::from_name).collect(),
        auth_time: row::time_or_none(row, "auth_time")?.unwrap_or(create_time),
        last_seen_time: last_seen_time.map_or(refresh_time, |seen| seen.max(refresh_time)),
    })
}

fn position(session: &Session) -> Cursor {
    Cursor { name: session.client_name.clone(), id: session.id.uuid() }
}

/// A permission that this build does not know gives nothing: a newer one may run beside it.
fn principal_and_permission(
    session_id: Id<Session>,
    row: &Row,
) -> sqlx::Result<(Principal, Option<Permission>)> {
    let permission: Option<String> = row.try_get("permission")?;
    let (user_id, auth_time) = (row::id(row, "user_id")?, row::time(row, "auth_time")?);
    let credential = Credential::Session { id: session_id, auth_time };
    let principal = Principal { user_id, credential, permissions: Permissions::default() };
    Ok((principal, permission.as_deref().and_then(Permission::from_name)))
}
