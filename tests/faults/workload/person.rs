//! One client: what it knows, how it calls, and how it takes the answer.

mod acts;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::time;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Credentials;
use crate::{
    chance::Chance,
    ledger::{Invoked, Ledger, Outcome},
    support::{
        app::text,
        client::{Call, Transport},
        reply::Reply,
    },
    targets::Targets,
};

/// How long a client waits for an answer: longer than the server takes for any.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client waits until it tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// Codes that say that an operation is not done and never will be.
const REFUSALS: [&str; 9] = [
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "UNIMPLEMENTED",
    "UNAUTHENTICATED",
];

/// Codes that admit a defect. Limits are so wide that nobody meets them.
const DEFECTS: [&str; 4] = ["UNKNOWN", "INTERNAL", "DATA_LOSS", "RESOURCE_EXHAUSTED"];

/// A client.
pub struct Person {
    pub name: String,
    pub transport: Transport,
    pub chance: Chance,
    pub ledger: Arc<Ledger>,
    pub targets: Arc<Targets>,
    pub stop: CancellationToken,
    /// How many names it has made up.
    pub made: u32,
    pub session: Option<Session>,
    pub past: Vec<Credentials>,
    pub rooms: Vec<Room>,
}

/// A session that is live, as far as the client knows.
pub struct Session {
    id: Uuid,
    username: String,
    access_token: String,
    /// Every refresh token, the newest last.
    refresh_tokens: Vec<String>,
}

/// A room, as the client saw it last.
pub struct Room {
    id: Uuid,
    etag: String,
    description: String,
}

/// What an attempt came to.
enum Answer {
    Ok(Value),
    /// With the code.
    Refused(String),
    Unknown,
}

impl Person {
    /// What is known of every session.
    pub fn sessions(mut self) -> Vec<Credentials> {
        self.leave(false);
        self.past
    }

    /// Repeats a call that has an id, or the effect of which is the same each time, until it is known what became of it.
    async fn insist(
        &self,
        invoked: &Invoked,
        call: &Call,
        made: impl Fn(&Value) -> Option<Uuid>,
    ) -> Answer {
        let mut is_first = true;
        loop {
            match self.attempt(call).await {
                Answer::Ok(answer) => {
                    self.ledger.end(invoked, Outcome::Ok, made(&answer));
                    return Answer::Ok(answer);
                }
                Answer::Refused(code) => {
                    // After an attempt of which nothing was heard, a refusal does not tell what became of that one.
                    let outcome = if is_first { Outcome::Fail } else { Outcome::Unknown };
                    self.ledger.end(invoked, outcome, None);
                    return Answer::Refused(code);
                }
                Answer::Unknown if self.is_over().await => return Answer::Unknown,
                Answer::Unknown => is_first = false,
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Answer {
        let client = self.targets.next().await;
        let began = Instant::now();
        let reply = time::timeout(PATIENCE, client.attempt(self.transport, call)).await;
        let code = match &reply {
            Ok(Ok(reply)) => reply.code.as_str(),
            Ok(Err(_)) => "(broken off)",
            Err(_) => "(no answer)",
        };
        self.ledger.answered(code, began.elapsed());
        if DEFECTS.contains(&code) {
            self.ledger.defect(format!("{reply:?}"));
        }
        match reply {
            Ok(Ok(Reply { code, body, .. })) if code == "OK" => Answer::Ok(body),
            Ok(Ok(Reply { code, .. })) if REFUSALS.contains(&code.as_str()) => {
                Answer::Refused(code)
            }
            _ => Answer::Unknown,
        }
    }

    /// Waits before the next attempt; whether there will be none.
    async fn is_over(&self) -> bool {
        self.stop.run_until_cancelled(time::sleep(PAUSE)).await.is_none()
    }

    /// Nothing that a client did explains this answer: something that was acknowledged is gone, or was never there.
    fn refused_without_reason(&self, code: &str, call: &Call) {
        let (method, request) = (call.method.full_name(), &call.request);
        self.ledger.defect(format!("{} was refused with {code}: {method} {request}", self.name));
    }

    /// Lets go of the session.
    fn leave(&mut self, ended: bool) {
        let Some(session) = self.session.take() else { return };
        let rotated = session.refresh_tokens.iter().rev().nth(2).cloned();
        self.past.push(Credentials { access_token: session.access_token, rotated, ended });
    }

    fn as_me(&self, call: Call) -> Call {
        match &self.session {
            Some(session) => call.token(&session.access_token),
            None => call,
        }
    }

    fn newest_refresh_token(&self) -> String {
        let session = self.session.as_ref().expect("a session");
        session.refresh_tokens.last().expect("a token").clone()
    }

    fn place_of_a_room(&mut self) -> Option<usize> {
        let places: Vec<_> = (0..self.rooms.len()).collect();
        self.chance.pick(&places).copied()
    }

    /// A name that nobody else has.
    fn name_of(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{}{kind}{}", self.name, self.made)
    }
}

impl Session {
    fn of(username: String, tokens: &Value) -> Self {
        Self {
            id: uuid(&tokens["sessionId"]).expect("a session"),
            username,
            access_token: text(&tokens["accessToken"]),
            refresh_tokens: vec![text(&tokens["refreshToken"])],
        }
    }
}

impl Room {
    fn of(room: &Value) -> Option<Self> {
        let id = uuid(&room["id"])?;
        Some(Self {
            id,
            etag: text(&room["meta"]["etag"]),
            description: text(&room["description"]),
        })
    }
}

fn uuid(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}
