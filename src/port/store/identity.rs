//! Accounts, sessions and signing keys in the store.

use async_trait::async_trait;

use crate::domain::{
    Result, Timestamp,
    caller::Principal,
    device::Device,
    id::Id,
    key::SigningKey,
    page::{Page, PageQuery, UserFilter},
    permission::Permissions,
    session::{EndReason, Session},
    user::User,
};

/// Reads accounts.
#[async_trait]
pub trait ReadUsers {
    /// The account with this id, deleted or not, with its roles.
    async fn find_user(&mut self, id: Id<User>) -> Result<Option<User>>;

    /// The active account whose folded username or folded e-mail address is this, with its password hash if it has one.
    async fn find_user_to_sign_in(
        &mut self,
        folded: &str,
    ) -> Result<Option<(User, Option<String>)>>;

    /// The account that is neither deleted nor pending and whose folded username or folded e-mail address is this, with its roles.
    async fn find_user_by_name(&mut self, folded: &str) -> Result<Option<User>>;

    /// The account, deleted or not, whose folded e-mail address is this.
    async fn find_user_by_email(&mut self, folded: &str) -> Result<Option<User>>;

    /// Whether an account, deleted or not, has this folded username.
    async fn is_username_taken(&mut self, folded: &str) -> Result<bool>;

    /// A page of the accounts that are neither deleted nor pending, with their roles.
    async fn list_users(&mut self, filter: &UserFilter, page: &PageQuery) -> Result<Page<User>>;

    /// The password hash of an active account that has one.
    async fn find_password_hash(&mut self, id: Id<User>) -> Result<Option<String>>;

    /// What an active account may do everywhere; none for one that cannot be used. Expired role bindings give nothing.
    async fn find_permissions(
        &mut self,
        id: Id<User>,
        now: Timestamp,
    ) -> Result<Option<Permissions>>;

    /// How many active accounts hold this role everywhere and for good.
    async fn count_users_with_role(&mut self, role: &str) -> Result<i64>;
}

/// Changes accounts.
#[async_trait]
pub trait Users: ReadUsers {
    /// Adds an account; its `roles` are bound everywhere. A pending one that has its address makes room for it.
    /// An empty hash stands for none: nobody signs in by a password.
    ///
    /// Errors: `Taken` with the field `email` or `username`.
    async fn insert_user(&mut self, user: &User, password_hash: &str) -> Result<()>;

    /// The account with this id, deleted or not; nobody else changes it before this transaction ends.
    async fn lock_user(&mut self, id: Id<User>) -> Result<Option<User>>;

    /// Writes every field but roles and password.
    ///
    /// Errors: `Taken` with the field `email` or `username`; `StaleEtag` when the stored version is not the one before.
    async fn update_user(&mut self, user: &User) -> Result<()>;

    /// Lets nobody else count or change who holds which role before this transaction ends.
    async fn lock_role_bindings(&mut self) -> Result<()>;

    /// Gives a role to an account everywhere and for good; whether there is such a role.
    async fn grant_role(&mut self, id: Id<User>, role: &str, now: Timestamp) -> Result<bool>;

    /// Takes a role away that an account has everywhere; whether it had it.
    async fn revoke_role(&mut self, id: Id<User>, role: &str) -> Result<bool>;

    /// Replaces the password hash, and nothing else.
    async fn update_password_hash(&mut self, id: Id<User>, hash: &str) -> Result<()>;
}

/// Reads sessions.
#[async_trait]
pub trait ReadSessions {
    /// The session with this id, live or not.
    async fn find_session(&mut self, id: Id<Session>) -> Result<Option<Session>>;

    /// What the sessions of a user were begun on, those that have ended included: each once, and up to `limit` of them.
    async fn list_devices(&mut self, user_id: Id<User>, limit: i64) -> Result<Vec<Device>>;

    /// Who a session belongs to and what they may do: none when the session has ended or expired, or its user may not
    /// use it. Expired role bindings give nothing.
    async fn find_principal(
        &mut self,
        id: Id<Session>,
        now: Timestamp,
    ) -> Result<Option<Principal>>;

    /// A page of the live sessions of a user.
    async fn list_sessions(
        &mut self,
        user_id: Id<User>,
        now: Timestamp,
        page: &PageQuery,
    ) -> Result<Page<Session>>;
}

/// Changes sessions.
#[async_trait]
pub trait Sessions: ReadSessions {
    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<()>;

    /// Refreshes a live session of an active account, in one statement: only if its counter is still `counter` does it become
    /// `counter + 1`. The session as it is then; none where there was nothing to refresh.
    async fn advance_session(
        &mut self,
        id: Id<Session>,
        counter: i64,
        now: Timestamp,
        expire_time: Timestamp,
    ) -> Result<Option<Session>>;

    /// Has a session end earlier unless it is refreshed.
    async fn shorten_session(&mut self, id: Id<Session>, expire_time: Timestamp) -> Result<()>;

    /// Ends one session; whether it was not ended before.
    async fn end_session(
        &mut self,
        id: Id<Session>,
        now: Timestamp,
        why: EndReason,
    ) -> Result<bool>;

    /// Ends every session of a user that was not ended before, but perhaps one, and returns their ids.
    async fn end_sessions_of(
        &mut self,
        user_id: Id<User>,
        but: Option<Id<Session>>,
        now: Timestamp,
        why: EndReason,
    ) -> Result<Vec<Id<Session>>>;

    /// Ends the live sessions of a user that were begun or refreshed before the last `kept` of them, and returns their
    /// ids.
    async fn end_surplus_sessions(
        &mut self,
        user_id: Id<User>,
        kept: i64,
        now: Timestamp,
        why: EndReason,
    ) -> Result<Vec<Id<Session>>>;

    /// Notes that the user of a live session has proved who they are; whether there is such a session.
    async fn renew_session(&mut self, id: Id<Session>, now: Timestamp) -> Result<bool>;

    /// Notes when sessions were used, unless a later time is known.
    async fn mark_sessions_seen(&mut self, seen: &[(Id<Session>, Timestamp)]) -> Result<()>;
}

/// Reads signing keys.
#[async_trait]
pub trait ReadKeys {
    /// The keys that are not retired yet, oldest first.
    async fn list_signing_keys(&mut self, now: Timestamp) -> Result<Vec<SigningKey>>;
}

/// Changes signing keys.
#[async_trait]
pub trait Keys: ReadKeys {
    /// Lets nobody else add a key before this transaction ends.
    async fn lock_signing_keys(&mut self) -> Result<()>;

    /// Adds a key.
    async fn insert_signing_key(&mut self, key: &SigningKey) -> Result<()>;

    /// Sets when a key is retired.
    async fn retire_signing_key(&mut self, id: Id<SigningKey>, retire: Timestamp) -> Result<()>;
}
