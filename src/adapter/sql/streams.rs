//! Live streams.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{super::time, Change, Handle, Link, Row, list::List, row};
use crate::adapter::sql::query::Query;
use crate::domain::{
    Error, Result,
    id::Id,
    page::{Cursor, Page, PageQuery, StreamFilter},
    stream::{Details, State, Stream, Visibility},
    text::{Text, fold},
};
use crate::port::store::{ReadStreams, Streams};

macro_rules! stream_columns {
    () => {
        "id, owner_id, title, description, visibility, tags, scheduled_start_time, state, version, \
         create_time, update_time, delete_time, purge_time"
    };
}

#[async_trait]
impl<L: Link> ReadStreams for Handle<L> {
    async fn find_stream(&mut self, id: Id<Stream>) -> Result<Option<Stream>> {
        let sql = concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = $1");
        let query = sqlx::query(sql).bind(id.uuid());
        Ok(query.try_map(|row| stream(&row)).fetch_optional(self.on(Query::FindStream)).await?)
    }

    async fn list_streams(
        &mut self,
        filter: &StreamFilter,
        page: &PageQuery,
    ) -> Result<Page<Stream>> {
        let select =
            concat!("SELECT ", stream_columns!(), " FROM streams WHERE delete_time IS NULL");
        List::of(select)
            .visible("visibility = 'PUBLIC'", ("owner_id = ", ""), filter.visible_to.map(Id::uuid))
            .only("state =", filter.state.map(State::name))
            .only("visibility =", filter.visibility.map(Visibility::name))
            .only("owner_id =", filter.owner_id.map(Id::uuid))
            .containing("title_folded", filter.title_contains.as_deref())
            .page("title_folded", page, self.on(Query::ListStreams), stream, position)
            .await
    }
}

#[async_trait]
impl Streams for Change {
    async fn insert_stream(&mut self, stream: &Stream) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO streams (id, owner_id, title, title_folded, description, visibility, tags, \
             scheduled_start_time, state, version, create_time, update_time, delete_time, \
             purge_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        );
        query
            .bind(stream.id.uuid())
            .bind(stream.owner_id.uuid())
            .bind(&*stream.details.title)
            .bind(fold(&stream.details.title))
            .bind(&*stream.details.description)
            .bind(stream.details.visibility.name())
            .bind(tags_to_text(&stream.details.tags)?)
            .bind(stream.details.scheduled_start_time.map(time))
            .bind(stream.state.name())
            .bind(stream.meta.version)
            .bind(time(stream.meta.create_time))
            .bind(time(stream.meta.update_time))
            .bind(stream.meta.delete_time.map(time))
            .bind(stream.meta.purge_time.map(time))
            .execute(self.on(Query::InsertStream))
            .await?;
        Ok(())
    }

    async fn lock_stream(&mut self, id: Id<Stream>) -> Result<Option<Stream>> {
        let sql =
            concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = $1", for_update!());
        let query = sqlx::query(sql).bind(id.uuid());
        Ok(query.try_map(|row| stream(&row)).fetch_optional(self.on(Query::LockStream)).await?)
    }

    async fn update_stream(&mut self, stream: &Stream) -> Result<()> {
        let query = sqlx::query(
            "UPDATE streams SET title = $3, title_folded = $4, description = $5, visibility = $6, \
             tags = $7, scheduled_start_time = $8, state = $9, create_time = $10, \
             update_time = $11, delete_time = $12, purge_time = $13, version = $2 \
             WHERE id = $1 AND version = $2 - 1",
        );
        let done = query
            .bind(stream.id.uuid())
            .bind(stream.meta.version)
            .bind(&*stream.details.title)
            .bind(fold(&stream.details.title))
            .bind(&*stream.details.description)
            .bind(stream.details.visibility.name())
            .bind(tags_to_text(&stream.details.tags)?)
            .bind(stream.details.scheduled_start_time.map(time))
            .bind(stream.state.name())
            .bind(time(stream.meta.create_time))
            .bind(time(stream.meta.update_time))
            .bind(stream.meta.delete_time.map(time))
            .bind(stream.meta.purge_time.map(time))
            .execute(self.on(Query::UpdateStream))
            .await?;
        if done.rows_affected() == 0 { Err(Error::StaleEtag) } else { Ok(()) }
    }
}

fn tags_to_text(tags: &[String]) -> Result<String> {
    serde_json::to_string(tags).map_err(Error::internal)
}

fn tags(row: &Row) -> sqlx::Result<Vec<String>> {
    let text: String = row.try_get("tags")?;
    serde_json::from_str(&text)
        .map_err(|error| sqlx::Error::ColumnDecode { index: "tags".into(), source: error.into() })
}

fn stream(row: &Row) -> sqlx::Result<Stream> {
    Ok(Stream {
        id: row::id(row, "id")?,
        owner_id: row::id(row, "owner_id")?,
        details: Details {
            title: Text::trusted(row.try_get("title")?),
            description: Text::trusted(row.try_get("description")?),
            visibility: row::named(row, "visibility", Visibility::from_name)?,
            tags: tags(row)?,
            scheduled_start_time: row::time_or_none(row, "scheduled_start_time")?,
        },
        state: row::named(row, "state", State::from_name)?,
        meta: row::meta(row)?,
    })
}

fn position(stream: &Stream) -> Cursor {
    Cursor { name: fold(&stream.details.title), id: stream.id.uuid() }
}
