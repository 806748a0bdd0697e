//! Taking turns within this process, so that nobody waits with a connection in their hands.

use async_trait::async_trait;

/// Whose turn it is, until it is dropped.
pub trait Turn: Send {}

/// Lets those pass one after the other that want the same thing.
#[async_trait]
pub trait Turns: Send + Sync {
    /// Waits for those who came before. Whoever wants several things asks for them in an order that is the same for everyone.
    async fn take(&self, key: [u8; 32]) -> Box<dyn Turn>;
}
