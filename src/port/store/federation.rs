//! Identities at providers, in the store.

use async_trait::async_trait;

use crate::domain::{Result, id::Id, identity::Identity, user::User};

/// Reads identities.
#[async_trait]
pub trait ReadIdentities {
    /// The identity of this subject at this provider.
    async fn find_identity(&mut self, provider: &str, subject: &str) -> Result<Option<Identity>>;

    /// The identities of a user, the oldest first.
    async fn list_identities(&mut self, user_id: Id<User>) -> Result<Vec<Identity>>;
}

/// Changes identities.
#[async_trait]
pub trait Identities: ReadIdentities {
    /// Adds an identity.
    ///
    /// Errors: `Taken` with the field `identity` when it belongs to somebody already, `provider` when its user has another
    /// one there.
    async fn insert_identity(&mut self, identity: &Identity) -> Result<()>;

    /// Writes the address and the time of the last use.
    async fn update_identity(&mut self, identity: &Identity) -> Result<()>;

    /// Removes an identity; whether it was there.
    async fn delete_identity(&mut self, id: Id<Identity>) -> Result<bool>;
}
