//! A file that a client sends, as a stream of messages: one for each part that comes, none of which
//! waits for the next.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;

use super::{Fate, broken_off};
use crate::error::Error;
use crate::request::Composer;

/// The bytes of the file in one message. gRPC servers refuse messages of more than 4 MiB unless
/// they are told otherwise.
const PART_BYTES_MAX: usize = 256 << 10;

pub(super) struct Upload<B> {
    composer: Composer,
    fate: Arc<Fate>,
    body: Pin<Box<B>>,
    /// What came and has not become a message.
    rest: Bytes,
    /// An empty file is a message too, which tells what the path said.
    has_begun: bool,
    has_ended: bool,
}

impl<B> Upload<B>
where
    B: http_body::Body<Data = Bytes>,
{
    pub(super) fn new(composer: Composer, fate: Arc<Fate>, body: B) -> Self {
        let (body, rest) = (Box::pin(body), Bytes::new());
        Self { composer, fate, body, rest, has_begun: false, has_ended: false }
    }

    /// The next part of the file, or none at the end.
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        while self.rest.is_empty() && !self.has_ended {
            match ready!(self.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(_)) => return Poll::Ready(Err(broken_off())),
                None => self.has_ended = true,
            }
        }
        if self.rest.is_empty() && self.has_begun {
            return Poll::Ready(Ok(None));
        }
        self.has_begun = true;
        Poll::Ready(Ok(Some(self.rest.split_to(self.rest.len().min(PART_BYTES_MAX)))))
    }
}

impl<B> http_body::Body for Upload<B>
where
    B: http_body::Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let part = ready!(self.poll_part(context));
        let frame = part.and_then(|part| part.map(|part| self.composer.file(&part)).transpose());
        if let Err(error) = &frame {
            self.fate.fail(error);
            (self.has_begun, self.has_ended) = (true, true);
            self.rest.clear();
        }
        Poll::Ready(frame.transpose().map(|frame| frame.map(Frame::data)))
    }
}
