//! The world of a test in a line: a server, a client of it, and people who are signed in.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    client::{Answer, Call, Client, Transport},
    database,
    installation::Installation,
    reply::Reply,
    rpc::{LOGIN, REGISTER},
    server::{Environment, Server},
};

/// The password of everyone in these tests.
pub const PASSWORD: &str = "correct horse battery";

/// How long something may take that happens by itself. Only what never happens uses it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server that tests share while any of them runs; the last one to end stops it.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// A server and a client of it.
#[derive(Clone)]
pub struct App {
    /// The server.
    pub server: Arc<Server>,
    /// The client.
    pub client: Client,
}

impl App {
    /// The server that tests share: they do not meet, because nobody uses what others have made.
    pub fn start() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Self::of(server);
        }
        // What tests ask for is right, not fast: a disk that stands still for seconds fails none of them.
        let patient =
            Environment::new().set("CALL_TIMEOUT", "1m").set("DATABASE_ACQUIRE_TIMEOUT", "30s");
        let server = Arc::new(Installation::chosen().start(patient));
        *shared = Arc::downgrade(&server);
        Self::of(server)
    }

    /// A server of one's own.
    pub fn with(environment: Environment) -> Self {
        Self::of(Arc::new(Installation::chosen().start(environment)))
    }

    /// A single process of one's own, for what is true of one alone.
    pub fn alone(environment: Environment) -> Self {
        Self::of(Arc::new(environment.start()))
    }

    /// Makes a call.
    pub async fn send(&self, transport: Transport, call: &Call) -> Reply {
        self.client.send(transport, call).await
    }

    /// Makes a call of a method with a request, as the owner of an access token or as nobody.
    pub async fn call(
        &self,
        transport: Transport,
        method: &str,
        request: Value,
        token: Option<&str>,
    ) -> Reply {
        let call = Call::to(method, request);
        self.send(transport, &token.into_iter().fold(call, Call::token)).await
    }

    /// Makes the same call over every transport that has it, demands the same answer from each, and returns it.
    pub async fn everywhere(&self, call: &Call) -> Reply {
        let first = self.send(Transport::Grpc, call).await;
        for transport in Transport::of(&call.method).filter(|other| *other != Transport::Grpc) {
            let reply = self.send(transport, call).await;
            assert_eq!(gist(&reply), gist(&first), "{first:#?}\n{reply:#?}");
        }
        first
    }

    /// What a path answers to GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.client.http(http::Request::get(path).body("").expect("a request")).await
    }

    /// The value of a metric with its labels, as `veza_dependency_up{dependency="nats"}`.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.get("/metrics").await;
        let mut values =
            metrics.text().lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        values.next()
    }

    /// Returns when a metric has this value.
    pub async fn until_metric(&self, name: &str, wanted: f64) {
        let look = async {
            while self.metric(name).await != Some(wanted) {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, look).await;
        assert!(ended.is_ok(), "{name} is {:?} and not {wanted}", self.metric(name).await);
    }

    /// Somebody new who has signed up; `name` is the beginning of the username.
    pub async fn user(&self, name: &str) -> Person {
        let username = unique(name);
        let email = format!("{username}@example.com");
        let request = json!({ "email": email, "username": username, "password": PASSWORD });
        let reply = self.call(Transport::Grpc, REGISTER, request, None).await;
        Person::of(self, &reply)
    }

    /// Somebody new who is an administrator.
    pub async fn admin(&self, name: &str) -> Person {
        let username = unique(name);
        let email = format!("{username}@example.com");
        let command =
            ["admin", "create", "--username", &username, "--email", &email, "--password-stdin"];
        let output = self.server.environment.run(&command, PASSWORD);
        assert!(output.status.success(), "{output:?}");
        self.sign_in(&username).await
    }

    /// Somebody new who has this role and no other.
    pub async fn person_with_role(&self, role: &str) -> Person {
        let person = self.user(role).await;
        let database_url = self.server.environment.get("DATABASE_URL");
        database::replace_role(database_url, &person.id, role).await;
        person
    }

    /// A new session of somebody who has signed up.
    pub async fn sign_in(&self, username: &str) -> Person {
        let request = json!({ "identifier": username, "password": PASSWORD });
        Person::of(self, &self.call(Transport::Grpc, LOGIN, request, None).await)
    }

    /// A server that runs already.
    pub fn of(server: Arc<Server>) -> Self {
        let all = server.replicas.iter().chain([&*server]);
        let addresses: Vec<_> = all.map(|server| server.address).collect();
        Self { client: Client::of(&addresses), server }
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    /// Where.
    pub app: App,
    /// The id of the account.
    pub id: String,
    /// The username.
    pub username: String,
    /// The e-mail address.
    pub email: String,
    /// The access token of the session.
    pub access_token: String,
    /// The refresh token of the session.
    pub refresh_token: String,
    /// The id of the session.
    pub session_id: String,
}

impl Person {
    /// Whoever an answer to Register or Login has signed in.
    #[track_caller]
    pub fn of(app: &App, reply: &Reply) -> Self {
        let result = &reply.ok()["result"];
        let (user, tokens) = (&result["user"], &result["tokens"]);
        Self {
            app: app.clone(),
            id: text(&user["id"]),
            username: text(&user["username"]),
            email: text(&user["email"]),
            access_token: text(&tokens["accessToken"]),
            refresh_token: text(&tokens["refreshToken"]),
            session_id: text(&tokens["sessionId"]),
        }
    }

    /// Makes a call as this person.
    pub async fn call(&self, transport: Transport, method: &str, request: Value) -> Reply {
        self.send(transport, Call::to(method, request)).await
    }

    /// Makes a call with headers or other peculiarities as this person.
    pub async fn send(&self, transport: Transport, call: Call) -> Reply {
        self.app.send(transport, &call.token(&self.access_token)).await
    }

    /// Makes the same call over every transport as this person, and demands the same answer from each.
    pub async fn everywhere(&self, call: Call) -> Reply {
        self.app.everywhere(&call.token(&self.access_token)).await
    }
}

/// A name that nobody else has.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{name}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A UUID that nobody else has.
pub fn unique_uuid() -> String {
    let number = unique("");
    format!("0190d8a6-0000-7000-8000-{number:0>12}")
}

/// The text of a JSON string.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// What has to be the same over every transport.
fn gist(reply: &Reply) -> (&str, Option<&str>, Vec<&str>, &Value) {
    (&reply.code, reply.reason.as_deref(), reply.violations(), &reply.body)
}
