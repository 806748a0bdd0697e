//! Live streams: created, found, changed and deleted.

use super::{
    World,
    change::RequestId,
    page::{PageRequest, TokenPage},
};
use crate::domain::{
    Error, Result,
    caller::Caller,
    event::Data,
    id::Id,
    page::StreamFilter,
    permission::Permission,
    resource::{Etag, Meta},
    stream::{Change, Details, State, Stream, Visibility},
};

/// The use cases of streams.
pub struct StreamService {
    /// What every use case needs.
    pub world: World,
}

const NOT_FOUND: Error = Error::NotFound { resource: "stream" };

impl StreamService {
    /// Creates a stream that the caller owns.
    ///
    /// # Errors
    /// `RequestIdReused`.
    pub async fn create(
        &self,
        caller: &Caller,
        details: Details,
        request: Option<RequestId>,
    ) -> Result<Stream> {
        let owner_id = caller.signed_in()?.user_id;
        let (details, request) = (&details, request.as_ref());
        let created = self.world.change(caller, |change| {
            Box::pin(async move {
                if let Some(first) = change.replay(request).await? {
                    return Ok(first);
                }
                let stream = Stream {
                    id: Id::from(self.world.ids.uuid()),
                    owner_id,
                    details: details.clone(),
                    state: State::default(),
                    meta: Meta::new(change.now),
                };
                change.tx.insert_stream(&stream).await?;
                change.audit("stream.create", format!("streams/{}", stream.id)).await?;
                change.record(Data::StreamCreated(stream.clone())).await?;
                change.remember(request, &stream).await?;
                Ok(stream)
            })
        });
        created.await
    }

    /// One stream that the caller may see.
    ///
    /// # Errors
    /// `NotFound`, for a stream that the caller may not see too.
    pub async fn get(&self, caller: &Caller, id: Id<Stream>) -> Result<Stream> {
        let mut store = self.world.store.read().await?;
        visible(caller, store.find_stream(id).await?)
    }

    /// A page of the streams that the caller may see.
    ///
    /// # Errors
    /// `InvalidPageToken`.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: StreamFilter,
        request: &PageRequest,
    ) -> Result<TokenPage<Stream>> {
        let filter = StreamFilter { visible_to: caller.user_id(), ..filter };
        let query = self.world.page_query(caller, request)?;
        let page = self.world.store.read().await?.list_streams(&filter, &query).await?;
        Ok(self.world.token_page(caller, request, page))
    }

    /// Changes a stream: one's own, or with `streams.update_any` any that one may see.
    ///
    /// # Errors
    /// `NotFound`, `NotOwner`, `StaleEtag`.
    pub async fn update(
        &self,
        caller: &Caller,
        id: Id<Stream>,
        new: Change,
        etag: Option<Etag>,
    ) -> Result<Stream> {
        let (new, etag) = (&new, etag.as_ref());
        let updated = self.world.change(caller, |change| {
            Box::pin(async move {
                let found = change.tx.lock_stream(id).await?;
                let mut stream = visible(caller, found)?;
                caller.owns_or_has("stream", stream.owner_id, Permission::StreamsUpdateAny)?;
                stream.meta.check(etag)?;
                let changed = stream.apply(new.clone());
                if changed.is_empty() {
                    return Ok(stream);
                }
                stream.meta.touch(change.now);
                change.tx.update_stream(&stream).await?;
                change.audit("stream.update", format!("streams/{id}")).await?;
                change.record(Data::StreamUpdated(stream.clone(), changed)).await?;
                Ok(stream)
            })
        });
        updated.await
    }

    /// Deletes a stream: one's own, or with `streams.delete_any` any that one may see.
    ///
    /// # Errors
    /// `NotFound`, `NotOwner`, `StaleEtag`.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: Id<Stream>,
        etag: Option<Etag>,
    ) -> Result<Stream> {
        let etag = etag.as_ref();
        let deleted = self.world.change(caller, |change| {
            Box::pin(async move {
                let found = change.tx.lock_stream(id).await?;
                let mut stream = visible(caller, found)?;
                caller.owns_or_has("stream", stream.owner_id, Permission::StreamsDeleteAny)?;
                stream.meta.check(etag)?;
                stream.meta.delete(change.now);
                change.tx.update_stream(&stream).await?;
                change.audit("stream.delete", format!("streams/{id}")).await?;
                change.record(Data::StreamDeleted(stream.clone())).await?;
                Ok(stream)
            })
        });
        deleted.await
    }
}

/// The stream, unless it is deleted or private to others.
fn visible(caller: &Caller, stream: Option<Stream>) -> Result<Stream> {
    let stream = stream.filter(|stream| stream.meta.delete_time.is_none()).ok_or(NOT_FOUND)?;
    let owned = stream.owner_id == caller.signed_in()?.user_id;
    if owned || stream.details.visibility != Visibility::Private {
        return Ok(stream);
    }
    Err(NOT_FOUND)
}
