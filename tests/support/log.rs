//! The log of a server, or of several: every line that was printed, and a way to wait for one.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;

/// How long a line may take to appear. Only a server that hangs ever uses it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a process has printed so far.
#[derive(Clone, Default)]
pub struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    printed: Mutex<Printed>,
    changed: Condvar,
}

#[derive(Default)]
struct Printed {
    text: String,
    lines: Vec<Value>,
    /// The outputs that are not closed yet.
    open: usize,
}

impl Log {
    /// Follows what is printed on an output until it is closed; lines of several outputs come together as they are
    /// printed.
    pub fn follow(&self, output: impl Read + Send + 'static) {
        let writer = self.clone();
        writer.update(|printed| printed.open += 1);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                writer.update(|printed| printed.push(&line));
            }
            writer.update(|printed| printed.open -= 1);
        });
    }

    /// The first line for which `wanted` gives something, which may still have to be printed; none when the process
    /// ends without it.
    pub fn find<T>(&self, wanted: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let mut found = None;
        self.wait_until(|printed| {
            found = printed.lines.iter().find_map(&wanted);
            found.is_some()
        });
        found
    }

    /// Whether the output was closed in time, which is what the end of a process does.
    pub fn wait_for_end(&self) -> bool {
        self.wait_until(|_| false);
        self.0.printed.lock().unwrap().open == 0
    }

    /// Everything printed so far, as it was printed.
    pub fn text(&self) -> String {
        self.0.printed.lock().unwrap().text.clone()
    }

    /// The lines printed so far.
    pub fn lines(&self) -> Vec<Value> {
        self.0.printed.lock().unwrap().lines.clone()
    }

    /// The names of the events that are wanted, in their order, once there are so many of them.
    pub fn events(&self, wanted: impl Fn(&str) -> bool, count: usize) -> Vec<String> {
        let mut found = Vec::new();
        self.wait_until(|printed| {
            let events = printed.lines.iter().filter_map(|line| line["event"].as_str());
            found = events.filter(|event| wanted(event)).map(str::to_owned).collect();
            found.len() >= count
        });
        found
    }

    fn update(&self, change: impl FnOnce(&mut Printed)) {
        change(&mut self.0.printed.lock().unwrap());
        self.0.changed.notify_all();
    }

    fn wait_until(&self, mut enough: impl FnMut(&Printed) -> bool) {
        let printed = self.0.printed.lock().unwrap();
        let waiting = |printed: &mut Printed| !enough(printed) && printed.open > 0;
        drop(self.0.changed.wait_timeout_while(printed, PATIENCE, waiting).unwrap());
    }
}

impl Printed {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.lines.push(serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.into())));
    }
}
