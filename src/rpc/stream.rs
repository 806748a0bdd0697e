//! `veza.stream.v1.StreamService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{
    convert,
    filter::{self, Grammar, Operator},
    input::Input,
    mask::Mask,
    page,
    proto::stream::v1::{self as proto, stream_service_server},
};
use crate::{
    domain::{
        Error, Result, Timestamp,
        id::Id,
        page::StreamFilter,
        resource::Etag,
        stream::{Change, Details, State, Stream, Visibility},
        text::{Name, Text, fold},
    },
    service::stream::StreamService,
};

/// The fields of a stream that a client can change.
const MUTABLE: [&str; 5] = ["title", "description", "visibility", "tags", "scheduled_start_time"];

/// The fields of a stream that only the server sets.
const OUTPUT_ONLY: [&str; 4] = ["id", "owner_id", "state", "meta"];

/// What the list of streams can be filtered by.
const FILTER: Grammar = Grammar {
    terms: r#"`state = "LIVE"`, `visibility = "PUBLIC"`, `owner_id = "ID"` and `title : "games"`"#,
};

/// The service.
pub struct Streams {
    /// The use cases.
    pub service: Arc<StreamService>,
}

#[tonic::async_trait]
impl stream_service_server::StreamService for Streams {
    async fn list_streams(
        &self,
        request: Request<proto::ListStreamsRequest>,
    ) -> Result<Response<proto::ListStreamsResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let (size, token) = (message.page_size, message.page_token);
        let page = page::request(size, token, &message.filter, &message.order_by, "title")?;
        let page = self.service.list(&caller, read_filter(&message.filter)?, &page).await?;
        let streams = page.items.iter().map(show).collect();
        Ok(Response::new(proto::ListStreamsResponse { streams, next_page_token: page.next_token }))
    }

    async fn create_stream(
        &self,
        request: Request<proto::CreateStreamRequest>,
    ) -> Result<Response<proto::CreateStreamResponse>, Status> {
        let mut input = Input::of(request)?;
        let request_id = input.request_id(|message| &mut message.request_id)?;
        let Input { caller, message, .. } = input;
        let details = read_details(message.stream.unwrap_or_default())?;
        let stream = self.service.create(&caller, details, request_id).await?;
        Ok(Response::new(proto::CreateStreamResponse { stream: Some(show(&stream)) }))
    }

    async fn get_stream(
        &self,
        request: Request<proto::GetStreamRequest>,
    ) -> Result<Response<proto::GetStreamResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let stream = self.service.get(&caller, Id::parse("id", &message.id)?).await?;
        Ok(Response::new(proto::GetStreamResponse { stream: Some(show(&stream)) }))
    }

    async fn update_stream(
        &self,
        request: Request<proto::UpdateStreamRequest>,
    ) -> Result<Response<proto::UpdateStreamResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let stream = message.stream.unwrap_or_default();
        let id = Id::parse("stream.id", &stream.id)?;
        let mask = Mask::parse(message.update_mask, &MUTABLE, &OUTPUT_ONLY)?;
        let change = read_change(stream, &mask)?;
        let stream = self.service.update(&caller, id, change, Etag::parse(message.etag)).await?;
        Ok(Response::new(proto::UpdateStreamResponse { stream: Some(show(&stream)) }))
    }

    async fn delete_stream(
        &self,
        request: Request<proto::DeleteStreamRequest>,
    ) -> Result<Response<proto::DeleteStreamResponse>, Status> {
        let Input { caller, message, .. } = Input::of(request)?;
        let id = Id::parse("id", &message.id)?;
        let stream = self.service.delete(&caller, id, Etag::parse(message.etag)).await?;
        Ok(Response::new(proto::DeleteStreamResponse { stream: Some(show(&stream)) }))
    }
}

/// The stream on the wire.
pub(super) fn show(stream: &Stream) -> proto::Stream {
    let details = &stream.details;
    proto::Stream {
        id: stream.id.to_string(),
        title: details.title.to_string(),
        description: details.description.to_string(),
        owner_id: stream.owner_id.to_string(),
        visibility: match details.visibility {
            Visibility::Public => proto::StreamVisibility::Public,
            Visibility::Unlisted => proto::StreamVisibility::Unlisted,
            Visibility::Private => proto::StreamVisibility::Private,
        }
        .into(),
        state: match stream.state {
            State::Idle => proto::StreamState::Idle,
            State::Live => proto::StreamState::Live,
            State::Ended => proto::StreamState::Ended,
        }
        .into(),
        tags: details.tags.clone(),
        scheduled_start_time: details.scheduled_start_time.map(convert::timestamp),
        meta: Some(convert::meta(&stream.meta)),
    }
}

fn read_visibility(number: i32) -> Visibility {
    // The field rules refuse numbers that are not declared.
    match proto::StreamVisibility::try_from(number) {
        Ok(proto::StreamVisibility::Unlisted) => Visibility::Unlisted,
        Ok(proto::StreamVisibility::Private) => Visibility::Private,
        _ => Visibility::Public,
    }
}

fn read_start(time: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>> {
    time.map(|time| convert::time_from("stream.scheduled_start_time", time)).transpose()
}

fn read_tags(tags: Vec<String>) -> Result<Vec<String>> {
    for (index, tag) in tags.iter().enumerate() {
        Name::<1, 50>::parse(&format!("stream.tags[{index}]"), tag.as_str())?;
    }
    Ok(tags)
}

fn read_details(stream: proto::Stream) -> Result<Details> {
    Ok(Details {
        title: Text::parse("stream.title", stream.title)?,
        description: Text::parse("stream.description", stream.description)?,
        visibility: read_visibility(stream.visibility),
        tags: read_tags(stream.tags)?,
        scheduled_start_time: read_start(stream.scheduled_start_time)?,
    })
}

fn read_change(stream: proto::Stream, mask: &Mask) -> Result<Change> {
    Ok(Change {
        title: mask
            .take("title", stream.title)
            .map(|text| Text::parse("stream.title", text))
            .transpose()?,
        description: mask
            .take("description", stream.description)
            .map(|text| Text::parse("stream.description", text))
            .transpose()?,
        // What is not given stays: a private stream must not become public by omission.
        visibility: mask
            .take("visibility", stream.visibility)
            .filter(|number| *number != 0)
            .map(read_visibility),
        tags: mask.take("tags", stream.tags).map(read_tags).transpose()?,
        scheduled_start_time: mask
            .take("scheduled_start_time", stream.scheduled_start_time)
            .map(read_start)
            .transpose()?,
    })
}

fn read_filter(text: &str) -> Result<StreamFilter, Error> {
    let mut filter = StreamFilter::default();
    for term in FILTER.read(text)? {
        match (term.field.as_str(), term.operator) {
            ("state", Operator::Equals) => {
                filter.state = Some(filter::choice(&term, &State::ALL, State::name)?);
            }
            ("visibility", Operator::Equals) => {
                filter.visibility =
                    Some(filter::choice(&term, &Visibility::ALL, Visibility::name)?);
            }
            ("owner_id", Operator::Equals) => {
                filter.owner_id = Some(Id::parse("filter", &term.value)?);
            }
            ("title", Operator::Has) => filter.title_contains = Some(fold(&term.value)),
            _ => return Err(FILTER.unknown(&term)),
        }
    }
    Ok(filter)
}
