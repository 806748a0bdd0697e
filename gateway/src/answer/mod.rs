//! From the answer of a gRPC service to an HTTP response, which is made of it as it comes.

mod file;
mod json;
mod range;
mod refusal;
mod stream;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode, response};

use crate::body::Body;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::frames::{Event, Messages};
use crate::route::Output;
use crate::rpc_status::RpcStatus;
use crate::{etag, headers};
pub(crate) use refusal::{options, refusal};
pub(crate) use stream::STREAM_OFFERS;

/// Why a call has no answer to show.
enum Failure {
    /// The service says so.
    Status(RpcStatus),
    /// The service said something that cannot be shown.
    Unfit(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unfit(error)
    }
}

/// The answer to the client.
pub(crate) async fn respond<R>(exchange: Exchange, response: Response<R>) -> Response<Body>
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    let (head, body) = response.into_parts();
    let mut trailers = HeaderMap::new();
    let made = match failure_in(&head) {
        Some(status) => Err(Failure::Status(status)),
        None => success(&exchange, &head.headers, body, &mut trailers).await,
    };
    let mut response = made.unwrap_or_else(|failure| refusal::of_call(&exchange, &failure));
    headers::for_client(&head.headers, response.headers_mut());
    headers::for_client(&trailers, response.headers_mut());
    if response.status() == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(bearer);
    }
    *response.extensions_mut() = head.extensions;
    if exchange.is_head { without_body(response) } else { response }
}

/// A failure without a message has its status in the headers.
fn failure_in(head: &response::Parts) -> Option<RpcStatus> {
    let status = RpcStatus::of(&head.headers).and_then(Result::err);
    let is_http_failure = head.status != StatusCode::OK;
    status.or_else(|| is_http_failure.then(|| RpcStatus::of_http(head.status)))
}

async fn success<R>(
    exchange: &Exchange,
    head: &HeaderMap,
    body: R,
    trailers: &mut HeaderMap,
) -> Result<Response<Body>, Failure>
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    let bytes_max = exchange.compiled.limits.answer_bytes_max;
    match exchange.route().output {
        Output::Json => {
            let wire = only_message(std::pin::pin!(body), bytes_max, head, trailers).await?;
            json::answer(exchange, head, &wire)
        }
        Output::File => {
            let wire = only_message(std::pin::pin!(body), bytes_max, head, trailers).await?;
            file::whole(exchange, head, &wire)
        }
        Output::Stream => {
            Ok(stream::answer(exchange, head, Messages::new(Box::pin(body), bytes_max)))
        }
        Output::FileStream => {
            file::stream(exchange, head, Messages::new(Box::pin(body), bytes_max)).await
        }
    }
}

/// The one message of a unary answer, which is read to its end.
async fn only_message<R>(
    body: R,
    bytes_max: usize,
    head: &HeaderMap,
    trailers: &mut HeaderMap,
) -> Result<Bytes, Failure>
where
    R: http_body::Body<Data = Bytes> + Unpin,
{
    let mut messages = Messages::new(body, bytes_max);
    let mut only = None;
    loop {
        match messages.next().await? {
            Event::End(end) => {
                *trailers = end;
                break;
            }
            Event::Message(_) if only.is_some() => {
                return Err(
                    Error::invalid_response("the service sent more than one message").into()
                );
            }
            Event::Message(message) => only = Some(message),
        }
    }
    ended_well(trailers, head)?;
    only.ok_or_else(|| Error::invalid_response("the service sent no message").into())
}

/// What the end of an answer says, which may have come with its head.
fn ended_well(trailers: &HeaderMap, head: &HeaderMap) -> Result<(), Failure> {
    match RpcStatus::of(trailers).or_else(|| RpcStatus::of(head)) {
        None => Err(Error::invalid_response("the service sent no status").into()),
        Some(outcome) => outcome.map_err(Failure::Status),
    }
}

/// Nothing, when the client has the answer already.
fn not_modified(exchange: &Exchange, etag: Option<&HeaderValue>) -> Option<Response<Body>> {
    let is_read = [Method::GET, Method::HEAD].contains(&exchange.route().http_method);
    let etag = etag.filter(|etag| is_read && etag::is_known_to_client(&exchange.headers, etag))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(http::header::ETAG, etag.clone());
    Some(response)
}

/// The headers as they would be with the body, which is what HEAD is for.
fn without_body(response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact();
    let mut response = response.map(|_| Body::empty());
    if let Some(length) = length.filter(|_| response.status() != StatusCode::NOT_MODIFIED) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}
