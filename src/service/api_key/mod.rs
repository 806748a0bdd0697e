//! API keys: made, listed and deleted.

pub mod secret;

use std::sync::Arc;

use secrecy::SecretString;

use super::{
    World,
    change::{Change, RequestId},
    memory::Sessions,
    page::{PageRequest, TokenPage},
    user::NOT_FOUND as NO_USER,
};
use crate::domain::{
    Error, Result,
    api_key::{ApiKey, Draft, PER_USER_MAX},
    caller::Caller,
    event::Data,
    id::Id,
    mail::{Mail, Recipient},
    page::{Order, OrderKey, PageQuery},
    permission::Permission,
    text::fold,
    user::{State, User},
};

const NOT_FOUND: Error = Error::NotFound { resource: "API key" };

/// The use cases of API keys.
pub struct ApiKeyService {
    /// What every use case needs.
    pub world: World,
    /// What is known of keys here.
    pub live: Arc<Sessions>,
}

/// A key that was made, and its secret, which nobody is told again.
#[derive(Debug)]
pub struct Created {
    /// The key.
    pub key: ApiKey,
    /// Its secret.
    pub secret: SecretString,
}

impl ApiKeyService {
    /// Makes a key that acts for the caller. A retry gets the same secret, because it is derived from the id of the key.
    ///
    /// # Errors
    /// `PermissionDenied` with the first permission that the caller does not have; `TooManyApiKeys`; `RequestIdReused`;
    /// `InvalidFields` naming `api_key.expire_time`.
    pub async fn create(
        &self,
        caller: &Caller,
        draft: Draft,
        request: Option<RequestId>,
    ) -> Result<Created> {
        let owner = caller.signed_in()?.user_id;
        let (draft, request) = (&draft, request.as_ref());
        let created = self.world.change(caller, |change| {
            Box::pin(async move {
                if let Some(first) = change.replay(request).await? {
                    return change.tx.find_api_key(first).await?.ok_or(NOT_FOUND);
                }
                let key = self.make(change, owner, draft).await?;
                change.remember(request, &key.id).await?;
                Ok(key)
            })
        });
        Ok(self.with_secret(created.await?))
    }

    /// Makes a key that acts for whoever has this username or e-mail address.
    ///
    /// # Errors
    /// `NotFound`; otherwise as [`Self::create`].
    pub async fn create_for(&self, caller: &Caller, name: &str, draft: Draft) -> Result<Created> {
        let (folded, draft) = (&fold(name), &draft);
        let created = self.world.change(caller, |change| {
            Box::pin(async move {
                let owner = change.tx.find_user_by_name(folded).await?.ok_or(NO_USER)?;
                self.make(change, owner.id, draft).await
            })
        });
        Ok(self.with_secret(created.await?))
    }

    /// A page of the keys of a user: one's own, or with `api_keys.any` anybody's.
    ///
    /// # Errors
    /// `NotOwner`, `InvalidPageToken`.
    pub async fn list(
        &self,
        caller: &Caller,
        user_id: Option<Id<User>>,
        request: &PageRequest,
    ) -> Result<TokenPage<ApiKey>> {
        let user_id = user_id.unwrap_or(caller.signed_in()?.user_id);
        caller.owns_or_has("account", user_id, Permission::ApiKeysAny)?;
        let query = self.world.page_query(caller, request)?;
        let page = self.world.store.read().await?.list_api_keys(user_id, &query).await?;
        Ok(self.world.token_page(caller, request, page))
    }

    /// Every key of whoever has this username or e-mail address, the newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn list_for(&self, name: &str) -> Result<Vec<ApiKey>> {
        let mut store = self.world.store.read().await?;
        let user = store.find_user_by_name(&fold(name)).await?.ok_or(NO_USER)?;
        let order = Order { key: OrderKey::CreateTime, descending: true };
        let mut query = PageQuery { limit: PER_USER_MAX, order, after: None };
        let mut keys = Vec::new();
        loop {
            let page = store.list_api_keys(user.id, &query).await?;
            keys.extend(page.items);
            if page.next.is_none() {
                return Ok(keys);
            }
            query.after = page.next;
        }
    }

    /// Deletes a key: one's own, or with `api_keys.any` anybody's. To everybody else it is unknown.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, caller: &Caller, id: Id<ApiKey>) -> Result<ApiKey> {
        let own = caller.signed_in()?.user_id;
        let may_all = caller.has(Permission::ApiKeysAny);
        self.end(caller, id, |key| key.user_id == own || may_all).await
    }

    /// Deletes a key on behalf of whoever runs the server.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_any(&self, caller: &Caller, id: Id<ApiKey>) -> Result<ApiKey> {
        self.end(caller, id, |_| true).await
    }

    async fn end(
        &self,
        caller: &Caller,
        id: Id<ApiKey>,
        may: impl Fn(&ApiKey) -> bool + Sync,
    ) -> Result<ApiKey> {
        let (live, may) = (Arc::clone(&self.live), &may);
        let deleted = self.world.change_then(
            caller,
            |change| {
                Box::pin(async move {
                    let key = change.tx.find_api_key(id).await?;
                    let key = key.filter(may).ok_or(NOT_FOUND)?;
                    if !change.tx.delete_api_key(id, change.now).await? {
                        return Err(NOT_FOUND);
                    }
                    change.audit("api_key.delete", format!("apiKeys/{id}")).await?;
                    change.record(Data::ApiKeyDeleted(key.clone())).await?;
                    Ok(key)
                })
            },
            move |key: &ApiKey| live.key_deleted(key.id),
        );
        deleted.await
    }

    async fn make(
        &self,
        change: &mut Change<'_>,
        owner: Id<User>,
        draft: &Draft,
    ) -> Result<ApiKey> {
        let now = change.now;
        // Of two that are made at once, one waits for the other, and counts it.
        let user = change.tx.lock_user(owner).await?;
        let user = user.filter(|user| user.state == State::Active).ok_or(NO_USER)?;
        let held = change.tx.find_permissions(owner, now).await?.unwrap_or_default();
        // Nobody grants what they lack.
        if let Some(missing) = draft.permissions.iter().find(|one| !held.has(**one)) {
            return Err(Error::PermissionDenied { permission: missing.name() });
        }
        if draft.expire_time.is_some_and(|expire_time| expire_time <= now) {
            return Err(Error::invalid_field("api_key.expire_time", "must be in the future"));
        }
        if change.tx.count_api_keys(owner, now).await? >= PER_USER_MAX {
            return Err(Error::TooManyApiKeys { max: PER_USER_MAX });
        }
        let key = ApiKey {
            id: change.new_id(),
            user_id: owner,
            display_name: draft.display_name.clone(),
            permissions: draft.permissions.iter().copied().collect(),
            allowed_networks: draft.allowed_networks.clone(),
            expire_time: draft.expire_time,
            create_time: now,
            last_used_time: None,
        };
        change.tx.insert_api_key(&key).await?;
        change.audit("api_key.create", format!("apiKeys/{}", key.id)).await?;
        let mail = Mail::ApiKeyCreated { name: key.display_name.to_string() };
        change.mail(&Recipient::of(&user), &mail).await?;
        change.record(Data::ApiKeyCreated(key.clone())).await?;
        Ok(key)
    }

    fn with_secret(&self, key: ApiKey) -> Created {
        let secret = secret::derive(&*self.world.vault, key.id);
        Created { key, secret }
    }
}
