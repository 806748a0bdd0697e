//! Signing keys.

use veza::domain::key::SigningKey;

use crate::world::{START, World, id, seconds};

on_each_store! {
    keys_come_back_oldest_first_until_they_are_retired,
    a_key_is_retired_when_it_is_said_to_be,
    whoever_locks_the_keys_sees_those_that_were_added_before,
}

fn key(seconds_later: u64) -> SigningKey {
    SigningKey {
        id: id(),
        public_key: vec![1; 32],
        sealed_private_key: vec![0, 255, 2],
        create_time: seconds(seconds_later),
        activate_time: seconds(seconds_later + 60),
        retire_time: seconds(seconds_later + 600),
    }
}

async fn keys_come_back_oldest_first_until_they_are_retired(world: &World) {
    let [newer, older] = [key(10), key(0)];
    let mut tx = world.begin().await;
    tx.insert_signing_key(&newer).await.unwrap();
    tx.insert_signing_key(&older).await.unwrap();
    tx.commit().await.unwrap();

    let mut read = world.read().await;
    let keys = read.list_signing_keys(START).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [older.id, newer.id]);
    assert_eq!(keys[1].public_key, newer.public_key);
    assert_eq!(keys[1].sealed_private_key, newer.sealed_private_key);
    assert_eq!(keys[1].create_time, newer.create_time);
    assert_eq!(keys[1].activate_time, newer.activate_time);
    assert_eq!(keys[1].retire_time, newer.retire_time);

    let keys = read.list_signing_keys(older.retire_time).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [newer.id]);
}

async fn a_key_is_retired_when_it_is_said_to_be(world: &World) {
    let key = key(0);
    let mut tx = world.begin().await;
    tx.insert_signing_key(&key).await.unwrap();
    tx.retire_signing_key(key.id, seconds(5)).await.unwrap();
    assert_eq!(tx.list_signing_keys(seconds(4)).await.unwrap()[0].retire_time, seconds(5));
    assert!(tx.list_signing_keys(seconds(5)).await.unwrap().is_empty());
    tx.rollback().await.unwrap();
}

async fn whoever_locks_the_keys_sees_those_that_were_added_before(world: &World) {
    let add_the_first = async || {
        let mut tx = world.begin().await;
        tx.lock_signing_keys().await.unwrap();
        if tx.list_signing_keys(START).await.unwrap().is_empty() {
            tx.insert_signing_key(&key(0)).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    tokio::join!(add_the_first(), add_the_first(), add_the_first());
    assert_eq!(world.read().await.list_signing_keys(START).await.unwrap().len(), 1);
}
