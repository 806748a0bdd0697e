//! A file: the bytes of `google.api.HttpBody`, under the media type that it names. A file of one
//! message can be asked for in parts; one of many is passed on part by part, and its length is not
//! known.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;

use super::range::{Asked, asked};
use super::{Failure, ended_well, not_modified, refusal};
use crate::body::Body;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::frames::{Event, Messages};
use crate::route::Route;
use crate::wire::{Corrupt, text_and_bytes};

/// A file that is all there.
pub(super) fn whole(
    exchange: &Exchange,
    head: &HeaderMap,
    wire: &Bytes,
) -> Result<Response<Body>, Failure> {
    let part = Part::of(exchange, wire)?;
    let etag = head.get(ETAG);
    if let Some(response) = not_modified(exchange, etag) {
        return Ok(response);
    }
    let length = part.data.len();
    let mut response = match asked(&exchange.route().http_method, &exchange.headers, etag, length) {
        Asked::Whole => file(&part.content_type, Body::from(part.data)),
        Asked::Part(range) => {
            let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let mut response = file(&part.content_type, Body::from(part.data.slice(range)));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            put_content_range(&mut response, &content_range);
            response
        }
        Asked::Nothing => {
            let mut response = refusal::of_error(exchange, &Error::range_not_satisfiable(length));
            put_content_range(&mut response, &format!("bytes */{length}"));
            return Ok(response);
        }
    };
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

/// A file whose first part says what it is.
pub(super) async fn stream<R>(
    exchange: &Exchange,
    head: &HeaderMap,
    mut messages: Messages<Pin<Box<R>>>,
) -> Result<Response<Body>, Failure>
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    if let Some(response) = not_modified(exchange, head.get(ETAG)) {
        return Ok(response);
    }
    let (content_type, body) = match messages.next().await? {
        Event::End(trailers) => {
            ended_well(&trailers, head)?;
            (String::new(), Body::empty())
        }
        Event::Message(wire) => {
            let Part { content_type, data } = Part::of(exchange, &wire)?;
            let parts = Parts {
                compiled: exchange.compiled.clone(),
                route: exchange.route_place(),
                head: head.clone(),
                first: Some(data),
                messages,
                has_ended: false,
            };
            (content_type, Body::stream(parts))
        }
    };
    let mut response = file(&content_type, body);
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("none"));
    Ok(response)
}

fn put_content_range(response: &mut Response<Body>, content_range: &str) {
    if let Ok(value) = HeaderValue::from_str(content_range) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
}

fn file(content_type: &str, body: Body) -> Response<Body> {
    let bytes = HeaderValue::from_static("application/octet-stream");
    let content_type = match content_type {
        "" => bytes,
        // What cannot stand in a header is no media type.
        media_type => HeaderValue::from_str(media_type).unwrap_or(bytes),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// One `google.api.HttpBody`.
struct Part {
    content_type: String,
    data: Bytes,
}

impl Part {
    fn of(exchange: &Exchange, wire: &Bytes) -> Result<Self, Failure> {
        Self::read(&exchange.compiled, exchange.route(), wire).map_err(Failure::Unfit)
    }

    fn read(compiled: &Compiled, route: &Route, wire: &Bytes) -> Result<Self, Error> {
        let http_body = match route.response_body {
            None => &wire[..],
            Some(place) => {
                let payload = compiled.tables.last_payload(route.response, &[place], wire);
                payload.unwrap_or_default()
            }
        };
        let (content_type, data) =
            text_and_bytes(http_body).map_err(|Corrupt(reason)| Error::invalid_response(reason))?;
        Ok(Self { content_type: content_type.to_owned(), data: wire.slice_ref(data) })
    }
}

/// The parts of a file, as an HTTP body. A file that breaks off breaks the body off, because it has
/// no room for an error.
struct Parts<R> {
    compiled: Arc<Compiled>,
    route: usize,
    /// The head of the service's answer, which may hold its status.
    head: HeaderMap,
    /// The first part, until it is sent.
    first: Option<Bytes>,
    messages: Messages<Pin<Box<R>>>,
    has_ended: bool,
}

impl<R> Parts<R>
where
    R: http_body::Body<Data = Bytes>,
{
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Ok(Some(first)));
        }
        Poll::Ready(match ready!(self.messages.poll_next(context))? {
            Event::Message(wire) => {
                let route = &self.compiled.routes[self.route];
                Part::read(&self.compiled, route, &wire).map(|part| Some(part.data))
            }
            Event::End(trailers) => match ended_well(&trailers, &self.head) {
                Ok(()) => Ok(None),
                Err(Failure::Unfit(error)) => Err(error),
                Err(Failure::Status(status)) => {
                    let reason = format!("the service ended the file: {}", status.message);
                    Err(Error::invalid_response(&reason))
                }
            },
        })
    }
}

impl<R> http_body::Body for Parts<R>
where
    R: http_body::Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while !self.has_ended {
            let part = ready!(self.poll_part(context)).transpose();
            match part {
                // An empty part would read as the end.
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                end => {
                    self.has_ended = true;
                    return Poll::Ready(end.map(|error| error.map(Frame::data)));
                }
            }
        }
        Poll::Ready(None)
    }
}
