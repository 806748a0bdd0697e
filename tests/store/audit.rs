//! The audit log.

use std::sync::Arc;

use veza::domain::{
    audit::{Entry, Outcome},
    caller::{Caller, Credential, Origin, Principal, TraceContext, Transport},
    permission::Permissions,
    reason::Reason,
};

use crate::world::{START, World, id};

on_each_store! {
    a_line_says_who_did_what_to_what_from_where_and_how_it_went,
    the_actor_that_a_call_established_goes_before_its_caller,
    a_line_of_a_transaction_that_was_rolled_back_is_not_there,
}

pub fn entry() -> Entry {
    let principal = Principal {
        user_id: id(),
        credential: Credential::Session { id: id(), auth_time: START },
        permissions: Permissions::default(),
    };
    let origin = Origin {
        transport: Transport::Rest,
        rpc_method: "veza.chat.v1.ChatService/UpdateRoom",
        ip: Some("2001:db8::1".parse().unwrap()),
        user_agent: "test/1".into(),
        trace: Some(TraceContext { trace_id: 0xabc, span_id: 1, parent_id: None, sampled: true }),
    };
    Entry {
        id: id(),
        time: START,
        caller: Caller {
            principal: Some(Arc::new(principal)),
            refused: None,
            is_confirmed: false,
            origin,
        },
        actor_id: None,
        action: "room.update",
        resource: "rooms/1".into(),
        outcome: Outcome::Failure(Reason::StaleEtag),
    }
}

async fn add(world: &World, entry: &Entry) {
    let mut tx = world.begin().await;
    tx.audit(entry).await.unwrap();
    tx.commit().await.unwrap();
}

/// The lines whose actor is this one; ids are stored as bytes on one database and as such on the other.
async fn lines_of(world: &World, actor: uuid::Uuid) -> usize {
    let bytes = format!("actor_id = x'{}'", actor.simple());
    let text = format!("actor_id = '{actor}'");
    let condition = if world.is_sqlite() { bytes } else { text };
    world.sql(&format!("SELECT action FROM audit_events WHERE {condition}")).await.len()
}

async fn a_line_says_who_did_what_to_what_from_where_and_how_it_went(world: &World) {
    let entry = entry();
    add(world, &entry).await;
    let columns =
        ["action", "resource", "outcome", "reason", "transport", "rpc_method", "ip", "user_agent"];
    let line = world
        .sql(&format!(
            "SELECT {} || ' ' || trace_id FROM audit_events",
            columns.join(" || ' ' || ")
        ))
        .await;
    assert_eq!(
        line,
        ["room.update rooms/1 FAILURE STALE_ETAG rest veza.chat.v1.ChatService/UpdateRoom \
          2001:db8::1 test/1 00000000000000000000000000000abc"]
    );
    let caller = entry.caller.user_id().unwrap().uuid();
    assert_eq!(lines_of(world, caller).await, 0, "a call that found nobody names nobody");
}

async fn the_actor_that_a_call_established_goes_before_its_caller(world: &World) {
    let mut entry = entry();
    let actor = id();
    entry.actor_id = Some(actor);
    add(world, &entry).await;
    assert_eq!(lines_of(world, actor.uuid()).await, 1);

    entry.id = id();
    entry.actor_id = None;
    entry.caller.principal = None;
    entry.caller.origin.ip = None;
    entry.caller.origin.trace = None;
    add(world, &entry).await;
    let anonymous = "SELECT action FROM audit_events WHERE actor_id IS NULL AND session_id IS NULL \
                     AND ip IS NULL AND trace_id IS NULL";
    assert_eq!(world.sql(anonymous).await, ["room.update"]);
}

async fn a_line_of_a_transaction_that_was_rolled_back_is_not_there(world: &World) {
    let mut tx = world.begin().await;
    tx.audit(&entry()).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(world.sql("SELECT action FROM audit_events").await.is_empty());
}
