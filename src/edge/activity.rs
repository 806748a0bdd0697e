//! What goes on on one connection, so that one on which nothing does can be closed.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// How long a new connection may take to send its first request, and how long an answer may wait to be read.
const STALLED: Duration = Duration::from_secs(30);

/// How long a connection may be open without a call.
const IDLE: Duration = Duration::from_mins(5);

/// What goes on on one connection.
pub struct Activity {
    began: Instant,
    calls: AtomicUsize,
    streams: AtomicUsize,
    /// When something last moved, in milliseconds since the beginning; 0 until the first request.
    moved: AtomicU64,
}

/// What should be done with a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Keep,
    /// Close it once the calls in progress are done: there are none, or hardly any.
    Close,
    /// Close it now: nobody reads what is sent.
    Cut,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            calls: AtomicUsize::new(0),
            streams: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
        }
    }
}

impl Activity {
    /// A request has come in.
    pub fn begin(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.touch();
    }

    /// The answer has turned out to be a stream, which may pause for as long as it likes.
    pub fn becomes_stream(&self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// A part of an answer was taken.
    pub fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now.max(1), Ordering::Relaxed);
    }

    /// An answer is out, or nobody wants it any more.
    pub fn end(&self, is_stream: bool) {
        let open = if is_stream { &self.streams } else { &self.calls };
        open.fetch_sub(1, Ordering::Relaxed);
        self.touch();
    }

    /// What should be done with the connection now.
    pub fn verdict(&self) -> Verdict {
        self.verdict_at(self.began.elapsed())
    }

    fn verdict_at(&self, age: Duration) -> Verdict {
        let moved = self.moved.load(Ordering::Relaxed);
        let still = age.saturating_sub(Duration::from_millis(moved));
        let calls = self.calls.load(Ordering::Relaxed);
        let streams = self.streams.load(Ordering::Relaxed);
        match (moved, calls, streams) {
            // Never a request, or an answer that is not taken.
            (0, ..) | (_, 1.., _) if still > STALLED => Verdict::Cut,
            (_, 0, 0) if still > IDLE => Verdict::Close,
            _ => Verdict::Keep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn dos_02_a_connection_that_sends_no_request_is_cut() {
        let activity = Activity::default();
        assert_eq!(activity.verdict_at(STALLED), Verdict::Keep);
        assert_eq!(activity.verdict_at(STALLED + SECOND), Verdict::Cut);
    }

    #[test]
    fn dos_03_an_answer_that_nobody_reads_is_cut_and_a_quiet_stream_is_not() {
        let activity = Activity::default();
        activity.begin();
        assert_eq!(activity.verdict_at(STALLED + SECOND), Verdict::Cut);
        activity.becomes_stream();
        assert_eq!(activity.verdict_at(10 * IDLE), Verdict::Keep);
        activity.end(true);
        assert_eq!(activity.verdict_at(IDLE), Verdict::Keep);
        assert_eq!(activity.verdict_at(IDLE + SECOND), Verdict::Close);
    }
}
