//! The messages of a gRPC answer, one after the other, out of the frames that its body is cut into
//! at will.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use crate::error::Error;

/// One byte for compression and four for the length.
pub(crate) const FRAME_HEAD_BYTES: usize = 5;

/// Reads a body message by message and holds no more than the one that has begun.
pub(crate) struct Messages<R> {
    body: R,
    bytes_max: usize,
    /// What came and is not looked at yet.
    chunk: Bytes,
    /// A message that is spread over several chunks.
    partial: BytesMut,
}

/// What comes next in an answer.
pub(crate) enum Event {
    Message(Bytes),
    /// The end, with the trailers, of which there may be none.
    End(HeaderMap),
}

impl<R> Messages<R>
where
    R: http_body::Body<Data = Bytes> + Unpin,
{
    /// Reads messages of at most so many bytes each.
    pub(crate) fn new(body: R, bytes_max: usize) -> Self {
        Self { body, bytes_max, chunk: Bytes::new(), partial: BytesMut::new() }
    }

    pub(crate) async fn next(&mut self) -> Result<Event, Error> {
        poll_fn(|context| self.poll_next(context)).await
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        loop {
            if let Some(message) = self.take()? {
                return Poll::Ready(Ok(Event::Message(message)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.chunk = data,
                    Err(frame) => return Poll::Ready(self.end(frame.into_trailers().ok())),
                },
                Some(Err(_)) => return Poll::Ready(Err(broken_off())),
                None => return Poll::Ready(self.end(None)),
            }
        }
    }

    fn end(&self, trailers: Option<HeaderMap>) -> Result<Event, Error> {
        // A status explains why a message is not complete.
        match (trailers, self.partial.is_empty()) {
            (Some(trailers), _) => Ok(Event::End(trailers)),
            (None, true) => Ok(Event::End(HeaderMap::new())),
            (None, false) => Err(broken_off()),
        }
    }

    /// The next message if it is there; all that was read is in `partial` otherwise.
    fn take(&mut self) -> Result<Option<Bytes>, Error> {
        if self.partial.is_empty() {
            // Most chunks hold whole messages, which are not copied.
            if let Some(length) = self.message_bytes(&self.chunk)?
                && self.chunk.len() - FRAME_HEAD_BYTES >= length
            {
                self.chunk.advance(FRAME_HEAD_BYTES);
                return Ok(Some(self.chunk.split_to(length)));
            }
        }
        while !self.chunk.is_empty() {
            let whole = match self.message_bytes(&self.partial)? {
                Some(length) => FRAME_HEAD_BYTES + length,
                None => FRAME_HEAD_BYTES,
            };
            let missing = whole - self.partial.len();
            if missing == 0 {
                break;
            }
            let part = self.chunk.split_to(missing.min(self.chunk.len()));
            self.partial.extend_from_slice(&part);
        }
        match self.message_bytes(&self.partial)? {
            Some(length) if self.partial.len() == FRAME_HEAD_BYTES + length => {
                let mut message = std::mem::take(&mut self.partial).freeze();
                message.advance(FRAME_HEAD_BYTES);
                Ok(Some(message))
            }
            _ => Ok(None),
        }
    }

    /// The length that the head of a frame tells, if all of it is there.
    fn message_bytes(&self, frame: &[u8]) -> Result<Option<usize>, Error> {
        let Some(&[compressed, a, b, c, d]) = frame.first_chunk::<FRAME_HEAD_BYTES>() else {
            return Ok(None);
        };
        if compressed != 0 {
            return Err(Error::invalid_response("the service compressed its answer unasked"));
        }
        match usize::try_from(u32::from_be_bytes([a, b, c, d])) {
            Ok(length) if length <= self.bytes_max => Ok(Some(length)),
            _ => Err(Error::invalid_response("the service sent too large a message")),
        }
    }
}

fn broken_off() -> Error {
    Error::invalid_response("the answer of the service broke off")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    /// Three messages, cut into chunks of so many bytes.
    async fn read(chunk_bytes: usize) -> Vec<usize> {
        let mut wire = Vec::new();
        for length in [0_u32, 3, 300] {
            wire.push(0);
            wire.extend_from_slice(&length.to_be_bytes());
            wire.extend(vec![7; length as usize]);
        }
        let chunks: Vec<_> = wire
            .chunks(chunk_bytes)
            .map(|chunk| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(chunk))))
            .collect();
        let body = StreamBody::new(futures::stream::iter(chunks));
        let mut messages = Messages::new(body, 1000);
        let mut lengths = Vec::new();
        while let Event::Message(message) = messages.next().await.unwrap() {
            lengths.push(message.len());
        }
        lengths
    }

    #[tokio::test]
    async fn messages_come_out_whole_however_they_are_cut() {
        for chunk_bytes in [1, 2, 5, 7, 8, 13, 100, 1000] {
            assert_eq!(read(chunk_bytes).await, [0, 3, 300], "in chunks of {chunk_bytes}");
        }
    }
}
