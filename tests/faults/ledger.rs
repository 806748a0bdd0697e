//! What clients asked for, when, and what they were told: the half of the evidence that no fault can touch.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use uuid::Uuid;

/// What a client asked for. Every name and text is made once, so that its effect can be found and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An account with this username.
    SignUp(String),
    /// A session.
    SignIn,
    /// A room with this name.
    CreateRoom(String),
    /// A room gets this description.
    UpdateRoom(String),
    /// This room goes.
    DeleteRoom(Uuid),
    /// This session goes on with a new token.
    Refresh(Uuid),
    /// This session ends.
    SignOut(Uuid),
}

/// What a client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Ok,
    /// It is not done, and never will be.
    Fail,
    /// Nothing, or that it may not be done: both are right.
    Unknown,
}

/// One operation. It may have taken several attempts, all of them with the same request id.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was asked for.
    pub change: Change,
    /// What became of it.
    pub outcome: Outcome,
    /// The session or room that the answer named.
    pub made: Option<Uuid>,
}

/// Everything that clients asked for, in the order in which they asked.
pub struct Ledger {
    opened: Instant,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    entries: Vec<Entry>,
    answers: BTreeMap<String, u64>,
    latencies: Vec<(Duration, Duration)>,
    defects: Vec<String>,
}

/// Names an operation that was invoked.
pub struct Invoked(usize);

impl Ledger {
    /// An empty one.
    pub fn open() -> Self {
        Self { opened: Instant::now(), pages: Mutex::default() }
    }

    /// How long it has been open.
    pub fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Notes what is about to be asked for. Until something is heard of it, its outcome is unknown.
    pub fn invoke(&self, change: Change) -> Invoked {
        let mut pages = self.pages.lock().unwrap();
        pages.entries.push(Entry { change, outcome: Outcome::Unknown, made: None });
        Invoked(pages.entries.len() - 1)
    }

    /// Notes what became of it, and what it made.
    pub fn end(&self, invoked: &Invoked, outcome: Outcome, made: Option<Uuid>) {
        let entry = &mut self.pages.lock().unwrap().entries[invoked.0];
        (entry.outcome, entry.made) = (outcome, made);
    }

    /// Notes how an attempt was answered, or that it was not, and how long that took.
    pub fn answered(&self, code: &str, latency: Duration) {
        let mut pages = self.pages.lock().unwrap();
        let now = self.now();
        *pages.answers.entry(code.to_owned()).or_default() += 1;
        if code == "OK" {
            pages.latencies.push((now, latency));
        }
    }

    /// Notes an answer that no fault excuses.
    pub fn defect(&self, what: String) {
        self.pages.lock().unwrap().defects.push(what);
    }

    /// Every operation.
    pub fn entries(&self) -> Vec<Entry> {
        self.pages.lock().unwrap().entries.clone()
    }

    /// The answers that no fault excuses.
    pub fn defects(&self) -> Vec<String> {
        self.pages.lock().unwrap().defects.clone()
    }

    /// How many attempts were answered with each code.
    pub fn answers(&self) -> BTreeMap<String, u64> {
        self.pages.lock().unwrap().answers.clone()
    }

    /// Demands that every call was answered well so far; updates from a stale version are refused, as they should be.
    #[track_caller]
    pub fn assert_unharmed(&self) {
        let (answers, defects) = (self.answers(), self.defects());
        let is_well = |code: &String| ["OK", "ABORTED"].contains(&code.as_str());
        assert!(answers.keys().all(is_well), "{answers:?} {defects:#?}");
    }

    /// How many operations became this.
    pub fn count(&self, outcome: Outcome) -> usize {
        let pages = self.pages.lock().unwrap();
        pages.entries.iter().filter(|entry| entry.outcome == outcome).count()
    }

    /// How many attempts were answered well so far.
    pub fn successes(&self) -> usize {
        self.pages.lock().unwrap().latencies.len()
    }

    /// The longest time without a single good answer, between these two times: how long clients as a whole were shut out.
    pub fn longest_silence(&self, from: Duration, to: Duration) -> Duration {
        let pages = self.pages.lock().unwrap();
        let heard = pages.latencies.iter().map(|(at, _)| *at).filter(|at| *at > from && *at < to);
        let mut last = from;
        let mut longest = Duration::ZERO;
        for at in heard.chain([to]) {
            longest = longest.max(at.saturating_sub(last));
            last = at;
        }
        longest
    }

    /// The time from a moment to the first good answer to something that was asked after it.
    pub fn recovery(&self, from: Duration) -> Option<Duration> {
        let pages = self.pages.lock().unwrap();
        let after = pages.latencies.iter().find(|(at, latency)| *at > from + *latency);
        after.map(|(at, _)| at.saturating_sub(from))
    }

    /// The time that so many hundredths of the good answers between two moments did not exceed.
    pub fn percentile(&self, hundredths: usize, from: Duration, to: Duration) -> Duration {
        let pages = self.pages.lock().unwrap();
        let within = pages.latencies.iter().filter(|(at, _)| *at >= from && *at < to);
        let mut latencies: Vec<_> = within.map(|(_, latency)| *latency).collect();
        latencies.sort_unstable();
        let place = (latencies.len() * hundredths).div_ceil(100).saturating_sub(1);
        latencies.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_of_which_nothing_is_heard_is_unknown() {
        let ledger = Ledger::open();
        ledger.invoke(Change::SignIn);
        assert_eq!(ledger.entries()[0].outcome, Outcome::Unknown);
    }

    #[test]
    fn silence_is_the_longest_time_between_good_answers() {
        let second = Duration::from_secs;
        let ledger = Ledger::open();
        ledger.pages.lock().unwrap().latencies =
            [1, 2, 7, 8].map(|at| (second(at), Duration::ZERO)).into();
        assert_eq!(ledger.longest_silence(second(0), second(9)), second(5));
        assert_eq!(ledger.longest_silence(second(0), second(20)), second(12));
        assert_eq!(ledger.recovery(second(3)), Some(second(4)));
        assert_eq!(ledger.percentile(50, second(0), second(9)), Duration::ZERO);
    }
}
