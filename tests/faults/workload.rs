//! People who sign up, make rooms, change and delete them, and come and go: over every transport, at a steady rate, with
//! every operation in the ledger.

mod person;

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{self, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use self::person::Person;
use super::{
    chance::Chance,
    ledger::{Ledger, Outcome},
    targets::Targets,
};
use crate::support::client::Transport;

/// How much is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What the choices of clients follow from.
    pub seed: u64,
    /// How many clients there are; each has one call in progress at most.
    pub clients: u64,
    /// How many operations all of them begin in a second, when they are answered at once.
    pub rate: u32,
}

/// What is known of a session when the workload is over.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The newest access token.
    pub access_token: String,
    /// A refresh token that was exchanged, and its successor too.
    pub rotated: Option<String>,
    /// Whether its client was told that it has ended.
    pub ended: bool,
}

/// Clients at work.
pub struct Workload {
    /// What they do.
    pub ledger: Arc<Ledger>,
    stop: CancellationToken,
    clients: JoinSet<Vec<Credentials>>,
}

impl Workload {
    /// Sets clients to work, and returns when each of them has signed up.
    pub async fn start(plan: Plan, targets: &Arc<Targets>) -> Self {
        let ledger = Arc::new(Ledger::open());
        let stop = CancellationToken::new();
        let mut clients = JoinSet::new();
        for number in 0..plan.clients {
            let transports = [Transport::Grpc, Transport::GrpcWeb, Transport::Rest];
            let person = Person {
                name: format!("p{:x}x{number}", plan.seed),
                transport: transports[usize::try_from(number).unwrap() % transports.len()],
                chance: Chance::of(plan.seed, number),
                ledger: Arc::clone(&ledger),
                targets: Arc::clone(targets),
                stop: stop.clone(),
                made: 0,
                session: None,
                past: Vec::new(),
                rooms: Vec::new(),
            };
            let clients_per_second = plan.rate / u32::try_from(plan.clients).unwrap();
            clients.spawn(work(person, Duration::from_secs(1) / clients_per_second.max(1)));
        }
        let workload = Self { ledger, stop, clients };
        workload.reach(usize::try_from(plan.clients).unwrap()).await;
        workload
    }

    /// Returns when so many more attempts were answered well.
    pub async fn progress(&self, more: usize) {
        self.reach(self.ledger.successes() + more).await;
    }

    async fn reach(&self, successes: usize) {
        let enough = async {
            while self.ledger.successes() < successes {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = time::timeout(Duration::from_mins(1), enough).await;
        assert!(reached.is_ok(), "the server answers nothing: {:?}", self.ledger.answers());
    }

    /// Stops the clients once what they wait for is answered, and returns the sessions that they had.
    ///
    /// # Panics
    /// When a client has.
    pub async fn finish(mut self) -> (Arc<Ledger>, Vec<Credentials>) {
        self.stop.cancel();
        let mut sessions = Vec::new();
        while let Some(client) = self.clients.join_next().await {
            sessions.extend(client.unwrap_or_else(|error| panic!("{error}")));
        }
        assert!(self.ledger.count(Outcome::Ok) > 0, "nothing was done");
        (self.ledger, sessions)
    }
}

/// One operation after the other, until the end.
async fn work(mut person: Person, every: Duration) -> Vec<Credentials> {
    let mut ticks = time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stop = person.stop.clone();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        person.act().await;
    }
    person.sessions()
}
