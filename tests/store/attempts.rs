//! Tries to guess a secret.

use std::{collections::HashMap, time::Duration};

use veza::{
    domain::attempt::Tally,
    port::store::{TallyKey, Tx},
};

use crate::world::{START, World, seconds};

on_each_store! {
    tallies_are_found_as_they_were_kept,
    a_tally_is_forgotten_when_it_expires,
    authn_04_whoever_wants_a_tally_waits_for_whoever_has_it,
    two_that_want_the_same_tallies_in_different_orders_come_by_both,
    expired_tallies_are_swept_and_others_are_not,
}

const ONE: TallyKey = [1; 32];
const TWO: TallyKey = [2; 32];

fn tally(failures: i64) -> Tally {
    Tally {
        failures,
        try_time: seconds(1),
        known_until: seconds(2),
        expire_time: Some(seconds(60)),
    }
}

async fn keep(world: &World, tallies: &[(TallyKey, Tally)]) {
    let mut tx = world.begin().await;
    tx.keep_tallies(tallies).await.unwrap();
    tx.commit().await.unwrap();
}

/// Counts a failure, as a try does.
async fn count(mut tx: Box<dyn Tx>, keys: &[TallyKey]) {
    let found = tx.lock_tallies(keys, START).await.unwrap();
    let failures = |key| found.get(key).map_or(0, |tally: &Tally| tally.failures);
    let counted: Vec<_> = keys.iter().map(|key| (*key, tally(failures(key) + 1))).collect();
    tx.keep_tallies(&counted).await.unwrap();
    tx.commit().await.unwrap();
}

async fn tallies_are_found_as_they_were_kept(world: &World) {
    let for_ever = Tally { expire_time: None, ..tally(80) };
    keep(world, &[]).await;
    keep(world, &[(ONE, tally(3)), (TWO, for_ever)]).await;
    let (keys, kept) = ([TWO, [3; 32], ONE], HashMap::from([(ONE, tally(3)), (TWO, for_ever)]));
    assert_eq!(world.read().await.find_tallies(&keys, seconds(59)).await.unwrap(), kept);
    let mut tx = world.begin().await;
    assert_eq!(tx.lock_tallies(&keys, seconds(59)).await.unwrap(), kept);
    tx.keep_tallies(&[(ONE, tally(4))]).await.unwrap();
    assert_eq!(tx.lock_tallies(&[ONE], START).await.unwrap()[&ONE], tally(4));
    tx.rollback().await.unwrap();
}

async fn a_tally_is_forgotten_when_it_expires(world: &World) {
    keep(world, &[(ONE, tally(3))]).await;
    assert!(world.read().await.find_tallies(&[ONE], seconds(60)).await.unwrap().is_empty());
    let mut tx = world.begin().await;
    assert!(tx.lock_tallies(&[ONE], seconds(60)).await.unwrap().is_empty());
    tx.rollback().await.unwrap();
}

async fn authn_04_whoever_wants_a_tally_waits_for_whoever_has_it(world: &World) {
    // The first time there is no row yet to wait for.
    for failures in [2, 4] {
        let mut first = world.begin().await;
        first.lock_tallies(&[ONE], START).await.unwrap();
        let second = async { count(world.begin().await, &[ONE]).await };
        let finish_first = async {
            world.until_someone_waits().await;
            count(first, &[ONE]).await;
        };
        tokio::join!(second, finish_first);
        let mut tx = world.begin().await;
        assert_eq!(tx.lock_tallies(&[ONE], START).await.unwrap()[&ONE].failures, failures);
        tx.rollback().await.unwrap();
    }
}

async fn two_that_want_the_same_tallies_in_different_orders_come_by_both(world: &World) {
    let tries = (0..20_u8).map(|number| async move {
        let keys = if number % 2 == 0 { [ONE, TWO] } else { [TWO, ONE] };
        count(world.begin().await, &keys).await;
    });
    futures::future::join_all(tries).await;
    let mut tx = world.begin().await;
    let found = tx.lock_tallies(&[ONE, TWO], START).await.unwrap();
    assert_eq!(found, HashMap::from([(ONE, tally(20)), (TWO, tally(20))]));
    tx.rollback().await.unwrap();
}

async fn expired_tallies_are_swept_and_others_are_not(world: &World) {
    let for_ever = Tally { expire_time: None, ..tally(80) };
    keep(world, &[(ONE, tally(3)), (TWO, for_ever)]).await;
    let mut tx = world.begin().await;
    assert_eq!(tx.purge(seconds(59), START, START).await.unwrap(), 0);
    assert_eq!(tx.purge(seconds(60), START, START).await.unwrap(), 1);
    let in_a_century = START + Duration::from_hours(100 * 366 * 24);
    assert_eq!(tx.purge(in_a_century, START, START).await.unwrap(), 0);
    tx.commit().await.unwrap();
}
