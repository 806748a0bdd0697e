//! Streams in the store.

use async_trait::async_trait;

use crate::domain::{
    Result,
    id::Id,
    page::{Page, PageQuery, StreamFilter},
    stream::Stream,
};

/// Reads streams.
#[async_trait]
pub trait ReadStreams {
    /// The stream with this id, deleted or not.
    async fn find_stream(&mut self, id: Id<Stream>) -> Result<Option<Stream>>;

    /// A page of the streams that are not deleted.
    async fn list_streams(
        &mut self,
        filter: &StreamFilter,
        page: &PageQuery,
    ) -> Result<Page<Stream>>;
}

/// Changes streams.
#[async_trait]
pub trait Streams: ReadStreams {
    /// Adds a stream.
    async fn insert_stream(&mut self, stream: &Stream) -> Result<()>;

    /// The stream with this id, deleted or not; nobody else changes it before this transaction ends.
    async fn lock_stream(&mut self, id: Id<Stream>) -> Result<Option<Stream>>;

    /// Writes every field but the owner.
    ///
    /// Errors: `StaleEtag` when the stored version is not the one before.
    async fn update_stream(&mut self, stream: &Stream) -> Result<()>;
}
