//! The codec of every service: protobuf whose field rules are checked before a message is made of it.

use std::{marker::PhantomData, sync::LazyLock};

use bytes::Buf;
use gateway::rules::{Failure, Rules};
use prost::{Message, Name};
use tonic::{
    Status,
    codec::{BufferSettings, DecodeBuf, Decoder},
};
use tonic_prost::ProstEncoder;

use crate::{
    contract,
    domain::{Error, error::Violation},
};

/// Most messages are far smaller than tonic's default buffers of 8 KiB, which it makes two of for every call.
fn buffers() -> BufferSettings {
    BufferSettings::new(1 << 10, 32 << 10)
}

/// The field rules of every message.
///
/// # Panics
/// When a rule does not fit its field, which the test of the contract finds before any release.
#[expect(clippy::expect_used, reason = "a test of the contract compiles the same rules")]
pub static RULES: LazyLock<Rules> =
    LazyLock::new(|| Rules::new(&contract::POOL).expect("the field rules of the contract"));

/// Encodes answers of type `E` and decodes requests of type `D`.
pub struct Codec<E, D>(PhantomData<fn(D) -> E>);

impl<E, D> Default for Codec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> tonic::codec::Codec for Codec<E, D>
where
    E: Message + 'static,
    D: Message + Name + Default + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = ProstEncoder<E>;
    type Decoder = Checked<D>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(buffers())
    }
    fn decoder(&mut self) -> Self::Decoder {
        Checked { has_message: false, message: PhantomData }
    }
}

/// Decodes requests that keep their rules.
pub struct Checked<D> {
    has_message: bool,
    message: PhantomData<fn() -> D>,
}

impl<D: Message + Name + Default> Decoder for Checked<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        let wire = buffer.copy_to_bytes(buffer.remaining());
        // The gRPC library would read what follows and forget it.
        if std::mem::replace(&mut self.has_message, true) && !contract::is_streamed(&D::full_name())
        {
            return Err(Error::MalformedRequest("another one follows it".to_owned()).into());
        }
        RULES.check(&D::full_name(), &wire).map_err(refuse)?;
        let message =
            D::decode(wire).map_err(|error| Error::MalformedRequest(error.to_string()))?;
        Ok(Some(message))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}

fn refuse(failure: Failure) -> Error {
    match failure {
        Failure::Malformed(why) => Error::MalformedRequest(why.to_owned()),
        Failure::Violations(violations) => Error::InvalidFields(
            violations
                .into_iter()
                .map(|broken| Violation { field: broken.field, description: broken.description })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_rule_of_the_contract_fits_its_field() {
        LazyLock::force(&RULES);
    }
}
