//! Accounts and the roles they hold.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{
    super::{LOCK_ROLE_BINDINGS, announce, time},
    Change, Handle, Link, Measured, Row,
    list::List,
    row,
};
use crate::adapter::sql::query::Query;
use crate::domain::{
    Error, Result, Timestamp,
    id::Id,
    page::{Cursor, Page, PageQuery, UserFilter},
    permission::{Permission, Permissions},
    text::{Email, Text, Username, fold},
    user::{Profile, State, User},
};
use crate::port::{
    coherence,
    store::{ReadUsers, Users},
};

/// Roles come as one text with spaces between them: one row for an account, whatever it holds.
macro_rules! user_columns {
    () => {
        "id, username, email, email_verified, display_name, avatar_url, bio, locale, state, \
         version, create_time, update_time, delete_time, purge_time, \
         (SELECT string_agg(role, ' ' ORDER BY role) FROM role_bindings \
          WHERE user_id = users.id AND resource = '') AS roles"
    };
}

#[async_trait]
impl<L: Link> ReadUsers for Handle<L> {
    async fn find_user(&mut self, id: Id<User>) -> Result<Option<User>> {
        let sql = concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1");
        let query = sqlx::query(sql).bind(id.uuid());
        Ok(query.try_map(|row| user(&row)).fetch_optional(self.on(Query::FindUser)).await?)
    }

    async fn find_user_to_sign_in(
        &mut self,
        folded: &str,
    ) -> Result<Option<(User, Option<String>)>> {
        let sql = concat!(
            "SELECT password_hash, ",
            user_columns!(),
            " FROM users WHERE (username_folded = $1 OR email_folded = $1) AND state = 'ACTIVE'"
        );
        let with_hash = |row: Row| {
            let hash: String = row.try_get("password_hash")?;
            Ok((user(&row)?, (!hash.is_empty()).then_some(hash)))
        };
        let query = sqlx::query(sql).bind(folded);
        Ok(query.try_map(with_hash).fetch_optional(self.on(Query::FindUserToSignIn)).await?)
    }

    async fn find_password_hash(&mut self, id: Id<User>) -> Result<Option<String>> {
        let query = sqlx::query_scalar(
            "SELECT password_hash FROM users \
             WHERE id = $1 AND state = 'ACTIVE' AND password_hash <> ''",
        );
        let query = query.bind(id.uuid());
        Ok(query.fetch_optional(self.on(Query::FindPasswordHash)).await?)
    }

    async fn find_user_by_name(&mut self, folded: &str) -> Result<Option<User>> {
        let sql = concat!(
            "SELECT ",
            user_columns!(),
            " FROM users WHERE (username_folded = $1 OR email_folded = $1) \
             AND delete_time IS NULL AND state <> 'PENDING'"
        );
        let query = sqlx::query(sql).bind(folded);
        Ok(query.try_map(|row| user(&row)).fetch_optional(self.on(Query::FindUserByName)).await?)
    }

    async fn find_user_by_email(&mut self, folded: &str) -> Result<Option<User>> {
        let sql = concat!("SELECT ", user_columns!(), " FROM users WHERE email_folded = $1");
        let query = sqlx::query(sql).bind(folded);
        Ok(query.try_map(|row| user(&row)).fetch_optional(self.on(Query::FindUserByEmail)).await?)
    }

    async fn is_username_taken(&mut self, folded: &str) -> Result<bool> {
        let query =
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM users WHERE username_folded = $1");
        Ok(query.bind(folded).fetch_one(self.on(Query::IsUsernameTaken)).await? > 0)
    }

    async fn list_users(&mut self, filter: &UserFilter, page: &PageQuery) -> Result<Page<User>> {
        let select = concat!(
            "SELECT ",
            user_columns!(),
            " FROM users WHERE delete_time IS NULL AND state <> 'PENDING'"
        );
        List::of(select)
            .only("state =", filter.state.map(State::name))
            .containing("username_folded", filter.username_contains.as_deref())
            .containing("display_name_folded", filter.display_name_contains.as_deref())
            .page("username_folded", page, self.on(Query::ListUsers), user, position)
            .await
    }

    async fn find_permissions(
        &mut self,
        id: Id<User>,
        now: Timestamp,
    ) -> Result<Option<Permissions>> {
        // One row for each permission, and one without any for a user who may do nothing.
        let query = sqlx::query_scalar(
            "SELECT permission FROM users \
             LEFT JOIN role_bindings ON role_bindings.user_id = users.id AND resource = '' \
                 AND (role_bindings.expire_time IS NULL OR role_bindings.expire_time > $2) \
             LEFT JOIN role_permissions ON role_permissions.role = role_bindings.role \
             WHERE users.id = $1 AND state = 'ACTIVE'",
        );
        let query = query.bind(id.uuid()).bind(time(now));
        let names: Vec<Option<String>> = query.fetch_all(self.on(Query::FindPermissions)).await?;
        let is_active = !names.is_empty();
        // One that this build does not know gives nothing: a newer one may run beside it.
        let known = names.iter().flatten().filter_map(|name| Permission::from_name(name));
        Ok(is_active.then(|| known.collect()))
    }

    async fn count_users_with_role(&mut self, role: &str) -> Result<i64> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM role_bindings JOIN users ON users.id = user_id \
             WHERE role = $1 AND resource = '' AND expire_time IS NULL AND state = 'ACTIVE'",
        );
        Ok(query.bind(role).fetch_one(self.on(Query::CountUsersWithRole)).await?)
    }
}

#[async_trait]
impl Users for Change {
    async fn insert_user(&mut self, user: &User, password_hash: &str) -> Result<()> {
        // PostgreSQL gives up a transaction in which a statement failed. A savepoint lets the caller go on after
        // `Taken`, as it can on SQLite.
        self.link.mark().await?;
        let inserted = self.insert(user, password_hash).await;
        self.link.keep(inserted).await
    }

    async fn lock_user(&mut self, id: Id<User>) -> Result<Option<User>> {
        let sql = concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1", for_update!());
        let query = sqlx::query(sql).bind(id.uuid());
        Ok(query.try_map(|row| user(&row)).fetch_optional(self.on(Query::LockUser)).await?)
    }

    async fn update_user(&mut self, user: &User) -> Result<()> {
        self.link.mark().await?;
        let updated = update(self.on(Query::UpdateUser), user).await;
        let updated = self.link.keep(updated).await?;
        if updated == 0 {
            return Err(Error::StaleEtag);
        }
        announce(self.on(Query::Announce), &coherence::Change::User(user.id)).await
    }

    async fn lock_role_bindings(&mut self) -> Result<()> {
        sqlx::query(LOCK_ROLE_BINDINGS).execute(self.on(Query::LockRoleBindings)).await?;
        Ok(())
    }

    async fn grant_role(&mut self, id: Id<User>, role: &str, now: Timestamp) -> Result<bool> {
        let query = sqlx::query(
            "INSERT INTO role_bindings (user_id, role, create_time) \
             SELECT $1, name, $3 FROM roles WHERE name = $2 \
             ON CONFLICT (user_id, role, resource) DO UPDATE SET expire_time = NULL",
        );
        let query = query.bind(id.uuid()).bind(role).bind(time(now));
        let granted = query.execute(self.on(Query::GrantRole)).await?.rows_affected() == 1;
        announce(self.on(Query::Announce), &coherence::Change::User(id)).await?;
        Ok(granted)
    }

    async fn revoke_role(&mut self, id: Id<User>, role: &str) -> Result<bool> {
        let query = sqlx::query(
            "DELETE FROM role_bindings WHERE user_id = $1 AND role = $2 AND resource = ''",
        );
        let query = query.bind(id.uuid()).bind(role);
        let revoked = query.execute(self.on(Query::RevokeRole)).await?.rows_affected() == 1;
        announce(self.on(Query::Announce), &coherence::Change::User(id)).await?;
        Ok(revoked)
    }

    async fn update_password_hash(&mut self, id: Id<User>, hash: &str) -> Result<()> {
        let query = sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1");
        query.bind(id.uuid()).bind(hash).execute(self.on(Query::UpdatePasswordHash)).await?;
        Ok(())
    }
}

impl Change {
    async fn insert(&mut self, user: &User, password_hash: &str) -> Result<()> {
        let query = sqlx::query("DELETE FROM users WHERE email_folded = $1 AND state = 'PENDING'");
        query.bind(user.email.folded()).execute(self.on(Query::InsertUser)).await?;
        let query = sqlx::query(
            "INSERT INTO users (id, username, username_folded, email, email_folded, email_verified, \
         password_hash, display_name, display_name_folded, avatar_url, bio, locale, state, \
         version, create_time, update_time, delete_time, purge_time) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        );
        query
            .bind(user.id.uuid())
            .bind(&*user.username)
            .bind(user.username.folded())
            .bind(user.email.as_str())
            .bind(user.email.folded())
            .bind(user.email_verified)
            .bind(password_hash)
            .bind(&*user.profile.display_name)
            .bind(fold(&user.profile.display_name))
            .bind(&*user.profile.avatar_url)
            .bind(&*user.profile.bio)
            .bind(&*user.profile.locale)
            .bind(user.state.name())
            .bind(user.meta.version)
            .bind(time(user.meta.create_time))
            .bind(time(user.meta.update_time))
            .bind(user.meta.delete_time.map(time))
            .bind(user.meta.purge_time.map(time))
            .execute(self.on(Query::InsertUser))
            .await?;
        for role in &user.roles {
            let query = sqlx::query(
                "INSERT INTO role_bindings (user_id, role, create_time) VALUES ($1, $2, $3)",
            );
            let query = query.bind(user.id.uuid()).bind(role).bind(time(user.meta.create_time));
            query.execute(self.on(Query::InsertUser)).await?;
        }
        Ok(())
    }
}

async fn update(on: Measured<'_>, user: &User) -> Result<u64> {
    let query = sqlx::query(
        "UPDATE users SET username = $3, username_folded = $4, email = $5, email_folded = $6, \
         email_verified = $7, display_name = $8, display_name_folded = $9, avatar_url = $10, \
         bio = $11, locale = $12, state = $13, create_time = $14, update_time = $15, \
         delete_time = $16, purge_time = $17, version = $2 \
         WHERE id = $1 AND version = $2 - 1",
    );
    let done = query
        .bind(user.id.uuid())
        .bind(user.meta.version)
        .bind(&*user.username)
        .bind(user.username.folded())
        .bind(user.email.as_str())
        .bind(user.email.folded())
        .bind(user.email_verified)
        .bind(&*user.profile.display_name)
        .bind(fold(&user.profile.display_name))
        .bind(&*user.profile.avatar_url)
        .bind(&*user.profile.bio)
        .bind(&*user.profile.locale)
        .bind(user.state.name())
        .bind(time(user.meta.create_time))
        .bind(time(user.meta.update_time))
        .bind(user.meta.delete_time.map(time))
        .bind(user.meta.purge_time.map(time))
        .execute(on)
        .await?;
    Ok(done.rows_affected())
}

fn user(row: &Row) -> sqlx::Result<User> {
    let roles: Option<String> = row.try_get("roles")?;
    Ok(User {
        id: row::id(row, "id")?,
        username: Username::trusted(row.try_get("username")?),
        email: Email::trusted(row.try_get("email")?),
        email_verified: row.try_get("email_verified")?,
        profile: Profile {
            display_name: Text::trusted(row.try_get("display_name")?),
            avatar_url: Text::trusted(row.try_get("avatar_url")?),
            bio: Text::trusted(row.try_get("bio")?),
            locale: Text::trusted(row.try_get("locale")?),
        },
        state: row::named(row, "state", State::from_name)?,
        roles: roles.iter().flat_map(|roles| roles.split(' ')).map(String::from).collect(),
        meta: row::meta(row)?,
    })
}

fn position(user: &User) -> Cursor {
    Cursor { name: user.username.folded(), id: user.id.uuid() }
}
