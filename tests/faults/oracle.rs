//! Judges what is there after a fault by what clients were told: everything acknowledged once, nothing refused, no gap.

mod planted;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    ledger::{Change, Entry, Outcome},
    store::{Event, Store},
};

/// Everything that is known once the fault is over and the system has had time to heal.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What clients asked for and were told.
    pub entries: Vec<Entry>,
    /// What the database has.
    pub store: Store,
    /// What a consumer of the stream of events got, in its order; none where events stay within the process.
    pub delivered: Option<Vec<Delivered>>,
    /// Credentials that must not be good any more, and what became of each when it was tried.
    pub trials: Vec<Trial>,
}

/// An event as a consumer of the stream got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The id in the event, by which consumers know one that they have seen.
    pub id: Uuid,
    /// The id in the header, by which the broker does.
    pub message_id: String,
}

/// A credential that was tried in vain, or not in vain.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What it was.
    pub credential: &'static str,
    /// The code of the answer.
    pub code: String,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// It was acknowledged, and is not there.
    Lost,
    /// It is there more than once.
    Doubled,
    /// It is there, and was refused or never asked for.
    Phantom,
    /// A version of a resource has no event.
    Gap,
    /// Events of a resource are not in its order.
    Disorder,
    /// An event waits to be published.
    Waiting,
    /// An event is not in the stream.
    Undelivered,
    /// A credential is good that must not be.
    Zombie,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub wrong: Wrong,
    pub what: String,
}

/// Everything that is wrong.
pub fn judge(evidence: &Evidence) -> Vec<Finding> {
    let mut judge = Judge { evidence, findings: Vec::new() };
    judge.changes();
    judge.sessions();
    judge.versions();
    judge.outbox();
    judge.stream();
    judge.trials();
    judge.findings
}

struct Judge<'a> {
    evidence: &'a Evidence,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn find(&mut self, wrong: Wrong, what: impl Into<String>) {
        self.findings.push(Finding { wrong, what: what.into() });
    }

    /// Whether something is there as often as the outcome of its operation demands.
    fn weigh(&mut self, what: &str, outcome: Outcome, times: usize) {
        match (outcome, times) {
            (Outcome::Ok, 0) => self.find(Wrong::Lost, what),
            (Outcome::Fail, 1..) => self.find(Wrong::Phantom, what),
            (_, 2..) => self.find(Wrong::Doubled, what),
            _ => {}
        }
    }

    /// Every change has its effect and its event, as often as it should.
    fn changes(&mut self) {
        let Evidence { entries, store, .. } = self.evidence;
        let users = counted(store.users.iter().cloned());
        let rooms = counted(store.rooms.iter().map(|room| room.name.clone()));
        let told = counted(
            store
                .events
                .iter()
                .flat_map(|event| event.tells.iter().map(|told| format!("{} {told}", event.kind))),
        );
        let deletions = counted(events_of(store, "room.deleted").map(|event| &event.subject));
        let deleted: BTreeSet<_> =
            store.rooms.iter().filter(|room| room.deleted).map(|room| room.id).collect();
        let of = |counts: &HashMap<String, usize>, key: &str| counts.get(key).copied().unwrap_or(0);
        for entry in entries {
            let outcome = entry.outcome;
            match &entry.change {
                Change::SignUp(name) => {
                    self.weigh(&format!("account {name}"), outcome, of(&users, name));
                    let event = format!("user.created {name}");
                    self.weigh(&event, outcome, of(&told, &event));
                }
                Change::CreateRoom(name) => {
                    self.weigh(&format!("room {name}"), outcome, of(&rooms, name));
                    let event = format!("room.created {name}");
                    self.weigh(&event, outcome, of(&told, &event));
                }
                Change::UpdateRoom(description) => {
                    let event = format!("room.updated {description}");
                    self.weigh(&event, outcome, of(&told, &event));
                }
                Change::DeleteRoom(id) => {
                    let times = usize::from(deleted.contains(id));
                    self.weigh(&format!("end of room {id}"), outcome, times);
                    let subject = format!("rooms/{id}");
                    let times = deletions.get(&subject).copied().unwrap_or(0);
                    self.weigh(&format!("room.deleted {id}"), outcome, times);
                }
                Change::SignOut(id) => {
                    let event = format!("session.revoked {id}");
                    self.weigh(&event, outcome, of(&told, &event));
                }
                Change::SignIn | Change::Refresh(_) => {}
            }
        }
    }

    /// Sessions are there, have gone on as often as their clients were told, and have ended when they were ended.
    fn sessions(&mut self) {
        let Evidence { entries, store, .. } = self.evidence;
        let sessions: HashMap<_, _> =
            store.sessions.iter().map(|session| (session.id, session)).collect();
        let mut refreshes: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
        for entry in entries {
            match (&entry.change, entry.outcome) {
                (Change::SignUp(_) | Change::SignIn, Outcome::Ok) => {
                    let id = entry.made.unwrap_or_default();
                    if !sessions.contains_key(&id) {
                        self.find(Wrong::Lost, format!("session {id}"));
                    }
                }
                (Change::SignOut(id), Outcome::Ok)
                    if !sessions.get(id).is_some_and(|session| session.ended) =>
                {
                    self.find(Wrong::Lost, format!("end of session {id}"));
                }
                (Change::Refresh(id), outcome) => {
                    let (acked, unknown) = refreshes.entry(*id).or_default();
                    *acked += i64::from(outcome == Outcome::Ok);
                    *unknown += i64::from(outcome == Outcome::Unknown);
                }
                _ => {}
            }
        }
        for (id, (acked, unknown)) in refreshes {
            let counter = sessions.get(&id).map_or(0, |session| session.counter);
            if counter < acked {
                self.find(Wrong::Lost, format!("refresh {acked} of session {id}: {counter}"));
            }
            if counter > acked + unknown {
                self.find(Wrong::Doubled, format!("refresh {acked} of session {id}: {counter}"));
            }
        }
    }

    /// Every version of a room has one event, in the order of the versions, and the last is the room's.
    fn versions(&mut self) {
        let Evidence { store, .. } = self.evidence;
        let mut versions: HashMap<&str, i64> = HashMap::new();
        for event in store.events.iter().filter(|event| event.version > 0) {
            let last = versions.entry(&event.subject).or_default();
            let (before, now) = (*last, event.version);
            *last = now.max(before);
            let what = || format!("{} of {}: {now} after {before}", event.kind, event.subject);
            match now - before {
                1 => {}
                0 => self.find(Wrong::Doubled, what()),
                2.. => self.find(Wrong::Gap, what()),
                _ => self.find(Wrong::Disorder, what()),
            }
        }
        for room in &store.rooms {
            let last = versions.get(&*format!("rooms/{}", room.id)).copied().unwrap_or(0);
            if last != room.version {
                let what =
                    format!("room {} has version {}, its events {last}", room.id, room.version);
                self.find(Wrong::Gap, what);
            }
        }
    }

    fn outbox(&mut self) {
        for event in self.evidence.store.events.iter().filter(|event| !event.published) {
            self.find(Wrong::Waiting, format!("{} {}", event.kind, event.id));
        }
    }

    /// Every event is in the stream, nothing else is, and who drops ids that it has seen gets the events of each resource
    /// in the order in which they were recorded.
    fn stream(&mut self) {
        let Evidence { store, delivered, .. } = self.evidence;
        let Some(delivered) = delivered else { return };
        let recorded: HashMap<Uuid, (usize, &Event)> = store
            .events
            .iter()
            .enumerate()
            .map(|(place, event)| (event.id, (place, event)))
            .collect();
        let mut seen = BTreeSet::new();
        let mut last: HashMap<&str, usize> = HashMap::new();
        for message in delivered {
            if message.message_id != message.id.to_string() {
                let what = format!("{} is named {}", message.id, message.message_id);
                self.find(Wrong::Doubled, what);
            }
            let Some((place, event)) = recorded.get(&message.id) else {
                self.find(Wrong::Phantom, format!("delivered {}", message.id));
                continue;
            };
            if !seen.insert(message.id) {
                continue;
            }
            if let Some(before) = last.insert(&event.subject, *place)
                && before > *place
            {
                let what = format!("{} {} of {}", event.kind, event.version, event.subject);
                self.find(Wrong::Disorder, what);
            }
        }
        for event in store.events.iter().filter(|event| !seen.contains(&event.id)) {
            let what = format!("{} {} of {}", event.kind, event.version, event.subject);
            self.find(Wrong::Undelivered, what);
        }
    }

    fn trials(&mut self) {
        for trial in self.evidence.trials.iter().filter(|trial| trial.code != "UNAUTHENTICATED") {
            self.find(Wrong::Zombie, format!("{}: {}", trial.credential, trial.code));
        }
    }
}

/// How many messages a consumer that drops the ids it has seen would drop.
pub fn redelivered(delivered: &[Delivered]) -> usize {
    let distinct: BTreeSet<_> = delivered.iter().map(|message| message.id).collect();
    delivered.len() - distinct.len()
}

fn events_of<'a>(store: &'a Store, kind: &str) -> impl Iterator<Item = &'a Event> {
    store.events.iter().filter(move |event| event.kind == kind)
}

fn counted<T: std::hash::Hash + Eq>(things: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    counts
}
