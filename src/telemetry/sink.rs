//! Writes log lines from a thread of its own, so that a slow terminal or pipe never holds back a call.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait; lines that come when it is full are dropped and counted.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// How long lines are gathered before they are written, so that a busy server wakes the thread 200 times a second and not
/// for every line.
const GATHERED_FOR: Duration = Duration::from_millis(5);

/// Where lines are put.
#[derive(Clone)]
pub struct Sink(Arc<Shared>);

/// Keeps the thread; dropped, it writes what waits and ends it.
pub struct Guard(Arc<Shared>, Option<JoinHandle<()>>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    closed: bool,
    /// Whether the thread sleeps until it is woken.
    idle: bool,
}

/// Starts the thread.
///
/// # Errors
/// When the system has no thread left.
pub fn start(output: impl Write + Send + 'static) -> io::Result<(Sink, Guard)> {
    let shared = Arc::new(Shared::default());
    let thread = std::thread::Builder::new().name("log".into()).spawn({
        let shared = Arc::clone(&shared);
        move || write_lines(&shared, output)
    })?;
    Ok((Sink(Arc::clone(&shared)), Guard(shared, Some(thread))))
}

impl Sink {
    /// Puts a whole line, with its line feed.
    pub fn put(&self, line: &[u8]) {
        let mut state = self.0.lock();
        if state.waiting.len() + line.len() > WAITING_BYTES_MAX {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(line);
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        if idle {
            self.0.wake.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole at every step: a panic elsewhere leaves it good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Collects one line and puts it whole, however many pieces it is written in.
pub struct LineWriter<'a>(&'a Sink, Vec<u8>);

impl<'a> MakeWriter<'a> for Sink {
    type Writer = LineWriter<'a>;
    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter(self, Vec::with_capacity(256))
    }
}

impl Write for LineWriter<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.1.extend_from_slice(piece);
        Ok(piece.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter<'_> {
    fn drop(&mut self) {
        self.0.put(&self.1);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_one();
        if let Some(thread) = self.1.take() {
            // A panicked writer has nothing left to write.
            thread.join().ok();
        }
    }
}

fn write_lines(shared: &Shared, mut output: impl Write) {
    let mut batch = Vec::new();
    loop {
        let mut state = shared.lock();
        while state.waiting.is_empty() && !state.closed {
            state.idle = true;
            state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.waiting.is_empty() {
            return;
        }
        if !state.closed {
            drop(state);
            std::thread::sleep(GATHERED_FOR);
            state = shared.lock();
        }
        std::mem::swap(&mut state.waiting, &mut batch);
        let dropped = std::mem::take(&mut state.dropped);
        drop(state);
        if dropped > 0 {
            batch.extend_from_slice(
                format!(
                    "{{\"level\":\"warn\",\"message\":\"log lines dropped\",\"count\":{dropped}}}\n"
                )
                .as_bytes(),
            );
        }
        // A closed pipe is no reason to stop serving.
        output.write_all(&batch).and_then(|()| output.flush()).ok();
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_whole_and_in_order_the_last_ones_too() {
        let page = Page::default();
        let (sink, guard) = start(page.clone()).unwrap();
        let mut expected = String::new();
        for number in 0..1000 {
            let line = format!("line {number}\n");
            sink.put(line.as_bytes());
            expected.push_str(&line);
        }
        drop(guard);
        assert_eq!(String::from_utf8(page.0.lock().unwrap().clone()).unwrap(), expected);
    }
}
