//! API keys in the store.

use async_trait::async_trait;

use crate::domain::{
    Result, Timestamp,
    api_key::ApiKey,
    id::Id,
    page::{Page, PageQuery},
    user::User,
};

/// Reads API keys. Those that were deleted are not found.
#[async_trait]
pub trait ReadApiKeys {
    /// The key with this id, expired or not.
    async fn find_api_key(&mut self, id: Id<ApiKey>) -> Result<Option<ApiKey>>;

    /// A page of the keys of a user, those included that have expired.
    async fn list_api_keys(&mut self, user_id: Id<User>, page: &PageQuery) -> Result<Page<ApiKey>>;

    /// How many keys of a user have not expired.
    async fn count_api_keys(&mut self, user_id: Id<User>, now: Timestamp) -> Result<i64>;
}

/// Changes API keys.
#[async_trait]
pub trait ApiKeys: ReadApiKeys {
    /// Adds a key.
    async fn insert_api_key(&mut self, key: &ApiKey) -> Result<()>;

    /// Deletes a key; whether it was not deleted before.
    async fn delete_api_key(&mut self, id: Id<ApiKey>, now: Timestamp) -> Result<bool>;

    /// Notes when keys were used, unless a later time is known.
    async fn mark_api_keys_used(&mut self, used: &[(Id<ApiKey>, Timestamp)]) -> Result<()>;
}
