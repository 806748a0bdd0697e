//! The body of a request as the service reads it: made of the client's when it is polled, and no
//! sooner.

mod lines;
mod upload;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::body::Body;
use crate::error::Error;
use crate::request::Composer;
use crate::route::{BodyTarget, Input};
use lines::Lines;
use upload::Upload;

/// What became of a client's body. The answer to the client depends on it, whatever status the
/// service makes of the same.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    error: OnceLock<Error>,
    is_awaited: AtomicBool,
}

impl Fate {
    /// What was wrong with the body, once it has been read.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.error.get()
    }

    /// Whether the client still owes a part of the one message that the service waits for.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_awaited.load(Ordering::Relaxed)
    }

    fn await_body(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, Ordering::Relaxed);
    }

    /// Keeps the first error.
    fn fail(&self, error: &Error) {
        let _ = self.error.set(error.clone());
    }
}

/// The body for the service.
pub(crate) fn body<B>(composer: Composer, fate: Arc<Fate>, body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
{
    let is_file = match composer.route().input {
        Input::Lines => return Body::stream(Lines::new(composer, fate, body)),
        Input::FileStream => return Body::stream(Upload::new(composer, fate, body)),
        Input::Json => false,
        Input::File => true,
    };
    Body::deferred(async move {
        fate.await_body(true);
        let whole = read(&composer, body).await;
        fate.await_body(false);
        let make = if is_file { Composer::file } else { Composer::json };
        let frame = whole.and_then(|whole| make(&composer, &whole));
        frame.inspect_err(|error| fate.fail(error))
    })
}

/// Reads a body as far as the limit allows.
async fn read<B>(composer: &Composer, body: B) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes>,
{
    let bytes_max = composer.compiled.limits.body_bytes_max;
    let takes_none = composer.route().body == BodyTarget::None;
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken_off())?;
        let Ok(data) = frame.into_data() else { continue };
        if takes_none && !data.is_empty() {
            return Err(Error::malformed("this method takes no body"));
        }
        if first.len() + rest.len() + data.len() > bytes_max {
            return Err(Error::body_too_large(bytes_max));
        }
        // Most bodies are one chunk, which need not be copied.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

fn broken_off() -> Error {
    Error::malformed("the body broke off")
}
