//! Waits for events at a JetStream consumer until none comes any more, and says how many came, how fast, and how long after
//! the time that they tell: the moment within the transaction at which the change was made.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{
    error::Error,
    time::{Duration, Instant, SystemTime},
};

use async_nats::jetstream::{
    self,
    consumer::{DeliverPolicy, pull::OrderedConfig},
};
use futures::StreamExt;
use prost::Message;
use tokio::time::timeout;
use veza::rpc::proto::event::v1::Event;

const USAGE: &str = "usage: arrivals NATS_URL, before the first event";
/// How long nothing comes before it is over.
const SILENCE: Duration = Duration::from_secs(2);

type Failure = Box<dyn Error + Send + Sync>;

/// How long ago the event says that it happened.
fn delay(event: &Event) -> Result<Duration, Failure> {
    let time: SystemTime = event.time.ok_or("an event without a time")?.try_into()?;
    // The clocks of a database and of this process differ by less than a measurement needs.
    Ok(time.elapsed().unwrap_or_default())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url] = &arguments[..] else { return Err(USAGE.into()) };
    let context = jetstream::new(async_nats::connect(url).await?);
    let new = OrderedConfig { deliver_policy: DeliverPolicy::New, ..OrderedConfig::default() };
    let consumer = context.get_stream("VEZA").await?.create_consumer(new).await?;
    let mut events = consumer.messages().await?;
    println!("waiting");

    let mut delays = Vec::new();
    let mut seen = None;
    while let Some(message) = match seen {
        None => events.next().await,
        Some(_) => timeout(SILENCE, events.next()).await.unwrap_or_default(),
    } {
        delays.push(delay(&Event::decode(message?.payload.clone())?)?);
        let now = Instant::now();
        seen = Some(seen.map_or((now, now), |(first, _)| (first, now)));
    }
    let (first, last) = seen.ok_or("no event came")?;
    delays.sort_unstable();
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' worth")]
    let rate = delays.len() as f64 / (last - first).as_secs_f64();
    println!(
        "{} events, {rate:.0}/s, {:.1} ms (p50) and {:.1} ms (p99) after the change",
        delays.len(),
        at(50),
        at(99)
    );
    Ok(())
}
