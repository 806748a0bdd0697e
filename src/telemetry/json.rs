//! Log lines as JSON: one object a line, the same keys first in every line, at most 8 KiB.

use std::fmt::{self, Write};

use time::format_description::well_known::iso8601;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use super::{access::Call, sink::Sink};

/// The longest line, in bytes. A field that would make it longer is left out, and the line says so.
const LINE_BYTES_MAX: usize = 8 << 10;

/// The longest value of one field, in bytes.
const VALUE_BYTES_MAX: usize = 2 << 10;

/// The keys that stand in every line, null where there is nothing to say.
const ALWAYS: [&str; 3] = ["user_id", "ip", "trace_id"];

/// RFC 3339 in UTC with milliseconds.
const TIMESTAMP: iso8601::EncodedConfig = iso8601::Config::DEFAULT
    .set_time_precision(iso8601::TimePrecision::Second {
        decimal_digits: std::num::NonZeroU8::new(3),
    })
    .encode();

/// Writes events as JSON lines.
pub struct Lines {
    sink: Sink,
}

impl Lines {
    /// Lines that go to this sink.
    #[must_use]
    pub fn new(sink: Sink) -> Self {
        Self { sink }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        Call::current(|call| fields.complete(call));
        self.sink.put(fields.into_line(*event.metadata().level()).as_bytes());
    }
}

/// The fields of one event, already as JSON.
#[derive(Default)]
struct Fields {
    message: String,
    fatal: bool,
    always: [Option<String>; ALWAYS.len()],
    rest: String,
}

impl Fields {
    fn put(&mut self, name: &str, value: String) {
        if name == "message" {
            self.message = value;
        } else if let Some(at) = ALWAYS.iter().position(|always| *always == name) {
            self.always[at] = Some(value);
        } else if self.rest.len() + value.len() < LINE_BYTES_MAX / 2 {
            // Writing to a string cannot fail.
            write!(self.rest, ",\"{name}\":{value}").ok();
        } else if !self.rest.ends_with("\"truncated\":true") {
            self.rest.push_str(",\"truncated\":true");
        }
    }

    /// Says whose the line is, where it does not say so itself.
    fn complete(&mut self, call: &Call) {
        let [user_id, ip, trace_id] = &mut self.always;
        if let (None, Some(id)) = (&user_id, call.user_id.get()) {
            *user_id = Some(quote(&id.to_string()));
        }
        ip.get_or_insert_with(|| quote(&call.ip.to_string()));
        trace_id.get_or_insert_with(|| quote(&format!("{:032x}", call.trace.trace_id)));
    }

    fn into_line(self, level: Level) -> String {
        let mut line = String::with_capacity(384);
        line.push_str("{\"timestamp\":\"");
        line.push_str(&now());
        line.push_str("\",\"level\":\"");
        line.push_str(if self.fatal { "fatal" } else { name(level) });
        line.push_str("\",\"message\":");
        line.push_str(if self.message.is_empty() { "\"\"" } else { &self.message });
        for (key, value) in ALWAYS.iter().zip(&self.always) {
            let value = value.as_deref().unwrap_or("null");
            // Writing to a string cannot fail.
            write!(line, ",\"{key}\":{value}").ok();
        }
        line.push_str(&self.rest);
        line.push_str("}\n");
        line
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let value = if value.is_finite() { value.to_string() } else { "null".into() };
        self.put(field.name(), value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.to_string());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.to_string());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "fatal" {
            self.fatal = value;
        } else {
            self.put(field.name(), value.to_string());
        }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), quote(value));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), quote(&format!("{value:?}")));
    }
}

/// A JSON string, so that no value can end a line or begin a field.
fn quote(text: &str) -> String {
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    serde_json::Value::from(&text[..end]).to_string()
}

fn name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "log lines tell the real time, whatever clock a test has set"
)]
fn now() -> String {
    time::OffsetDateTime::now_utc().format(&iso8601::Iso8601::<TIMESTAMP>).unwrap_or_default()
}
