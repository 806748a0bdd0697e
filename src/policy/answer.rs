//! The body of an answer: it keeps its place among the calls in progress until its last byte is out, and a stream ends
//! when the server stops.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Code, Status, body::Body};

/// A body that keeps a place.
pub struct Answer {
    body: Body,
    /// Set for a stream: the end of the server.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    ended: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Answer {
    /// The body of an answer that is complete.
    pub fn whole(body: Body, place: Option<OwnedSemaphorePermit>) -> Body {
        Body::new(Self { body, stop: None, ended: false, _place: place })
    }

    /// The body of a stream, which tells its client to come back when the server stops.
    pub fn stream(
        body: Body,
        place: Option<OwnedSemaphorePermit>,
        stop: WaitForCancellationFutureOwned,
    ) -> Body {
        Body::new(Self { body, stop: Some(Box::pin(stop)), ended: false, _place: place })
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
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(context).is_ready()
        {
            self.ended = true;
            return Poll::Ready(Some(Ok(Frame::trailers(come_back()))));
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

/// UNAVAILABLE, which clients of gRPC answer by connecting again.
fn come_back() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from(Code::Unavailable as i32));
    trailers.insert(Status::GRPC_MESSAGE, HeaderValue::from_static("the server stops"));
    trailers
}
