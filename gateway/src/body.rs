//! The HTTP body that the gateway makes: of requests towards the wrapped service, and of its own
//! answers.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::error::Error;

/// An HTTP body of at most one chunk. That of a request reads and transcodes the client's body when
/// it is polled first, and no sooner.
pub struct Body(State);

enum State {
    Ready(Bytes),
    Pending(Pin<Box<dyn Future<Output = Result<Bytes, Error>> + Send>>),
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
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(State::Ready(bytes.into()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Ready(bytes) => f.debug_tuple("Body").field(bytes).finish(),
            State::Pending(_) => f.debug_tuple("Body").finish_non_exhaustive(),
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
        matches!(&self.0, State::Ready(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            State::Ready(bytes) => SizeHint::with_exact(bytes.len() as u64),
            State::Pending(_) => SizeHint::default(),
        }
    }
}
