//! A stream of messages that a client sends as lines of JSON (NDJSON). Each message is handed on
//! when its line is there, and no line is read before the service asks for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Frame;

use super::{Fate, broken_off};
use crate::error::Error;
use crate::request::Composer;

pub(super) struct Lines<B> {
    composer: Composer,
    fate: Arc<Fate>,
    body: Pin<Box<B>>,
    /// What came and has not become a message.
    buffer: BytesMut,
    /// How much of it was searched for the end of a line.
    searched: usize,
    /// How many messages there were.
    count: u64,
    has_ended: bool,
}

impl<B> Lines<B>
where
    B: http_body::Body<Data = Bytes>,
{
    pub(super) fn new(composer: Composer, fate: Arc<Fate>, body: B) -> Self {
        let (body, buffer) = (Box::pin(body), BytesMut::new());
        Self { composer, fate, body, buffer, searched: 0, count: 0, has_ended: false }
    }

    /// The frame of the next message, or none at the end.
    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        let bytes_max = self.composer.compiled.limits.body_bytes_max;
        loop {
            while let Some(line) = self.take_line() {
                if line.len() > bytes_max {
                    return Poll::Ready(Err(Error::body_too_large(bytes_max)));
                }
                if !line.trim_ascii().is_empty() {
                    self.count += 1;
                    let count = self.count;
                    let frame = self.composer.json(&line);
                    return Poll::Ready(frame.map(Some).map_err(|error| error.in_message(count)));
                }
            }
            if self.has_ended {
                return Poll::Ready(Ok(None));
            }
            if self.buffer.len() > bytes_max {
                return Poll::Ready(Err(Error::body_too_large(bytes_max)));
            }
            match ready!(self.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(broken_off())),
                None => self.has_ended = true,
            }
        }
    }

    /// The next line that is complete; at the end, what is left.
    fn take_line(&mut self) -> Option<BytesMut> {
        if let Some(end) = self.buffer[self.searched..].iter().position(|&byte| byte == b'\n') {
            let line = self.buffer.split_to(self.searched + end + 1);
            self.searched = 0;
            return Some(line);
        }
        self.searched = self.buffer.len();
        if !self.has_ended || self.buffer.is_empty() {
            return None;
        }
        self.searched = 0;
        Some(self.buffer.split())
    }
}

impl<B> http_body::Body for Lines<B>
where
    B: http_body::Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let message = ready!(self.poll_message(context));
        if let Err(error) = &message {
            self.fate.fail(error);
            self.has_ended = true;
            self.buffer.clear();
            self.searched = 0;
        }
        Poll::Ready(message.transpose().map(|frame| frame.map(Frame::data)))
    }
}
