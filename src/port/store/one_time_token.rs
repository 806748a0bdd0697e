//! Tokens that are good once, in the store.

use async_trait::async_trait;

use crate::domain::{Result, Timestamp, id::Id, one_time_token::Kind, user::User};

/// A token as it is kept: what is remembered of it, without which nobody can use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptToken {
    /// What it is found by: a message authentication code of its text.
    pub digest: [u8; 32],
    /// What it is for.
    pub kind: Kind,
    /// Whose it is, where that is known.
    pub user_id: Option<Id<User>>,
    /// What it carries, encrypted.
    pub sealed_data: Vec<u8>,
    /// When it was made.
    pub create_time: Timestamp,
    /// Until when it is good.
    pub expire_time: Timestamp,
}

/// Reads tokens.
#[async_trait]
pub trait ReadOneTimeTokens {
    /// The token of this digest, unless it has expired.
    async fn find_one_time_token(
        &mut self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<KeptToken>>;
}

/// Changes tokens.
#[async_trait]
pub trait OneTimeTokens: ReadOneTimeTokens {
    /// Adds a token.
    async fn insert_one_time_token(&mut self, token: &KeptToken) -> Result<()>;

    /// Takes the token of this digest away, in one statement: of several that want it one gets it. None when it has expired.
    async fn take_one_time_token(
        &mut self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<KeptToken>>;

    /// Takes every token of this kind from a user.
    async fn delete_one_time_tokens(&mut self, user_id: Id<User>, kind: Kind) -> Result<()>;
}
