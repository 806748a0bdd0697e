//! Accounts: read, changed and deleted.

use std::sync::Arc;

use super::{
    World,
    auth::ROLE_ADMINISTRATOR,
    change as world,
    page::{PageRequest, TokenPage},
    session::SessionService,
};
use crate::{
    domain::{
        Error, Result,
        caller::Caller,
        event::Data,
        id::Id,
        page::UserFilter,
        permission::Permission,
        resource::Etag,
        session::EndReason,
        user::{Change, State, User},
    },
    port::cache::Cache,
};

/// Accounts read lately.
pub type UserCache = Arc<dyn Cache<Id<User>, User>>;

/// The use cases of accounts.
pub struct UserService {
    /// What every use case needs.
    pub world: World,
    /// Sessions.
    pub sessions: Arc<SessionService>,
    /// Accounts read lately.
    pub users: UserCache,
}

pub(super) const NOT_FOUND: Error = Error::NotFound { resource: "user" };

impl UserService {
    /// One account in use.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, caller: &Caller, id: Id<User>) -> Result<Arc<User>> {
        let known = self.users.get(&id).filter(|_| caller.is_confirmed);
        let user = if let Some(user) = known {
            user
        } else {
            let since = self.users.stamp(&id);
            let found = self.world.store.read().await?.find_user(id).await?;
            let user = Arc::new(found.ok_or(NOT_FOUND)?);
            self.users.fill(id, Arc::clone(&user), since);
            user
        };
        if is_in_use(&user) { Ok(user) } else { Err(NOT_FOUND) }
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// `MissingToken` or `BadToken`.
    pub async fn me(&self, caller: &Caller) -> Result<Arc<User>> {
        self.get(caller, caller.signed_in()?.user_id).await
    }

    /// A page of the accounts in use.
    ///
    /// # Errors
    /// `InvalidPageToken`.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &UserFilter,
        request: &PageRequest,
    ) -> Result<TokenPage<User>> {
        let query = self.world.page_query(caller, request)?;
        let page = self.world.store.read().await?.list_users(filter, &query).await?;
        Ok(self.world.token_page(caller, request, page))
    }

    /// Changes an account: one's own, or with `users.update` anybody's.
    ///
    /// # Errors
    /// `NotOwner`, `NotFound`, `StaleEtag`, `Taken` with the field `username`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: Id<User>,
        new: Change,
        etag: Option<Etag>,
    ) -> Result<Arc<User>> {
        caller.owns_or_has("account", id, Permission::UsersUpdate)?;
        let (users, since) = (Arc::clone(&self.users), self.users.stamp(&id));
        let (new, etag) = (&new, etag.as_ref());
        let updated = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let mut user = in_use(change.tx.lock_user(id).await?)?;
                    user.meta.check(etag)?;
                    let changed = user.apply(new.clone());
                    if changed.is_empty() {
                        return Ok(Arc::new(user));
                    }
                    user.meta.touch(change.now);
                    change.tx.update_user(&user).await?;
                    change.audit("user.update", format!("users/{id}")).await?;
                    change.record(Data::UserUpdated(user.clone(), changed)).await?;
                    Ok(Arc::new(user))
                })
            },
            move |user| users.replace(id, Arc::clone(user), since),
        );
        updated.await
    }

    /// Deletes an account and ends its sessions: one's own, or with `users.delete` anybody's.
    ///
    /// # Errors
    /// `NotOwner`, `NotFound`, `StaleEtag`, `LastAdministrator`.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: Id<User>,
        etag: Option<Etag>,
    ) -> Result<Arc<User>> {
        caller.owns_or_has("account", id, Permission::UsersDelete)?;
        let (users, live) = (Arc::clone(&self.users), Arc::clone(&self.sessions.live));
        let (etag, since) = (etag.as_ref(), self.users.stamp(&id));
        let deleted = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let mut user = in_use(change.tx.lock_user(id).await?)?;
                    user.meta.check(etag)?;
                    keep_an_administrator(change, &user).await?;
                    user.state = State::Deleted;
                    user.meta.delete(change.now);
                    change.tx.update_user(&user).await?;
                    let ended =
                        self.sessions.end_all(change, id, None, EndReason::UserDeleted).await?;
                    change.audit("user.delete", format!("users/{id}")).await?;
                    change.record(Data::UserDeleted(user.clone())).await?;
                    Ok((Arc::new(user), ended))
                })
            },
            move |(user, ended)| {
                live.ended(ended);
                live.user_changed(id);
                users.replace(id, Arc::clone(user), since);
            },
        );
        deleted.await.map(|(user, _)| user)
    }

    /// Bars an account from use and ends its sessions; one that is barred already stays as it is.
    ///
    /// # Errors
    /// `NotFound`, `StaleEtag`, `LastAdministrator`.
    pub async fn suspend(
        &self,
        caller: &Caller,
        id: Id<User>,
        etag: Option<Etag>,
    ) -> Result<Arc<User>> {
        let (users, live) = (Arc::clone(&self.users), Arc::clone(&self.sessions.live));
        let (etag, since) = (etag.as_ref(), self.users.stamp(&id));
        let suspended = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let mut user = in_use(change.tx.lock_user(id).await?)?;
                    user.meta.check(etag)?;
                    if user.state == State::Suspended {
                        return Ok((Arc::new(user), Vec::new()));
                    }
                    keep_an_administrator(change, &user).await?;
                    set_state(change, &mut user, State::Suspended, "user.suspend").await?;
                    let ended =
                        self.sessions.end_all(change, id, None, EndReason::UserSuspended).await?;
                    Ok((Arc::new(user), ended))
                })
            },
            move |(user, ended)| {
                live.ended(ended);
                live.user_changed(id);
                users.replace(id, Arc::clone(user), since);
            },
        );
        suspended.await.map(|(user, _)| user)
    }

    /// Lets a barred account be used again; any other stays as it is.
    ///
    /// # Errors
    /// `NotFound`, `StaleEtag`.
    pub async fn unsuspend(
        &self,
        caller: &Caller,
        id: Id<User>,
        etag: Option<Etag>,
    ) -> Result<Arc<User>> {
        let (users, live) = (Arc::clone(&self.users), Arc::clone(&self.sessions.live));
        let (etag, since) = (etag.as_ref(), self.users.stamp(&id));
        let unsuspended = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let mut user = in_use(change.tx.lock_user(id).await?)?;
                    user.meta.check(etag)?;
                    if user.state == State::Suspended {
                        set_state(change, &mut user, State::Active, "user.unsuspend").await?;
                    }
                    Ok(Arc::new(user))
                })
            },
            move |user| {
                live.user_changed(id);
                users.replace(id, Arc::clone(user), since);
            },
        );
        unsuspended.await
    }
}

/// Refuses to take the last administrator away.
pub(super) async fn keep_an_administrator(
    change: &mut world::Change<'_>,
    user: &User,
) -> Result<()> {
    let counts =
        user.state == State::Active && user.roles.iter().any(|role| role == ROLE_ADMINISTRATOR);
    if !counts {
        return Ok(());
    }
    change.tx.lock_role_bindings().await?;
    match change.tx.count_users_with_role(ROLE_ADMINISTRATOR).await? {
        ..=1 => Err(Error::LastAdministrator),
        _ => Ok(()),
    }
}

async fn set_state(
    change: &mut world::Change<'_>,
    user: &mut User,
    state: State,
    action: &'static str,
) -> Result<()> {
    user.state = state;
    user.meta.touch(change.now);
    change.tx.update_user(user).await?;
    change.audit(action, format!("users/{}", user.id)).await?;
    change.record(Data::UserUpdated(user.clone(), vec!["state"])).await
}

fn in_use(user: Option<User>) -> Result<User> {
    user.filter(is_in_use).ok_or(NOT_FOUND)
}

/// Whether somebody has an account, or will have it again. One that waits for its first mail to be answered is nobody's.
fn is_in_use(user: &User) -> bool {
    matches!(user.state, State::Active | State::Suspended)
}
