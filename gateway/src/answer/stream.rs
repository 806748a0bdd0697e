//! A stream of messages as text: server-sent events, lines of JSON, or one JSON array, as the client
//! asks. A message is read when the client can take it, and no sooner.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use super::{Failure, ended_well, json, refusal};
use crate::accept;
use crate::body::Body;
use crate::compiled::Compiled;
use crate::error::Error;
use crate::error_json::Told;
use crate::exchange::Exchange;
use crate::frames::{Event, Messages};
use crate::route::Route;
use crate::wire::Corrupt;

/// Messages that are there together leave together, up to so many bytes.
const CHUNK_BYTES: usize = 16 << 10;

/// The media types that a stream can have; a client that takes any gets the first.
pub(crate) const STREAM_OFFERS: [&str; 3] = [accept::JSON, accept::LINES, accept::EVENTS];

/// Tells nginx and those who follow it not to wait for more.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How messages stand in the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Server-sent events, as the HTML standard defines them.
    Events,
    /// A message on each line.
    Lines,
    /// One array, which is complete even when the stream fails.
    Array,
}

/// Begins the answer at once, before any message is there.
pub(super) fn answer<R>(
    exchange: &Exchange,
    head: &HeaderMap,
    messages: Messages<Pin<Box<R>>>,
) -> Response<Body>
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    let media_type = accept::choose(&exchange.headers, &STREAM_OFFERS).unwrap_or(accept::JSON);
    let form = match media_type {
        accept::EVENTS => Form::Events,
        accept::LINES => Form::Lines,
        _ => Form::Array,
    };
    let text = Text {
        compiled: exchange.compiled.clone(),
        route: exchange.route_place(),
        head: head.clone(),
        messages,
        form,
        progress: Progress::Beginning,
        silence: (form == Form::Events).then(|| Box::pin(sleep(exchange.compiled.heartbeat))),
    };
    let mut response = Response::new(Body::stream(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// How far a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Beginning,
    /// Nothing but the beginning is there.
    Begun,
    /// There was a message.
    Continued,
    Ended,
}

/// The text of a stream, as an HTTP body.
struct Text<R> {
    compiled: Arc<Compiled>,
    route: usize,
    /// The head of the service's answer, which may hold its status.
    head: HeaderMap,
    messages: Messages<Pin<Box<R>>>,
    form: Form,
    progress: Progress,
    /// Ends when nothing was said for too long.
    silence: Option<Pin<Box<Sleep>>>,
}

impl<R> Text<R>
where
    R: http_body::Body<Data = Bytes>,
{
    /// The text of what is there; pending when nothing is.
    fn poll_text(&mut self, context: &mut Context<'_>) -> Poll<Vec<u8>> {
        let mut out = Vec::new();
        if self.progress == Progress::Beginning {
            self.progress = Progress::Begun;
            if self.form == Form::Array {
                out.push(b'[');
            }
        }
        while self.progress != Progress::Ended && out.len() < CHUNK_BYTES {
            match self.messages.poll_next(context) {
                Poll::Ready(event) => self.put_event(event, &mut out),
                Poll::Pending if out.is_empty() => {
                    ready!(self.poll_silence(context));
                    // A line that begins with a colon is a comment.
                    out.extend_from_slice(b":\n\n");
                }
                Poll::Pending => break,
            }
        }
        if let Some(silence) = &mut self.silence {
            silence.as_mut().reset(Instant::now() + self.compiled.heartbeat);
        }
        Poll::Ready(out)
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.silence {
            Some(silence) => silence.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    fn put_event(&mut self, event: Result<Event, Error>, out: &mut Vec<u8>) {
        let put = match event {
            Ok(Event::Message(wire)) => self.put_message(&wire, out),
            Ok(Event::End(trailers)) => {
                ended_well(&trailers, &self.head).map(|()| self.put_end(out))
            }
            Err(error) => Err(error.into()),
        };
        if let Err(failure) = put {
            self.put_failure(&failure, out);
        }
    }

    fn put_message(&mut self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        let before = out.len();
        let route = &self.compiled.routes[self.route];
        match self.form {
            Form::Events => {
                put_id(&self.compiled, route, wire, out);
                out.extend_from_slice(b"data: ");
            }
            Form::Array if self.progress == Progress::Continued => out.push(b','),
            Form::Array | Form::Lines => {}
        }
        if let Err(Corrupt(reason)) = json::print(&self.compiled, route, wire, out) {
            out.truncate(before);
            return Err(Error::invalid_response(reason).into());
        }
        self.progress = Progress::Continued;
        out.extend_from_slice(match self.form {
            Form::Events => b"\n\n",
            Form::Lines => b"\n",
            Form::Array => b"",
        });
        Ok(())
    }

    fn put_end(&mut self, out: &mut Vec<u8>) {
        self.progress = Progress::Ended;
        if self.form == Form::Array {
            out.push(b']');
        }
    }

    fn put_failure(&mut self, failure: &Failure, out: &mut Vec<u8>) {
        let error = match failure {
            Failure::Unfit(error) => Told::of_gateway(error, &self.compiled.error_domain).object(),
            Failure::Status(status) => {
                refusal::told(&self.compiled, status, status.code.http_status()).object()
            }
        };
        let (before, after) = match (self.form, self.progress) {
            (Form::Events, _) => (&b"event: error\ndata: "[..], &b"\n\n"[..]),
            (Form::Lines, _) => (&b""[..], &b"\n"[..]),
            (Form::Array, Progress::Continued) => (&b","[..], &b"]"[..]),
            (Form::Array, _) => (&b""[..], &b"]"[..]),
        };
        self.progress = Progress::Ended;
        for part in [before, &error, after] {
            out.extend_from_slice(part);
        }
    }
}

/// The place in the stream that a message ends at, if it says one that can be in a line.
fn put_id(compiled: &Compiled, route: &Route, wire: &[u8], out: &mut Vec<u8>) {
    let Some((place, _)) = route.resume else { return };
    let id = compiled.tables.last_payload(route.response, &[place], wire).unwrap_or_default();
    if !id.is_empty() && !id.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id);
        out.push(b'\n');
    }
}

impl<R> http_body::Body for Text<R>
where
    R: http_body::Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.progress == Progress::Ended {
            return Poll::Ready(None);
        }
        let text = ready!(self.poll_text(context));
        Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.progress == Progress::Ended
    }
}
