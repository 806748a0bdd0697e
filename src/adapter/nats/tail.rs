//! Follows the stream: every event of it from some place on, in order.

use std::time::Duration;

use async_nats::jetstream::{
    self, Context,
    consumer::{
        DeliverPolicy,
        pull::{Ordered, OrderedConfig},
    },
};
use futures::stream::{self, Stream, StreamExt};
use tokio::time;

use crate::port::{backoff::Backoff, bus::Message};

/// How long to wait before the stream is asked again that did not answer.
const ASK_AGAIN: Backoff =
    Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(5) };

/// The events of a stream; never ends. `messages` are those of [`open`], if somebody has asked already.
pub(super) fn follow(
    context: Context,
    stream: String,
    from: DeliverPolicy,
    messages: Option<Ordered>,
) -> impl Stream<Item = Message> {
    let begin = (context, stream, from, messages);
    stream::unfold(begin, |(context, stream, from, mut messages)| async move {
        loop {
            let open: &mut Ordered = match &mut messages {
                Some(open) => open,
                none => none.insert(reopen(&context, &stream, from).await),
            };
            match open.next().await {
                Some(Ok(message)) => {
                    if let Some(message) = read(message) {
                        return Some((message, (context, stream, from, messages)));
                    }
                }
                // It goes on after the last message by itself, as soon as it can.
                Some(Err(error)) => tracing::debug!(error = %error, event = "tail", "NATS is away"),
                None => messages = None,
            }
        }
    })
}

/// Begins to follow.
pub(super) async fn open(
    context: &Context,
    stream: &str,
    from: DeliverPolicy,
) -> Result<Ordered, async_nats::Error> {
    let config = OrderedConfig { deliver_policy: from, ..OrderedConfig::default() };
    let stream = context.get_stream(stream).await?;
    Ok(stream.create_consumer(config).await?.messages().await?)
}

/// Begins to follow, however long it takes.
async fn reopen(context: &Context, stream: &str, from: DeliverPolicy) -> Ordered {
    let mut failures = 0;
    loop {
        match open(context, stream, from).await {
            Ok(messages) => return messages,
            Err(error) => tracing::debug!(error = %error, event = "tail", "NATS is away"),
        }
        failures += 1;
        time::sleep(ASK_AGAIN.pause(failures)).await;
    }
}

/// A message as it came, unless it is none of ours.
fn read(message: jetstream::Message) -> Option<Message> {
    let headers = message.headers.as_ref()?;
    Some(Message {
        id: headers.get("Nats-Msg-Id")?.as_str().parse().ok()?,
        trace_parent: headers.get("traceparent").map(|value| value.as_str().to_owned()),
        subject: message.subject.to_string(),
        payload: message.message.payload,
    })
}
