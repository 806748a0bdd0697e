//! The stage of a script: a server, who is in it and what they have, and a way to make every call.

use std::time::Duration;

use prost_reflect::MethodDescriptor;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    traces::{Alike, Names, Transcript, assert_own_headers},
    way::Way,
};
use crate::{
    auth::registration,
    support::{
        app::{PASSWORD, text},
        client::Call,
        contract::bindings,
        database::on_database,
        reply::Reply,
        rpc::{LOGIN, REGISTER},
        world::World,
    },
};

/// An id that nothing has.
pub const UNKNOWN: &str = "0190d8a6-0000-7000-8000-000000000000";

/// How long errands may take. Only those that are never done use it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Half as long as an access token is good.
const HALF_AN_HOUR: Duration = Duration::from_mins(30);

/// A trace that every call belongs to.
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Somebody who is signed in.
#[derive(Debug, Clone, Default)]
pub struct Member {
    /// The id of the account.
    pub id: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The id of the session.
    pub session_id: String,
}

/// An API key.
#[derive(Debug, Clone, Default)]
pub struct Key {
    /// The id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

/// Who is on the stage.
#[derive(Debug, Clone, Default)]
pub struct Cast {
    /// Who owns things.
    pub ann: Member,
    /// Who owns nothing.
    pub bob: Member,
    /// Who has lost every role.
    pub eve: Member,
    /// An administrator.
    pub root: Member,
    /// An API key of Ann's, which is good for little.
    pub key: Key,
    /// The id of a public room of Ann's, and of a private one.
    pub rooms: [String; 2],
    /// The id of a public stream of Ann's, and of a private one.
    pub streams: [String; 2],
}

/// A stage.
pub struct Stage {
    /// Who is on it.
    pub cast: Cast,
    /// The server.
    pub world: World,
    way: Way,
    names: Names,
    answers: Vec<(String, Value)>,
    /// When everybody signed in, by the clock of the world.
    signed_in: Duration,
}

impl Stage {
    /// A stage with its people, who own nothing yet.
    pub async fn set(way: Way, world: World) -> Self {
        let cast = Cast::default();
        let mut stage = Self {
            cast,
            world,
            way,
            names: Names::default(),
            answers: Vec::new(),
            signed_in: Duration::ZERO,
        };
        let [ann, bob, eve, root] = ["ann", "bob", "eve", "root"];
        stage.cast = Cast {
            ann: stage.sign_up(ann).await,
            bob: stage.sign_up(bob).await,
            eve: stage.sign_up(eve).await,
            root: stage.sign_up(root).await,
            ..Cast::default()
        };
        let id = |person: &Member| person.id.parse::<Uuid>().unwrap();
        on_database!(&stage.world.database_url, |database| {
            sqlx::query("DELETE FROM role_bindings WHERE user_id = $1")
                .bind(id(&stage.cast.eve))
                .execute(&mut database)
                .await
                .unwrap();
            sqlx::query("UPDATE role_bindings SET role = 'admin' WHERE user_id = $1")
                .bind(id(&stage.cast.root))
                .execute(&mut database)
                .await
                .unwrap();
        });
        stage
    }

    /// Makes a call and demands what becomes of it: `OK`, or the reason of a failure.
    pub async fn perform(&mut self, case: &str, call: Call, outcome: &str) -> Reply {
        self.perform_alike(Alike::Wholly, case, call, outcome).await
    }

    /// Makes a call whose answers are only so much alike.
    pub async fn perform_alike(
        &mut self,
        alike: Alike,
        case: &str,
        call: Call,
        outcome: &str,
    ) -> Reply {
        let call = call.header("traceparent", TRACE).header("x-request-id", "the same everywhere");
        // So that what calls on two replicas make has the order of the calls.
        self.world.wait(Duration::from_millis(1));
        let reply = self.way.send(&self.world.client, &call).await;
        let found = reply.reason.as_deref().unwrap_or(&reply.code);
        assert_eq!(found, outcome, "{case}: {reply:#?}");
        assert_own_headers(&reply);
        self.answers.push((case.to_owned(), self.names.answer(&reply, alike)));
        reply
    }

    /// Makes a call of Ann's.
    pub async fn ann(&mut self, case: &str, method: &str, request: Value, outcome: &str) -> Reply {
        let token = self.cast.ann.token.clone();
        self.perform(&format!("{method}: {case}"), Call::to(method, request).token(&token), outcome)
            .await
    }

    /// Makes a call of Bob's.
    pub async fn bob(&mut self, case: &str, method: &str, request: Value, outcome: &str) -> Reply {
        let token = self.cast.bob.token.clone();
        self.perform(&format!("{method}: {case}"), Call::to(method, request).token(&token), outcome)
            .await
    }

    /// Makes a call without a token.
    pub async fn nobody(
        &mut self,
        case: &str,
        method: &str,
        request: Value,
        outcome: &str,
    ) -> Reply {
        self.perform(&format!("{method}: {case}"), Call::to(method, request), outcome).await
    }

    /// Signs somebody up.
    pub async fn sign_up(&mut self, name: &str) -> Member {
        let reply = self.nobody(name, REGISTER, registration(name), "OK").await;
        Member::of(&reply)
    }

    /// Begins another session of somebody.
    pub async fn sign_in(&mut self, name: &str) -> Member {
        let request = json!({ "identifier": name, "password": PASSWORD });
        Member::of(&self.nobody(name, LOGIN, request, "OK").await)
    }

    /// Signs everybody in again whose access token will not be good for much longer: the play takes hours.
    pub async fn stay_signed_in(&mut self) {
        if self.world.elapsed() < self.signed_in + HALF_AN_HOUR {
            return;
        }
        self.signed_in = self.world.elapsed();
        self.cast.ann = self.sign_in("ann").await;
        self.cast.bob = self.sign_in("bob").await;
        self.cast.eve = self.sign_in("eve").await;
        self.cast.root = self.sign_in("root").await;
    }

    /// A request of a method about what Ann has; where it takes no id, an empty one.
    pub fn on_what_ann_has(&self, method: &MethodDescriptor) -> Value {
        let id = match method.parent_service().name() {
            "ChatService" => &self.cast.rooms[0],
            "StreamService" => &self.cast.streams[0],
            "AuthService" => &self.cast.ann.session_id,
            "AccessService" => &self.cast.key.id,
            _ => &self.cast.ann.id,
        };
        let mut request = on(method, id);
        if method.input().get_field_by_name("user_id").is_some() {
            request["user_id"] = self.cast.ann.id.as_str().into();
        }
        request
    }

    /// What was answered, remembered and published so far.
    pub async fn transcript(mut self) -> Transcript {
        let url = &self.world.database_url;
        let audit = self.names.audit(url, self.way).await;
        let events = self.names.events(url).await;
        Transcript { way: self.way, answers: self.answers, audit, events }
    }

    /// Returns when what was asked for and is done after the answer is done.
    pub async fn until_errands_are_done(&self) {
        let look = async {
            loop {
                let left: i64 = on_database!(&self.world.database_url, |database| {
                    let query = sqlx::query_scalar("SELECT count(*) FROM errands");
                    query.fetch_one(&mut database).await.unwrap()
                });
                if left == 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("errands are done");
    }

    /// Moves the clock.
    pub fn wait(&self, seconds: u64) {
        self.world.wait(Duration::from_secs(seconds));
    }
}

impl Member {
    /// Whoever an answer to Register or Login has signed in.
    pub fn of(reply: &Reply) -> Self {
        let result = &reply.ok()["result"];
        Self {
            id: text(&result["user"]["id"]),
            token: text(&result["tokens"]["accessToken"]),
            refresh_token: text(&result["tokens"]["refreshToken"]),
            session_id: text(&result["tokens"]["sessionId"]),
        }
    }
}

/// A request that has this value in every variable of the path. An update has a mask, because without one PUT means
/// something else than the other ways.
pub fn on(method: &MethodDescriptor, id: &str) -> Value {
    let template = bindings(method).first().map(|rule| rule.template.clone()).unwrap_or_default();
    let variables = template.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    let mut request = Map::new();
    for (variable, _) in variables {
        match variable.split_once('.') {
            Some((message, field)) => request.insert(message.into(), json!({ field: id })),
            None => request.insert(variable.into(), id.into()),
        };
    }
    if method.input().get_field_by_name("update_mask").is_some() {
        let mask = if request.contains_key("user") { "bio" } else { "description" };
        request.insert("update_mask".into(), mask.into());
    }
    request.into()
}
