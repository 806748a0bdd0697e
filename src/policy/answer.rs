//! The body of an answer: it keeps its place among the calls in progress until its last byte is out, and a stream can be
//! ended from outside.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, body::Body};

/// A body that keeps a place.
pub struct Answer {
    body: Body,
    /// Set for a stream: what ends it from outside, and how.
    end: Option<BoxFuture<'static, Status>>,
    ended: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// The body of an answer that is complete.
    pub fn whole(body: Body, place: Option<OwnedSemaphorePermit>) -> Body {
        Body::new(Self { body, end: None, ended: false, _place: place })
    }

    /// The body of a stream, which ends with what `end` says, once it does.
    pub fn stream(
        body: Body,
        place: Option<OwnedSemaphorePermit>,
        end: BoxFuture<'static, Status>,
    ) -> Body {
        Body::new(Self { body, end: Some(end), ended: false, _place: place })
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(end) = &mut self.end
            && let Poll::Ready(status) = end.as_mut().poll(context)
        {
            self.ended = true;
            let mut trailers = HeaderMap::new();
            status.add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
