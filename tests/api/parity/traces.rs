//! What a call leaves behind: its answer, the lines of the audit log, and the events; with names for what no two servers
//! have in common.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::way::Way;
use crate::support::{
    client::Transport, contract, database::on_database, installation::Installation, reply::Reply,
    rpc::GET_ME,
};

/// The headers that need not be the same, and why.
const HEADERS_OF_THEIR_OWN: [(&str, &str); 9] = [
    ("content-type", "says which transport it is"),
    ("content-length", "the same message has another length in another encoding"),
    ("transfer-encoding", "HTTP/2 has none, and gRPC-web learns its length last"),
    ("date", "is the clock of the machine"),
    ("grpc-status", "REST has the code in the status line and in the body"),
    ("grpc-message", "REST has the message in the body"),
    ("grpc-status-details-bin", "REST has the details in the body"),
    ("etag", "is HTTP's form of the version, which every message has as `meta.etag`"),
    ("retry-after", "is HTTP's form of RetryInfo; REST has to say the same with it"),
];

/// The challenge that REST gives where the service has none, because HTTP demands one of every 401.
const OWN_CHALLENGE: &str = "Bearer";

/// The fields with secrets, and with parts of ids, which no two servers have in common.
const SECRETS: [&str; 9] = [
    "accessToken",
    "refreshToken",
    "nextPageToken",
    "prefix",
    "ticket",
    "secret",
    "otpauthUri",
    "qrSvg",
    "recoveryCodes",
];

/// Everything that a script has left behind, in its order.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// How it was played.
    pub way: Way,
    /// The answers, by the name of the case.
    pub answers: Vec<(String, Value)>,
    /// The lines of the audit log.
    pub audit: Vec<Value>,
    /// The events.
    pub events: Vec<Value>,
}

impl Transcript {
    /// Demands that another way has left the same.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        let ways = (self.way, other.way);
        assert_eq!(self.answers.len(), other.answers.len(), "{ways:?}");
        for ((case, here), (_, there)) in self.answers.iter().zip(&other.answers) {
            assert!(here == there, "{case}: {ways:?}\n{here:#}\n{there:#}");
        }
        let traces = self.audit.iter().chain(&self.events);
        let others = other.audit.iter().chain(&other.events);
        for (here, there) in traces.zip(others) {
            assert!(here == there, "{ways:?}\n{here:#}\n{there:#}");
        }
        assert_eq!(self.audit.len(), other.audit.len(), "{ways:?}");
        assert_eq!(self.events.len(), other.events.len(), "{ways:?}");
    }
}

/// How much alike answers are over all ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alike {
    /// In everything.
    Wholly,
    /// In all but their words, because what is wrong is the format of the transport itself, or found while a message is
    /// made of it.
    InReason,
    /// In all but their words and what they say of the budget: REST refuses a body by the length that it announces, before
    /// it is known who calls.
    InReasonAlone,
}

/// Names for ids, in the order in which they appear.
#[derive(Debug, Default)]
pub struct Names(HashMap<Uuid, String>);

impl Names {
    /// What an answer says.
    pub fn answer(&mut self, reply: &Reply, alike: Alike) -> Value {
        let own = |name: &str| {
            HEADERS_OF_THEIR_OWN.iter().any(|(known, _)| *known == name)
                || (name.starts_with("ratelimit") && !budgets_are_alike(alike))
        };
        let headers: BTreeMap<_, _> = reply
            .headers
            .keys()
            .filter(|name| !own(name.as_str()))
            .map(|name| (name.to_string(), reply.header(name.as_str()).to_owned()))
            .filter(|(name, value)| name != "www-authenticate" || value != OWN_CHALLENGE)
            .collect();
        let mut details = Value::from(reply.details.clone());
        if alike != Alike::Wholly {
            details = json!([reply.reason, reply.violations()]);
        }
        let message = if alike == Alike::Wholly { &reply.message } else { "" };
        self.named(&json!({
            "code": reply.code, "message": message, "details": details, "body": reply.body,
            "headers": headers,
        }))
    }

    /// The audit log, without the transport, which is the one thing that has to differ.
    pub async fn audit(&mut self, database_url: &str, way: Way) -> Vec<Value> {
        let lines = on_database!(database_url, |connection| {
            let query = sqlx::query(
                "SELECT actor_id, session_id, api_key_id, action, resource, outcome, reason, rpc_method, ip, user_agent, \
                 trace_id, transport FROM audit_events ORDER BY create_time, id",
            );
            let lines = query.fetch_all(&mut connection).await.unwrap().into_iter().map(|line| {
                let ids =
                    [0, 1, 2].map(|at| line.get::<Option<Uuid>, _>(at).map(|id| id.to_string()));
                let texts = (3..11).map(|at| line.get::<Option<String>, _>(at));
                let parts: Vec<_> = ids.into_iter().chain(texts).collect();
                let calls = ["transport", "rpc_method"].map(|at| line.get::<String, _>(at));
                (calls, json!(parts))
            });
            lines.collect::<Vec<_>>()
        });
        let line = |([transport, method], line): ([String; 2], _)| {
            assert_eq!(transport, way.name(&method));
            self.named(&line)
        };
        lines.into_iter().map(line).collect()
    }

    /// The events, published or not.
    pub async fn events(&mut self, database_url: &str) -> Vec<Value> {
        let payloads = on_database!(database_url, |connection| {
            let query = sqlx::query_as::<_, (Vec<u8>,)>("SELECT payload FROM outbox ORDER BY seq");
            query.fetch_all(&mut connection).await.unwrap()
        });
        let method = contract::method(GET_ME);
        let event = method.parent_pool().get_message_by_name("veza.event.v1.Event").unwrap();
        let decode = |(payload,): (Vec<u8>,)| {
            let mut event = contract::decode(&event, &payload).unwrap();
            // The trace goes on; the span in it is the server's own.
            let trace = event["traceParent"].as_str().map(|parent| parent[..35].to_owned());
            event["traceParent"] = trace.into();
            self.named(&event)
        };
        payloads.into_iter().map(decode).collect()
    }

    fn named(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let parts = text.split('/').map(|part| self.name(part));
                parts.collect::<Vec<_>>().join("/").into()
            }
            Value::Array(items) => items.iter().map(|item| self.named(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| {
                    let is_secret = SECRETS.contains(&name.as_str()) && *value != "";
                    let value = if is_secret { "a secret".into() } else { self.named(value) };
                    (name.clone(), value)
                })
                .collect(),
            other => other.clone(),
        }
    }

    fn name(&mut self, part: &str) -> String {
        let next = format!("id {}", self.0.len());
        let Ok(id) = part.parse::<Uuid>() else { return part.to_owned() };
        self.0.entry(id).or_insert(next).clone()
    }
}

/// Redis goes by its own clock, which nobody stops, and replicas know of each other's calls only by and by.
fn budgets_are_alike(alike: Alike) -> bool {
    alike != Alike::InReasonAlone && Installation::chosen() != Installation::Cluster
}

/// Demands of an answer what only HTTP has: that its own forms agree with the ones that every transport has.
#[track_caller]
pub fn assert_own_headers(reply: &Reply) {
    if reply.transport != Transport::Rest {
        return;
    }
    assert_eq!(
        reply.http_status == 401,
        !reply.header("www-authenticate").is_empty(),
        "{reply:#?}"
    );
    let delay = reply.detail("google.rpc.RetryInfo").and_then(|info| info["retryDelay"].as_str());
    let seconds = delay.map(|delay| delay.trim_end_matches('s').parse::<f64>().unwrap().ceil());
    assert_eq!(reply.header("retry-after").parse().ok(), seconds, "{reply:#?}");
    let version = |one: &Value| one["meta"]["etag"].as_str().map(|etag| format!("\"{etag}\""));
    let mut versions = reply.body.as_object().into_iter().flat_map(|body| body.values());
    let version = versions.find_map(version).unwrap_or_default();
    assert_eq!(reply.header("etag"), version, "{reply:#?}");
}
