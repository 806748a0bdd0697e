//! The frame of an experiment: its turn on the machine, its seed and length, its judgement and its figures.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    sync::{Mutex, MutexGuard},
    time,
};

use super::{
    ledger::{Ledger, Outcome},
    oracle::{self, Delivered, Evidence, Trial},
    store::{self, Store},
    targets::Targets,
    workload::{Credentials, Plan, Workload},
};
use crate::support::{
    client::{Call, Transport},
    rpc::{GET_ME, REFRESH_TOKEN},
};

/// How long what is sure to happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many credentials of a kind are tried when an experiment is over.
const TRIALS_MAX: usize = 20;

/// One experiment. Only one runs at a time, because each needs the machine.
pub struct Experiment {
    /// As in docs/reliability.md.
    pub id: &'static str,
    /// What chance follows from.
    pub seed: u64,
    /// What it measured beside what all of them do, by name.
    pub figures: Vec<(&'static str, String)>,
    _turn: MutexGuard<'static, ()>,
}

impl Experiment {
    /// Waits for its turn.
    pub async fn begin(id: &'static str) -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let seed = setting("FAULT_SEED").unwrap_or(1);
        // Shown when the experiment fails.
        println!("{id}: FAULT_SEED={seed}");
        Self { id, seed, figures: Vec::new(), _turn: turn }
    }

    /// What clients do: the same mixture everywhere.
    pub fn plan(&self) -> Plan {
        Plan { seed: self.seed, clients: 16, rate: 200 }
    }

    /// Adds a figure.
    pub fn measure(&mut self, name: &'static str, value: impl fmt::Display) {
        self.figures.push((name, value.to_string()));
    }

    /// Adds a figure that is a time.
    pub fn measure_time(&mut self, name: &'static str, time: Duration) {
        self.measure(name, format!("{time:.0?}"));
    }

    /// Stops the clients, waits for the system to come to rest, judges, and prints the figures.
    ///
    /// # Panics
    /// When anything is wrong.
    pub async fn conclude(
        self,
        workload: Workload,
        targets: &Targets,
        database: &str,
        deliver: impl AsyncFnOnce(&Store) -> Option<Vec<Delivered>>,
    ) {
        let (ledger, sessions) = workload.finish().await;
        store::until_drained(database).await;
        let store = Store::read(database).await;
        let evidence = Evidence {
            entries: ledger.entries(),
            delivered: deliver(&store).await,
            store,
            trials: try_credentials(targets, &sessions).await,
        };
        let findings = oracle::judge(&evidence);
        let defects = ledger.defects();
        self.print(&ledger, &evidence);
        assert!(
            findings.is_empty() && defects.is_empty(),
            "{} with FAULT_SEED={}: {findings:#?} {defects:#?} {:?}",
            self.id,
            self.seed,
            ledger.answers()
        );
    }

    /// A line of the table in docs/reliability.md.
    fn print(&self, ledger: &Arc<Ledger>, evidence: &Evidence) {
        let count = |outcome| ledger.count(outcome);
        let redelivered = evidence.delivered.as_deref().map_or(0, oracle::redelivered);
        let figures = self.figures.iter().map(|(name, value)| format!("{name} {value}"));
        println!(
            "| {} | {} | {} | {} | {} | {} | {redelivered} | {} |",
            self.id,
            evidence.entries.len(),
            count(Outcome::Ok),
            count(Outcome::Fail),
            count(Outcome::Unknown),
            evidence.store.events.len(),
            figures.collect::<Vec<_>>().join(", ")
        );
        println!("{}: {:?}", self.id, ledger.answers());
    }
}

/// Waits for what is sure to happen.
///
/// # Panics
/// When it does not.
pub async fn eventually<T>(what: &str, happens: impl Future<Output = T>) -> T {
    time::timeout(PATIENCE, happens).await.unwrap_or_else(|_| panic!("it never happens: {what}"))
}

/// How often a fault is repeated: so often, or as `FAULT_ROUNDS` says.
pub fn rounds(short: u64) -> u64 {
    setting("FAULT_ROUNDS").unwrap_or(short)
}

/// How long a fault lasts: so long, or as many times longer as `FAULT_STRETCH` says.
pub fn stretch(short: Duration) -> Duration {
    short * u32::try_from(setting("FAULT_STRETCH").unwrap_or(1)).unwrap()
}

/// Tries what must not be good any more.
async fn try_credentials(targets: &Targets, sessions: &[Credentials]) -> Vec<Trial> {
    let client = targets.next().await;
    let ended = sessions.iter().filter(|session| session.ended).map(|session| {
        let call = Call::to(GET_ME, json!({})).token(&session.access_token);
        ("the access token of a session that was ended", call)
    });
    let rotated = sessions.iter().filter_map(|session| {
        let token = session.rotated.as_ref()?;
        let call = Call::to(REFRESH_TOKEN, json!({ "refreshToken": token }));
        Some(("a refresh token that was exchanged twice over", call))
    });
    let mut trials = Vec::new();
    for (credential, call) in ended.take(TRIALS_MAX).chain(rotated.take(TRIALS_MAX)) {
        let reply = client.attempt(Transport::Grpc, &call).await;
        let code = reply.map_or_else(|error| error, |reply| reply.code);
        trials.push(Trial { credential, code });
    }
    trials
}

#[expect(clippy::disallowed_methods, reason = "tests have settings of their own")]
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{name}={value}: {error}")))
}
