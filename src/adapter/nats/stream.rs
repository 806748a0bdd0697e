//! The stream: made where there is none, and looked at before anything is published to it.

use async_nats::jetstream::{
    Context, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind, RequestError, RequestErrorKind},
    stream::{Config, Info, StorageType},
};

use super::{StreamOptions, Trouble, connection::Connection};
use crate::{domain::event, port::bus::Place};

/// The oldest server that has all that is used here, as people write it and as numbers.
const OLDEST: (&str, (i64, i64, i64)) = ("2.9", (2, 9, 0));

/// What the stream is made with: the first word of each type of event, so that a later version has no need to change it.
const SUBJECTS: [&str; 5] = ["user.*", "session.*", "room.*", "message.*", "stream.*"];

/// Makes the stream if it is not there, and checks it if it is.
pub(super) async fn prepare(
    connection: &Connection,
    context: &Context,
    options: &StreamOptions,
) -> Result<Info, Trouble> {
    let servers = &connection.servers;
    let (oldest, (major, minor, patch)) = OLDEST;
    let server = connection.client.server_info();
    if !connection.client.is_server_compatible(major, minor, patch) {
        return Err(Trouble::Lasting(format!(
            "NATS at {servers} has version {}; at least {oldest} is needed",
            server.version
        )));
    }
    let name = &options.name;
    let stream = match context.get_stream(name).await {
        Ok(stream) => Ok(stream.cached_info().clone()),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(why) => match why.error_code() {
                ErrorCode::STREAM_NOT_FOUND => make(connection, context, options).await,
                ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                    Err(without_jetstream(servers))
                }
                _ => Err(Trouble::Passing(format!("NATS cannot show the stream {name}: {why}"))),
            },
            GetStreamErrorKind::InvalidStreamName | GetStreamErrorKind::EmptyName => {
                Err(Trouble::Lasting(format!(
                    "NATS_STREAM: `{name}` cannot be the name of a stream; use letters, digits, - and _"
                )))
            }
            GetStreamErrorKind::Request => {
                let without = is_without_responders(&error) && !server.jetstream;
                Err(if without {
                    without_jetstream(servers)
                } else {
                    unanswered(connection, &format!("about the stream {name}"))
                })
            }
        },
    };
    stream.and_then(|info| check(info, name))
}

/// Where the last event of a stream stands.
pub(super) fn last_place(stream: &Info) -> Place {
    let made = stream.created.unix_timestamp_nanos() / 1000;
    Place {
        stream: i64::try_from(made).unwrap_or_default(),
        sequence: i64::try_from(stream.state.last_sequence).unwrap_or(i64::MAX),
    }
}

fn without_jetstream(servers: &str) -> Trouble {
    Trouble::Lasting(format!(
        "NATS at {servers} has no JetStream for this account; start it with `nats-server --jetstream`, or enable \
         JetStream for the account"
    ))
}

fn is_without_responders(error: &(dyn std::error::Error + 'static)) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<RequestError>());
    cause.is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
}

/// A request without an answer, which is also what one gets who may not ask.
fn unanswered(connection: &Connection, about: &str) -> Trouble {
    match connection.complaint().filter(|why| why.to_lowercase().contains("permissions violation"))
    {
        Some(why) => Trouble::Lasting(format!(
            "NATS at {} lets this user do too little: {why}; docs/events.md lists what it must be allowed",
            connection.servers
        )),
        None => Trouble::Passing(format!(
            "NATS at {} does not answer {about}; check that JetStream has a leader",
            connection.servers
        )),
    }
}

async fn make(
    connection: &Connection,
    context: &Context,
    options: &StreamOptions,
) -> Result<Info, Trouble> {
    let StreamOptions { name, replicas, age_max, duplicate_window } = options;
    let config = Config {
        name: name.clone(),
        description: Some("What happened in Veza".to_owned()),
        subjects: SUBJECTS.map(str::to_owned).to_vec(),
        storage: StorageType::File,
        num_replicas: *replicas,
        max_age: *age_max,
        duplicate_window: *duplicate_window,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        ..Config::default()
    };
    let error = match context.create_stream(config).await {
        Ok(stream) => {
            let stream = stream.cached_info().clone();
            tracing::info!(stream = name, event = "nats_stream_made", "made the stream for events");
            return Ok(stream);
        }
        Err(error) => error,
    };
    let CreateStreamErrorKind::JetStream(why) = error.kind() else {
        return Err(unanswered(connection, &format!("to making the stream {name}")));
    };
    match why.error_code() {
        // Another replica was faster, and it may have other settings.
        ErrorCode::STREAM_NAME_EXIST => {
            Err(Trouble::Passing(format!("the stream {name} is being made by another server")))
        }
        ErrorCode::STREAM_SUBJECT_OVERLAP => Err(Trouble::Lasting(overlap(context, name).await)),
        ErrorCode::INSUFFICIENT_RESOURCES if *replicas > 1 => Err(Trouble::Passing(format!(
            "NATS has no {replicas} servers for the stream {name} at this moment; wait, or lower NATS_STREAM_REPLICAS"
        ))),
        _ => Err(Trouble::Lasting(format!(
            "NATS does not make the stream {name}: {why}; make it by hand with the subjects {}",
            SUBJECTS.join(", ")
        ))),
    }
}

/// Says which stream has our subjects, as far as that can be found out.
async fn overlap(context: &Context, name: &str) -> String {
    for subject in SUBJECTS {
        if let Ok(other) = context.stream_by_subject(subject).await {
            return format!(
                "NATS has a stream {other} that takes {subject}, which is where events go; give it other subjects, or set \
                 NATS_STREAM={other} if it is meant for them"
            );
        }
    }
    format!("another stream takes subjects that the stream {name} needs: {}", SUBJECTS.join(", "))
}

/// Whether every event would find its way into the stream and stay there.
fn check(info: Info, name: &str) -> Result<Info, Trouble> {
    let config = &info.config;
    let lacking = event::TYPES
        .into_iter()
        .find(|subject| !config.subjects.iter().any(|pattern| event::covers(pattern, subject)));
    let why = if let Some(subject) = lacking {
        format!(
            "does not take the subject {subject}; set NATS_STREAM to another name to have a stream made, or run `nats \
             stream edit {name} --subjects='{}'`",
            SUBJECTS.join(",")
        )
    } else if config.no_ack {
        "acknowledges nothing (no_ack), so that events could get lost; make it anew without"
            .to_owned()
    } else if config.sealed {
        "is sealed and takes no events; set NATS_STREAM to another name".to_owned()
    } else {
        return Ok(info);
    };
    Err(Trouble::Lasting(format!("the stream {name} of NATS {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_made_with_subjects_for_every_event() {
        for subject in event::TYPES {
            assert!(SUBJECTS.iter().any(|pattern| event::covers(pattern, subject)), "{subject}");
        }
    }
}
