//! Parity: whatever way a call comes in, it has the same answer and leaves the same traces. One script of calls, which
//! the contract demands for each of its methods, is played on a fresh server for each way, and all that was answered,
//! remembered and published is compared.

mod script;
mod stage;
mod traces;
mod way;

use serde_json::json;

use self::{
    stage::{Stage, UNKNOWN, on},
    traces::Alike,
    way::WAYS,
};
use crate::support::{
    client::Call,
    contract::{self, bindings, methods},
    installation::Installation,
    rpc::GET_ME,
    world::World,
};

#[tokio::test]
async fn every_call_has_the_same_answer_and_leaves_the_same_traces_whatever_way_it_comes_in() {
    let mut first = None;
    for way in WAYS {
        let mut stage = Stage::set(way, World::limited(1000, 1000).await).await;
        script::play(&mut stage).await;
        let transcript = stage.transcript().await;
        first.get_or_insert(transcript.clone()).assert_same(&transcript);
    }
}

#[tokio::test]
async fn whoever_has_used_up_a_budget_is_told_the_same_by_every_method() {
    let mut first = None;
    for way in WAYS {
        // Everyone in the cast signs up once, and makes one call.
        let mut stage = Stage::set(way, World::limited(1, 4).await).await;
        stage.ann("the last call of the budget", GET_ME, json!({}), "OK").await;
        for method in methods() {
            let name = contract::name(&method);
            let call = Call::to(&name, on(&method, UNKNOWN)).token(&stage.cast.ann.token);
            // The clock of Redis goes on, so the time to wait is another for each call.
            let alike = match Installation::chosen() {
                Installation::Cluster => Alike::InReasonAlone,
                Installation::Embedded | Installation::Postgres => Alike::Wholly,
            };
            let case = format!("{name}: too often");
            stage.perform_alike(alike, &case, call, "RATE_LIMITED").await;
        }
        let transcript = stage.transcript().await;
        first.get_or_insert(transcript.clone()).assert_same(&transcript);
    }
}

#[test]
fn every_http_rule_of_the_contract_is_a_way() {
    let rules = WAYS.iter().map(|way| way.rule + 1).max();
    for method in methods() {
        let bindings = bindings(&method);
        assert!(Some(bindings.len()) <= rules, "{}: {bindings:?}", method.full_name());
        let verbs: std::collections::BTreeSet<_> =
            bindings.iter().map(|binding| binding.verb.as_str()).collect();
        assert_eq!(verbs.len(), bindings.len(), "a rule is found by its verb: {bindings:?}");
    }
}
