//! The post: takes recorded mails from the store to whoever delivers them. A mail that a server has acknowledged is sent
//! again only when this process, or the database, dies before that could be noted; it then has the same id.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future;
use tokio::{
    sync::Notify,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    domain::{
        Result,
        id::Id,
        mail::{Mail, State},
    },
    port::{
        backoff::Backoff,
        clock::{Clock, Ids},
        mailer::{self, Failure, Handed, Line, Mailer},
        store::{KeptMail, Settlement, Store},
    },
    service::mail::Mails,
    telemetry::metrics::{DependencyLabel, Metrics, ResultLabel},
};

/// How long mails are leased: whoever dies with some holds them back for as long.
const LEASE: Duration = Duration::from_secs(10);

/// How often a lease is renewed while a server takes its time.
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// How long before the end of a lease that could not be renewed its mails are let go of.
const MARGIN: Duration = Duration::from_secs(1);

/// How many mails are taken at once.
const BATCH: i64 = 40;

/// How many mails are under way at a time, each over a connection of its own.
const LINES_MAX: usize = 4;

/// How often it is looked for mails without being woken: for those of another server that died.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long it is waited before a server that could not be used is tried again.
const RETRY_SERVER: Backoff =
    Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(30) };

/// How long it is waited before a mail that was not taken is tried again. Servers that know nobody yet want to be asked
/// again after some minutes.
const RETRY_MAIL: Backoff =
    Backoff { first: Duration::from_secs(5), longest: Duration::from_mins(15) };

/// How often a mail is tried in all: for two to four hours.
const ATTEMPTS_MAX: i64 = 25;

/// How long it is waited before the database is asked again to note what became of mails.
const RETRY_DATABASE: Duration = Duration::from_millis(200);

/// Wakes the post.
#[derive(Default)]
pub struct Bell(Notify);

impl mailer::Post for Bell {
    fn wake(&self) {
        self.0.notify_one();
    }
}

/// Sends mails.
pub struct Post {
    /// Where they are recorded.
    pub store: Arc<dyn Store>,
    /// Who reads what they say.
    pub mails: Arc<Mails>,
    /// Who delivers them.
    pub mailer: Arc<dyn Mailer>,
    /// Whether what was logged can still be read until it expires.
    pub keeps_logged: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// What wakes it.
    pub bell: Arc<Bell>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// What is known of the server, and what the store does not know yet.
#[derive(Default)]
struct Desk {
    /// Whether the server can be used, once that was tried.
    is_up: Option<bool>,
    unsettled: Mutex<Vec<(Id<Mail>, Settlement)>>,
}

/// Mails that were taken out of the store.
struct Batch {
    lease: Uuid,
    waiting: Mutex<VecDeque<KeptMail>>,
    /// Why the server turned out to be of no use, if it did.
    away: Mutex<Option<String>>,
    stop: CancellationToken,
}

/// What came of a turn.
enum Turn {
    /// There may be more to do.
    Done,
    /// There is nothing to do.
    Idle,
    /// The server cannot be used.
    Away,
}

impl Post {
    /// Sends mails until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut desk = Desk::default();
        let mut failures = 0;
        while !stop.is_cancelled() {
            let pause = match self.turn(&mut desk, &stop).await {
                Ok(Turn::Done) => {
                    failures = 0;
                    continue;
                }
                Ok(Turn::Idle) => None,
                Ok(Turn::Away) => {
                    failures += 1;
                    Some(RETRY_SERVER.pause(failures))
                }
                // A database that does not answer is told of by whoever needs it for more.
                Err(_) => Some(RETRY_DATABASE),
            };
            let rest = async {
                match pause {
                    // After a failure nothing but time helps.
                    Some(pause) => time::sleep(pause).await,
                    None => drop(time::timeout(LOOK_EVERY, self.bell.0.notified()).await),
                }
            };
            stop.run_until_cancelled(rest).await;
        }
        // Otherwise they are sent again.
        self.settle(&desk).await.ok();
    }

    async fn turn(&self, desk: &mut Desk, stop: &CancellationToken) -> Result<Turn> {
        self.settle(desk).await?;
        let now = self.clock.now();
        let status = self.store.read().await?.mail_status(now).await?;
        let age = status.oldest.map(|oldest| (now - oldest).as_seconds_f64());
        self.metrics.mails_oldest_age.set(age.unwrap_or_default().max(0.0));
        self.metrics.mails_pending.set(status.pending);
        if status.overdue > 0 {
            let mut tx = self.store.begin().await?;
            let expired = tx.expire_mails(now).await?;
            tx.commit().await?;
            self.count("expired", expired);
        }
        // A server that was not tried yet, or could not be used, is tried even when there is nothing to send, so that
        // whoever watches it knows.
        if status.due == 0 && desk.is_up == Some(true) {
            return Ok(Turn::Idle);
        }
        let Some(opened) = stop.run_until_cancelled(self.mailer.open()).await else {
            return Ok(Turn::Idle);
        };
        match opened {
            Err(failure) => {
                self.lost(desk, failure.why());
                return Ok(Turn::Away);
            }
            Ok(line) if status.due == 0 => line.close().await,
            Ok(line) => {
                let away = self.send(desk, line, stop).await?;
                if let Some(why) = away {
                    self.lost(desk, &why);
                    return Ok(Turn::Away);
                }
            }
        }
        self.found(desk);
        Ok(Turn::Done)
    }

    /// Claims mails and sends them; why the server is of no use, if it turned out to be.
    async fn send(
        &self,
        desk: &Desk,
        line: Box<dyn Line>,
        stop: &CancellationToken,
    ) -> Result<Option<String>> {
        let (lease, claimed) = (self.ids.uuid(), Instant::now());
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mails = tx.claim_mails(lease, now, now + LEASE, BATCH).await?;
        tx.commit().await?;
        let lines = mails.len().min(LINES_MAX);
        let (waiting, away) = (Mutex::new(mails.into()), Mutex::default());
        let batch = Batch { lease, waiting, away, stop: stop.clone() };
        let mut first = Some(line);
        let lines = (0..lines.max(1)).map(|_| self.work(desk, &batch, first.take()));
        tokio::select! {
            _ = future::join_all(lines) => {}
            // What is under way is given up: somebody else may have it by now.
            () = self.hold(lease, claimed) => {}
        }
        for mail in lock(&batch.waiting).drain(..) {
            self.note(desk, &mail, Settlement::Untried { lease });
        }
        self.settle(desk).await?;
        Ok(lock(&batch.away).take())
    }

    /// Sends what waits over one line, and over new ones where it breaks. Only who has the line that was there first says
    /// that the server is of no use: a further one may be one more than the server wants.
    async fn work(&self, desk: &Desk, batch: &Batch, mut line: Option<Box<dyn Line>>) {
        let is_first = line.is_some();
        // A line that has sent something may have been closed by the server since.
        let mut is_used = false;
        loop {
            let Some(mail) = lock(&batch.waiting).pop_front() else { break };
            if batch.stop.is_cancelled() || lock(&batch.away).is_some() {
                lock(&batch.waiting).push_front(mail);
                break;
            }
            if line.is_none() {
                is_used = false;
            }
            match self.hand_over(&mut line, &mail).await {
                Err(Failure::Away(why)) => {
                    lock(&batch.waiting).push_front(mail);
                    if is_used {
                        continue;
                    }
                    if is_first {
                        lock(&batch.away).get_or_insert(why);
                    }
                    break;
                }
                handed => self.note(desk, &mail, self.outcome(&mail, batch.lease, handed)),
            }
            is_used = line.is_some();
            // At once, so that as little as can be is sent again if this process dies. What fails is tried again later.
            self.settle(desk).await.ok();
        }
        if let Some(line) = line {
            line.close().await;
        }
    }

    /// Hands one mail over, on a new line where there is none. After a failure there is none.
    async fn hand_over(
        &self,
        line: &mut Option<Box<dyn Line>>,
        mail: &KeptMail,
    ) -> Result<Handed, Failure> {
        let envelope = self.mails.open(mail).map_err(|error| {
            let why = std::error::Error::source(&error);
            Failure::Never(why.map_or_else(|| error.to_string(), ToString::to_string))
        })?;
        let mut open = match line.take() {
            Some(open) => open,
            None => self.mailer.open().await?,
        };
        let handed = open.send(&envelope).await?;
        *line = Some(open);
        Ok(handed)
    }

    /// Holds a lease, and returns when it could not be renewed.
    async fn hold(&self, lease: Uuid, claimed: Instant) {
        let renew = async || -> Result<()> {
            let mut tx = self.store.begin().await?;
            tx.renew_mails(lease, self.clock.now() + LEASE).await?;
            tx.commit().await
        };
        let mut lost_at = claimed + LEASE - MARGIN;
        loop {
            time::sleep_until(lost_at.min(Instant::now() + RENEW_EVERY)).await;
            let began = Instant::now();
            if began >= lost_at {
                return;
            }
            if let Ok(Ok(())) = time::timeout_at(lost_at, renew()).await {
                lost_at = began + LEASE - MARGIN;
            }
        }
    }

    /// What is to be noted of a mail that was tried.
    fn outcome(&self, mail: &KeptMail, lease: Uuid, handed: Result<Handed, Failure>) -> Settlement {
        let ended = |state, error, keeps_letter| Settlement::Ended { state, error, keeps_letter };
        match handed {
            Ok(Handed::Sent(_)) => ended(State::Sent, String::new(), false),
            Ok(Handed::Logged) => ended(State::Logged, String::new(), self.keeps_logged),
            Err(Failure::Later(error) | Failure::Away(error))
                if mail.attempts + 1 < ATTEMPTS_MAX =>
            {
                let failures = u32::try_from(mail.attempts + 1).unwrap_or(u32::MAX);
                let due = self.clock.now() + RETRY_MAIL.pause(failures);
                Settlement::Postponed { lease, due, error }
            }
            Err(failure) => ended(State::Failed, failure.why().to_owned(), false),
        }
    }

    fn note(&self, desk: &Desk, mail: &KeptMail, settlement: Settlement) {
        let result = match &settlement {
            Settlement::Ended { state: State::Sent, .. } => Some("sent"),
            Settlement::Ended { state: State::Logged, .. } => Some("logged"),
            Settlement::Ended { .. } => Some("failed"),
            Settlement::Postponed { .. } => Some("postponed"),
            Settlement::Untried { .. } => None,
        };
        if let Some(result) = result {
            self.count(result, 1);
        }
        if result == Some("failed") {
            // What the server said may name the recipient, whom the log must not.
            tracing::warn!(
                mail_id = %mail.id,
                kind = mail.kind,
                event = "mail_failed",
                "a mail was refused for good; `veza mail list` shows why"
            );
        }
        lock(&desk.unsettled).push((mail.id, settlement));
    }

    /// Tells the store what became of mails.
    async fn settle(&self, desk: &Desk) -> Result<()> {
        let unsettled = lock(&desk.unsettled).clone();
        if unsettled.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        for (id, settlement) in &unsettled {
            tx.settle_mail(*id, settlement, now).await?;
        }
        tx.commit().await?;
        lock(&desk.unsettled).retain(|one| !unsettled.contains(one));
        Ok(())
    }

    fn found(&self, desk: &mut Desk) {
        let was_down = desk.is_up.replace(true) == Some(false);
        let Some(server) = self.mailer.server() else { return };
        self.show(true);
        if was_down {
            tracing::info!(server, event = "smtp_up", "mails are sent again");
        }
    }

    fn lost(&self, desk: &mut Desk, why: &str) {
        let was_down = desk.is_up.replace(false) == Some(false);
        let Some(server) = self.mailer.server() else { return };
        self.show(false);
        if !was_down {
            tracing::warn!(
                server,
                error = why,
                event = "smtp_down",
                "mails wait in the database until the mail server takes them; check that it runs, SMTP_URL and MAIL_FROM"
            );
        }
    }

    fn show(&self, is_up: bool) {
        let label = DependencyLabel { dependency: "smtp" };
        self.metrics.dependencies.get_or_create(&label).set(is_up.into());
    }

    fn count(&self, result: &'static str, mails: u64) {
        self.metrics.mails.get_or_create(&ResultLabel { result }).inc_by(mails);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
