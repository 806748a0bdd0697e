//! Events as `veza.event.v1.Event`: what other services read.

use prost::Message;
use prost_reflect::DynamicMessage;
use uuid::Uuid;

use super::{
    access, chat, convert,
    proto::event::v1::{self as proto, event::Data as Wire},
    stream, user,
};
use crate::{
    contract,
    domain::{
        Error, Result, Timestamp,
        event::{Data, Event},
        id::Id,
    },
    service::revocation::Revocation,
};

/// The envelope of an event in protobuf. It carries no e-mail address, token or secret.
#[must_use]
pub fn encode(event: &Event) -> Vec<u8> {
    let envelope = proto::Event {
        id: event.id.to_string(),
        r#type: event.data.event_type().to_owned(),
        source: "veza".to_owned(),
        subject: event.data.subject(),
        time: Some(convert::timestamp(event.time)),
        actor_id: event.actor_id.map_or_else(String::new, |id| id.to_string()),
        trace_parent: event.trace_parent.clone().unwrap_or_default(),
        aggregate_version: event.data.aggregate_version(),
        data: Some(data(&event.data)),
    };
    envelope.encode_to_vec()
}

/// An envelope as one line for people.
///
/// # Errors
/// `Internal` when it is none.
pub fn to_line(envelope: &[u8]) -> Result<String> {
    let event = proto::Event::decode(envelope).map_err(Error::internal)?;
    let time = event.time.and_then(|time| {
        let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        let time = Timestamp::from_unix_timestamp_nanos(nanos).ok()?;
        time.format(time::macros::format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]"
        ))
        .ok()
    });
    let actor = if event.actor_id.is_empty() { "the system" } else { &event.actor_id };
    let time = time.unwrap_or_default();
    Ok(format!("{time}  {:<16} {}  by {actor}  event {}", event.r#type, event.subject, event.id))
}

/// An envelope as one line of canonical JSON.
///
/// # Errors
/// `Internal` when it is none.
pub fn to_json(envelope: &[u8]) -> Result<String> {
    let message = contract::POOL
        .get_message_by_name("veza.event.v1.Event")
        .ok_or_else(|| Error::internal("the contract has no veza.event.v1.Event"))?;
    let event = DynamicMessage::decode(message, envelope).map_err(Error::internal)?;
    serde_json::to_string(&event).map_err(Error::internal)
}

/// What the event in an envelope makes wrong of what others remember of tokens.
#[must_use]
pub fn revocation(envelope: &[u8]) -> Option<Revocation> {
    match proto::Event::decode(envelope).ok()?.data? {
        Wire::SessionRevoked(revoked) => {
            let ids = revoked.session_ids.iter().map(|id| id.parse::<Uuid>().map(Id::from));
            Some(Revocation::Sessions(ids.collect::<Result<_, _>>().ok()?))
        }
        Wire::UserApiKeyDeleted(deleted) => {
            deleted.api_key_id.parse::<Uuid>().ok().map(|id| Revocation::ApiKey(Id::from(id)))
        }
        Wire::UserUpdated(updated) => account(&updated.user?.id),
        Wire::UserDeleted(deleted) => account(&deleted.user_id),
        _ => None,
    }
}

fn account(id: &str) -> Option<Revocation> {
    id.parse::<Uuid>().ok().map(|id| Revocation::Account(Id::from(id)))
}

fn data(data: &Data) -> Wire {
    let names = |fields: &[&str]| fields.iter().map(|name| (*name).to_owned()).collect();
    match data {
        Data::UserCreated(account, method) => Wire::UserCreated(proto::UserCreated {
            user: Some(user::shown_to_all(account)),
            method: (*method).to_owned(),
        }),
        Data::UserUpdated(account, changed) => Wire::UserUpdated(proto::UserUpdated {
            user: Some(user::shown_to_all(account)),
            changed_fields: names(changed),
        }),
        Data::UserDeleted(account) => {
            Wire::UserDeleted(proto::UserDeleted { user_id: account.id.to_string() })
        }
        Data::ApiKeyCreated(key) => {
            Wire::UserApiKeyCreated(proto::UserApiKeyCreated { api_key: Some(access::show(key)) })
        }
        Data::ApiKeyDeleted(key) => Wire::UserApiKeyDeleted(proto::UserApiKeyDeleted {
            user_id: key.user_id.to_string(),
            api_key_id: key.id.to_string(),
        }),
        Data::SessionRevoked { user_id, session_ids, reason } => {
            Wire::SessionRevoked(proto::SessionRevoked {
                user_id: user_id.to_string(),
                session_ids: session_ids.iter().map(ToString::to_string).collect(),
                reason: reason.name().to_owned(),
            })
        }
        Data::RoomCreated(room) => {
            Wire::RoomCreated(proto::RoomCreated { room: Some(chat::show(room)) })
        }
        Data::RoomUpdated(room, changed) => Wire::RoomUpdated(proto::RoomUpdated {
            room: Some(chat::show(room)),
            changed_fields: names(changed),
        }),
        Data::RoomDeleted(room) => {
            Wire::RoomDeleted(proto::RoomDeleted { room_id: room.id.to_string() })
        }
        Data::StreamCreated(stream) => {
            Wire::StreamCreated(proto::StreamCreated { stream: Some(stream::show(stream)) })
        }
        Data::StreamUpdated(stream, changed) => Wire::StreamUpdated(proto::StreamUpdated {
            stream: Some(stream::show(stream)),
            changed_fields: names(changed),
        }),
        Data::StreamDeleted(stream) => {
            Wire::StreamDeleted(proto::StreamDeleted { stream_id: stream.id.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{contract, domain::event};

    #[test]
    fn the_contract_has_data_for_each_type_of_event_and_for_no_other() {
        let envelope = contract::POOL.get_message_by_name("veza.event.v1.Event").unwrap();
        let data = envelope.oneofs().next().unwrap();
        // `user.created` has its data in the field `user_created`.
        let types: Vec<_> = data.fields().map(|field| field.name().replacen('_', ".", 1)).collect();
        assert_eq!(types, event::TYPES);
    }
}
