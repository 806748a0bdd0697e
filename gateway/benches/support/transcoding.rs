//! A message between JSON and the wire, by the gateway and by others.

use std::error::Error;

use bytes::Bytes;
use gateway::Gateway;
use http::StatusCode;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::fixture;
use crate::race::Race;
use crate::rest::{Frames, rest};

/// What is transcoded.
pub struct Case<'a> {
    pub descriptor_set: &'a [u8],
    /// The full name of the message.
    pub message: &'a str,
    /// The path of a GET that answers with the message.
    pub get: &'a str,
    /// The path of a POST that takes the message.
    pub post: &'a str,
    pub json: &'a str,
}

/// Another way than the gateway's, both ways.
pub struct Other<'a> {
    pub name: &'a str,
    pub to_wire: Convert<'a>,
    pub to_json: Convert<'a>,
}

type Convert<'a> = Box<dyn Fn(&[u8]) -> Vec<u8> + 'a>;

/// Runs both races. The gateway's part is a whole pass from HTTP request to HTTP response, around a
/// service that answers ready bytes; without the pass of an empty message it is transcoding alone.
/// `M` is the message as prost has it.
pub fn transcode<M: Message + Default>(
    case: &Case<'_>,
    others: &[Other<'_>],
) -> Result<(), Box<dyn Error>> {
    let &Case { descriptor_set, message, get, post, json } = case;
    let pool = DescriptorPool::decode(descriptor_set)?;
    let wire = fixture::wire(&pool, message, json)?;
    let decoded = M::decode(wire.as_slice())?;
    assert_eq!(decoded.encode_to_vec(), wire, "{message} is not what the contract says");
    let by_reflection = prost_reflect(pool.get_message_by_name(message).ok_or("no message")?);
    let mut answering = Gateway::builder(descriptor_set).build(Frames::new(&wire))?;
    let mut silent = Gateway::builder(descriptor_set).build(Frames::new(&[]))?;
    let mut empty = silent.clone();
    let (none, braces, body) = (Bytes::new(), Bytes::from("{}"), Bytes::from(json.to_owned()));
    assert_eq!(rest(&mut answering, get, &none), (StatusCode::OK, body.clone()));
    assert_eq!(rest(&mut silent, post, &body).0, StatusCode::OK);

    let title = format!("JSON of {} bytes to wire", json.len());
    let mut race = Race::new(&title)
        .way("gateway: a whole POST", || rest(&mut silent, post, &body))
        .way("gateway: a POST of {}", || rest(&mut empty, post, &braces))
        .difference("gateway: transcoding alone", 0, 1)
        .way("prost alone, from a message", || decoded.encode_to_vec());
    for other in others.iter().chain([&by_reflection]) {
        race = race.way(other.name, || (other.to_wire)(&body));
    }
    race.run();

    let title = format!("wire to JSON of {} bytes", json.len());
    let mut race = Race::new(&title)
        .way("gateway: a whole GET", || rest(&mut answering, get, &none))
        .way("gateway: a GET of {}", || rest(&mut empty, "/v1/ping", &none))
        .difference("gateway: transcoding alone", 0, 1)
        .way("prost alone, to a message", || M::decode(wire.as_slice()));
    for other in others.iter().chain([&by_reflection]) {
        race = race.way(other.name, || (other.to_json)(&wire));
    }
    race.run();
    Ok(())
}

fn prost_reflect(descriptor: MessageDescriptor) -> Other<'static> {
    let for_json = descriptor.clone();
    Other {
        name: "prost-reflect",
        to_wire: Box::new(move |json| {
            let mut json = serde_json::Deserializer::from_slice(json);
            let message = DynamicMessage::deserialize(descriptor.clone(), &mut json);
            message.unwrap().encode_to_vec()
        }),
        to_json: Box::new(move |wire| {
            serde_json::to_vec(&DynamicMessage::decode(for_json.clone(), wire).unwrap()).unwrap()
        }),
    }
}
