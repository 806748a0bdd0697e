//! What every method does first: takes a request apart.

use std::sync::Arc;

use http::Extensions;
use prost::Message;
use tonic::{Request, metadata::MetadataMap};

use crate::{
    domain::{Error, Result, caller::Caller},
    service::change::RequestId,
};

/// The longest request id, in characters: what the rule of the field says, for the header too.
const REQUEST_ID_LENGTH_MAX: usize = 100;

/// A request taken apart.
pub struct Input<T> {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// What is asked.
    pub message: T,
    /// What came along, as headers.
    pub metadata: MetadataMap,
}

impl<T> Input<T> {
    /// Takes a request apart.
    ///
    /// # Errors
    /// `Internal` when it did not pass the policy stack, which the wiring rules out.
    pub fn of(request: Request<T>) -> Result<Self> {
        let (metadata, mut extensions, message) = request.into_parts();
        Ok(Self { caller: caller(&mut extensions)?, message, metadata })
    }

    /// The id that the client gave its request: in the message, or in the `idempotency-key` header.
    ///
    /// # Errors
    /// `InvalidFields` when the header cannot be read, is longer than the field may be, or not the same.
    pub fn request_id(
        &mut self,
        field: impl FnOnce(&mut T) -> &mut String,
    ) -> Result<Option<RequestId>>
    where
        T: Message,
    {
        let given = |id: &String| !id.is_empty();
        let in_message = Some(std::mem::take(field(&mut self.message))).filter(given);
        let in_header = match self.metadata.get("idempotency-key") {
            // Without its key a retry would be done twice, so one that cannot be read is no absent one.
            Some(value) => {
                Some(value.to_str().ok().and_then(idempotency_key).ok_or_else(|| {
                    let expected = "must be visible characters of ASCII, bare or in double quotes";
                    Error::invalid_field("idempotency-key", expected)
                })?)
            }
            None => None,
        };
        let in_header = in_header.filter(given);
        if in_message.is_some() && in_header.is_some() && in_message != in_header {
            let allowed = "must be the same as the header `idempotency-key`, or only one be given";
            return Err(Error::invalid_field("request_id", allowed));
        }
        let Some(id) = in_message.or(in_header) else { return Ok(None) };
        if id.chars().count() > REQUEST_ID_LENGTH_MAX {
            let allowed = format!("must have at most {REQUEST_ID_LENGTH_MAX} characters");
            return Err(Error::invalid_field("request_id", allowed));
        }
        Ok(Some(RequestId { id, content: self.message.encode_to_vec() }))
    }
}

/// The key, bare or as the string of a structured field (RFC 9651, section 3.3.3), which is the same key.
fn idempotency_key(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let mut key = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            character => key.push(character),
        }
    }
}

fn caller(extensions: &mut Extensions) -> Result<Arc<Caller>> {
    extensions
        .remove::<Arc<Caller>>()
        .ok_or_else(|| Error::internal("a call reached a service without passing the policy stack"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_bare_and_quoted() {
        for value in ["a-1", r#""a-1""#] {
            assert_eq!(idempotency_key(value).as_deref(), Some("a-1"));
        }
        assert_eq!(idempotency_key(r#""a\"\\b""#).as_deref(), Some(r#"a"\b"#));
        assert_eq!(idempotency_key("\"\"").as_deref(), Some(""));
        for bad in ["\"", "\"a", "\"a\"b", "\"a\";b=1", r#""\n""#, "\"a\\"] {
            assert_eq!(idempotency_key(bad), None, "{bad}");
        }
    }
}
