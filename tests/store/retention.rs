//! What is swept away, and what is not.

use veza::domain::{
    key::SigningKey,
    resource::PURGE_AFTER,
    session::{EndReason, IDLE_LIFETIME},
};
use veza::port::store::IdempotencyKey;

use crate::world::{START, World, id, new_room, passed_on, seconds};

on_each_store! {
    an_account_is_purged_with_what_is_its_own,
    rooms_and_streams_are_purged_when_their_time_has_come,
    published_events_are_swept_and_pending_ones_are_not,
    sessions_and_keys_are_swept_when_they_ended_long_ago,
    request_ids_are_swept_when_they_expire,
    one_sweep_takes_a_bounded_number_of_rows,
}

async fn purge_deleted(world: &World, now: veza::domain::Timestamp) -> u64 {
    let mut tx = world.begin().await;
    let gone = tx.purge(now, START, START).await.unwrap();
    tx.commit().await.unwrap();
    gone
}

async fn an_account_is_purged_with_what_is_its_own(world: &World) {
    let [mut ann, bob] = [world.user("ann").await, world.user("bob").await];
    let session = world.session(&ann).await;
    let room = world.room(&ann, "games").await;
    ann.meta.delete(START);
    let mut tx = world.begin().await;
    tx.update_user(&ann).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(purge_deleted(world, START + PURGE_AFTER - IDLE_LIFETIME).await, 0);
    assert_eq!(purge_deleted(world, START + PURGE_AFTER).await, 1);
    let mut read = world.read().await;
    assert_eq!(read.find_user(ann.id).await.unwrap(), None);
    assert_eq!(read.find_session(session.id).await.unwrap(), None);
    assert_eq!(read.find_user(bob.id).await.unwrap(), Some(bob));
    // The room is not past its time: it stays, with one member less.
    assert_eq!(read.find_room(room.id).await.unwrap().unwrap().member_count, 0);
}

async fn rooms_and_streams_are_purged_when_their_time_has_come(world: &World) {
    let ann = world.user("ann").await;
    let [mut room, kept_room] = [world.room(&ann, "one").await, world.room(&ann, "two").await];
    let [mut stream, kept_stream] =
        [world.stream(&ann, "one").await, world.stream(&ann, "two").await];
    room.meta.delete(START);
    stream.meta.delete(START);
    let mut tx = world.begin().await;
    tx.update_room(&room).await.unwrap();
    tx.update_stream(&stream).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(purge_deleted(world, START + PURGE_AFTER).await, 2);
    let mut read = world.read().await;
    assert_eq!(read.find_room(room.id).await.unwrap(), None);
    assert!(!read.is_room_member(room.id, ann.id).await.unwrap());
    assert_eq!(read.find_stream(stream.id).await.unwrap(), None);
    assert_eq!(read.find_room(kept_room.id).await.unwrap(), Some(kept_room));
    assert_eq!(read.find_stream(kept_stream.id).await.unwrap(), Some(kept_stream));
}

async fn published_events_are_swept_and_pending_ones_are_not(world: &World) {
    let room = new_room(&world.user("ann").await, "games");
    let recorded = world.record(&[&room, &room, &room]).await;
    let mut tx = world.begin().await;
    tx.mark_published(&passed_on(&recorded[..1]), seconds(1)).await.unwrap();
    tx.mark_published(&passed_on(&recorded[1..2]), seconds(2)).await.unwrap();
    assert_eq!(tx.purge(START, seconds(2), START).await.unwrap(), 1);
    assert_eq!(tx.outbox_status().await.unwrap().pending, 1);
    assert_eq!(tx.purge(START, seconds(3), START).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn sessions_and_keys_are_swept_when_they_ended_long_ago(world: &World) {
    let ann = world.user("ann").await;
    let [ended, live] = [world.session(&ann).await, world.session(&ann).await];
    let key = SigningKey {
        id: id(),
        public_key: vec![],
        sealed_private_key: vec![],
        create_time: START,
        activate_time: START,
        retire_time: seconds(1),
    };
    let mut tx = world.begin().await;
    tx.insert_signing_key(&key).await.unwrap();
    tx.end_session(ended.id, seconds(1), EndReason::Logout).await.unwrap();
    assert_eq!(tx.purge(START, START, seconds(1)).await.unwrap(), 0);
    assert_eq!(tx.purge(START, START, seconds(2)).await.unwrap(), 2);
    assert_eq!(tx.find_session(ended.id).await.unwrap(), None);
    assert!(tx.list_signing_keys(START).await.unwrap().is_empty());
    assert_eq!(tx.find_session(live.id).await.unwrap(), Some(live.clone()));
    // A session that has expired has ended, too.
    let after = live.expire_time + IDLE_LIFETIME;
    assert_eq!(tx.purge(START, START, after).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn request_ids_are_swept_when_they_expire(world: &World) {
    let key = IdempotencyKey { scope: "ann".into(), key: "1".into(), fingerprint: [0; 32] };
    let mut tx = world.begin().await;
    tx.find_result(&key, START).await.unwrap();
    tx.keep_result(&key, "{}", seconds(60)).await.unwrap();
    assert_eq!(tx.purge(seconds(59), START, START).await.unwrap(), 0);
    assert_eq!(tx.purge(seconds(60), START, START).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn one_sweep_takes_a_bounded_number_of_rows(world: &World) {
    let mut tx = world.begin().await;
    for index in 0..1001 {
        let key =
            IdempotencyKey { scope: "ann".into(), key: index.to_string(), fingerprint: [0; 32] };
        tx.find_result(&key, START).await.unwrap();
    }
    assert_eq!(tx.purge(START, START, START).await.unwrap(), 1000);
    assert_eq!(tx.purge(START, START, START).await.unwrap(), 1);
    assert_eq!(tx.purge(START, START, START).await.unwrap(), 0);
    tx.rollback().await.unwrap();
}
