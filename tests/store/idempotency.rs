//! Results of requests.

use veza::port::store::{IdempotencyKey, Remembered};

use crate::world::{START, World, seconds};

on_each_store! {
    a_result_is_found_until_it_expires,
    the_fingerprint_of_the_first_request_is_remembered,
    keys_of_other_scopes_never_meet,
    of_two_requests_with_one_id_the_second_finds_the_result_of_the_first,
    a_request_that_was_rolled_back_leaves_nothing,
    a_request_that_kept_no_result_leaves_nothing,
    a_result_is_not_kept_before_its_id_was_looked_up,
}

fn key(scope: &str, fingerprint: u8) -> IdempotencyKey {
    IdempotencyKey { scope: scope.into(), key: "3f0c".into(), fingerprint: [fingerprint; 32] }
}

fn remembered(fingerprint: u8, result: &str) -> Remembered {
    Remembered { fingerprint: vec![fingerprint; 32], result: result.into() }
}

/// What a request does: the result that it finds, or else its own, which it keeps for a minute.
async fn request(world: &World, key: &IdempotencyKey, result: &str) -> Option<Remembered> {
    let mut tx = world.begin().await;
    let found = tx.find_result(key, START).await.unwrap();
    if found.is_none() {
        tx.keep_result(key, result, seconds(60)).await.unwrap();
    }
    tx.commit().await.unwrap();
    found
}

async fn a_result_is_found_until_it_expires(world: &World) {
    let key = key("ann", 1);
    assert_eq!(request(world, &key, "{}").await, None);
    let mut tx = world.begin().await;
    assert_eq!(tx.find_result(&key, seconds(59)).await.unwrap(), Some(remembered(1, "{}")));
    assert_eq!(tx.find_result(&key, seconds(60)).await.unwrap(), None);
    tx.keep_result(&key, "[]", seconds(120)).await.unwrap();
    assert_eq!(tx.find_result(&key, seconds(119)).await.unwrap(), Some(remembered(1, "[]")));
    tx.commit().await.unwrap();
}

async fn the_fingerprint_of_the_first_request_is_remembered(world: &World) {
    request(world, &key("ann", 1), "first").await;
    assert_eq!(request(world, &key("ann", 2), "second").await, Some(remembered(1, "first")));
    // The first one is forgotten when it expires.
    let mut tx = world.begin().await;
    assert_eq!(tx.find_result(&key("ann", 2), seconds(60)).await.unwrap(), None);
    tx.keep_result(&key("ann", 2), "second", seconds(120)).await.unwrap();
    let found = tx.find_result(&key("ann", 3), seconds(61)).await.unwrap();
    assert_eq!(found, Some(remembered(2, "second")));
    tx.commit().await.unwrap();
}

async fn keys_of_other_scopes_never_meet(world: &World) {
    assert_eq!(request(world, &key("ann", 1), "of ann").await, None);
    assert_eq!(request(world, &key("bob", 1), "of bob").await, None);
    assert_eq!(request(world, &key("ann", 1), "").await, Some(remembered(1, "of ann")));
}

async fn of_two_requests_with_one_id_the_second_finds_the_result_of_the_first(world: &World) {
    let key = key("ann", 1);
    let mut first = world.begin().await;
    assert_eq!(first.find_result(&key, START).await.unwrap(), None);
    let second = request(world, &key, "second");
    let finish_first = async {
        world.until_someone_waits().await;
        first.keep_result(&key, "first", seconds(60)).await.unwrap();
        first.commit().await.unwrap();
    };
    let (found, ()) = tokio::join!(second, finish_first);
    assert_eq!(found, Some(remembered(1, "first")));
}

async fn a_request_that_was_rolled_back_leaves_nothing(world: &World) {
    let key = key("ann", 1);
    let mut first = world.begin().await;
    assert_eq!(first.find_result(&key, START).await.unwrap(), None);
    let second = request(world, &key, "second");
    let give_up_first = async {
        world.until_someone_waits().await;
        first.rollback().await.unwrap();
    };
    let (found, ()) = tokio::join!(second, give_up_first);
    assert_eq!(found, None);
    assert_eq!(request(world, &key, "third").await, Some(remembered(1, "second")));
}

async fn a_request_that_kept_no_result_leaves_nothing(world: &World) {
    let mut tx = world.begin().await;
    assert_eq!(tx.find_result(&key("ann", 1), START).await.unwrap(), None);
    tx.commit().await.unwrap();
    assert_eq!(request(world, &key("ann", 2), "second").await, None);
    assert_eq!(request(world, &key("ann", 3), "third").await, Some(remembered(2, "second")));
}

async fn a_result_is_not_kept_before_its_id_was_looked_up(world: &World) {
    let mut tx = world.begin().await;
    assert!(tx.keep_result(&key("ann", 1), "{}", seconds(60)).await.is_err());
    tx.rollback().await.unwrap();
}
