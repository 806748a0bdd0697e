//! What was recorded of ended sessions, deleted API keys and changed accounts.

use std::time::Duration;

use uuid::Uuid;
use veza::{
    domain::{
        Timestamp,
        api_key::ApiKey,
        event::{Data, Event},
        permission::Permissions,
        session::EndReason,
    },
    port::store::Tx,
};

use crate::world::{
    START, World, envelope, id, new_room, new_session, room_created, seconds, text,
};

on_each_store! {
    what_ends_or_changes_access_is_listed_and_nothing_else,
    it_is_listed_from_a_time_on_oldest_first_and_no_more_than_was_asked_for,
}

async fn record(tx: &mut dyn Tx, time: Timestamp, data: Data) -> Event {
    let event = Event { id: id(), time, actor_id: None, trace_parent: None, data };
    tx.record(&event).await.unwrap();
    event
}

async fn what_ends_or_changes_access_is_listed_and_nothing_else(world: &World) {
    let ann = world.user("ann").await;
    let ended = Data::SessionRevoked {
        user_id: ann.id,
        session_ids: vec![new_session(&ann).id],
        reason: EndReason::Logout,
    };
    let mut tx = world.begin().await;
    record(&mut *tx, seconds(1), Data::UserCreated(ann.clone(), "register")).await;
    let mut expected = vec![record(&mut *tx, seconds(2), ended).await];
    let updated = Data::UserUpdated(ann.clone(), vec!["bio"]);
    expected.push(record(&mut *tx, seconds(3), updated).await);
    let key = ApiKey {
        id: id(),
        user_id: ann.id,
        display_name: text("nightly"),
        permissions: Permissions::default(),
        allowed_networks: Vec::new(),
        expire_time: None,
        create_time: START,
        last_used_time: None,
    };
    record(&mut *tx, seconds(3), Data::ApiKeyCreated(key.clone())).await;
    expected.push(record(&mut *tx, seconds(3), Data::ApiKeyDeleted(key)).await);
    tx.record(&room_created(&new_room(&ann, "games"))).await.unwrap();
    expected.push(record(&mut *tx, seconds(4), Data::UserDeleted(ann)).await);
    tx.commit().await.unwrap();
    let listed = world.read().await.list_revocations(START, 10).await.unwrap();
    assert_eq!(listed.len(), expected.len());
    for (message, event) in listed.iter().zip(&expected) {
        assert_eq!(message.id, event.id.uuid());
        assert_eq!(message.subject, event.data.event_type());
        assert_eq!(*message.payload, envelope(event));
    }
}

async fn it_is_listed_from_a_time_on_oldest_first_and_no_more_than_was_asked_for(world: &World) {
    let ann = world.user("ann").await;
    let mut tx = world.begin().await;
    let mut recorded = Vec::new();
    // Whoever began first may be recorded last.
    for second in [3, 1, 2] {
        let time = START + Duration::from_secs(second);
        let event = record(&mut *tx, time, Data::UserDeleted(ann.clone())).await;
        recorded.push(event.id.uuid());
    }
    tx.commit().await.unwrap();
    let [third, first, second] = recorded[..] else { unreachable!() };
    let listed = async |since, limit| -> Vec<Uuid> {
        let messages = world.read().await.list_revocations(since, limit).await.unwrap();
        messages.iter().map(|message| message.id).collect()
    };
    assert_eq!(listed(START, 10).await, [first, second, third]);
    assert_eq!(listed(START, 2).await, [first, second]);
    assert_eq!(listed(seconds(2), 10).await, [second, third]);
    assert!(listed(seconds(4), 10).await.is_empty());
}
