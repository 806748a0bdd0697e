//! The HTTP body that the gateway makes: of requests towards the wrapped service, and of its own
//! answers.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::error::Error;

/// An HTTP body. That of a request reads and transcodes the client's body when it is polled, and no
/// sooner; that of a stream holds no more than the message that has begun.
pub struct Body(State);

enum State {
    Ready(Bytes),
    Pending(Pin<Box<dyn Future<Output = Result<Bytes, Error>> + Send>>),
    Stream(Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error> + Send>>),
}

impl Body {
    /// A body of nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(State::Ready(Bytes::new()))
    }

    pub(crate) fn deferred(
        future: impl Future<Output = Result<Bytes, Error>> + Send + 'static,
    ) -> Self {
        Self(State::Pending(Box::pin(future)))
    }

    pub(crate) fn stream(
        body: impl http_body::Body<Data = Bytes, Error = Error> + Send + 'static,
    ) -> Self {
        Self(State::Stream(Box::pin(body)))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(State::Ready(bytes.into()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(State::Ready(bytes))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Ready(bytes) => f.debug_tuple("Body").field(bytes).finish(),
            State::Pending(_) | State::Stream(_) => f.debug_tuple("Body").finish_non_exhaustive(),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let result = match &mut self.0 {
            State::Stream(body) => return body.as_mut().poll_frame(context),
            State::Ready(bytes) => Ok(std::mem::take(bytes)),
            State::Pending(future) => match future.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result,
            },
        };
        self.0 = State::Ready(Bytes::new());
        Poll::Ready(match result {
            Ok(bytes) if bytes.is_empty() => None,
            result => Some(result.map(Frame::data)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            State::Ready(bytes) => bytes.is_empty(),
            State::Pending(_) => false,
            State::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            State::Ready(bytes) => SizeHint::with_exact(bytes.len() as u64),
            State::Pending(_) | State::Stream(_) => SizeHint::default(),
        }
    }
}
