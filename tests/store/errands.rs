//! Errands.

use futures::future::join_all;
use uuid::Uuid;
use veza::{domain::id::Id, port::store::KeptErrand};

use crate::world::{START, World, seconds};

on_each_store! {
    errands_are_found_as_they_were_kept_those_first_that_have_waited_longest,
    of_several_that_take_an_errand_one_gets_it,
    an_errand_whose_doer_fails_is_there_for_another,
    errands_expire,
}

fn errand(number: u128) -> KeptErrand {
    KeptErrand {
        id: Id::from(Uuid::from_u128(number)),
        sealed_slip: vec![1, 2, 3],
        record_time: START,
        expire_time: seconds(60),
    }
}

async fn keep(world: &World, errand: &KeptErrand) {
    let mut tx = world.begin().await;
    tx.insert_errand(errand).await.unwrap();
    tx.commit().await.unwrap();
}

async fn errands_are_found_as_they_were_kept_those_first_that_have_waited_longest(world: &World) {
    for number in [2, 1, 3] {
        keep(world, &errand(number)).await;
    }
    let found = world.read().await.list_errands(START, 2).await.unwrap();
    assert_eq!(found, [errand(1), errand(2)]);
}

async fn of_several_that_take_an_errand_one_gets_it(world: &World) {
    keep(world, &errand(1)).await;
    let takers = (0..8).map(|_| async {
        let mut tx = world.begin().await;
        let taken = tx.take_errand(errand(1).id).await.unwrap();
        tx.commit().await.unwrap();
        usize::from(taken)
    });
    assert_eq!(join_all(takers).await.into_iter().sum::<usize>(), 1);
}

async fn an_errand_whose_doer_fails_is_there_for_another(world: &World) {
    keep(world, &errand(1)).await;
    let mut tx = world.begin().await;
    assert!(tx.take_errand(errand(1).id).await.unwrap());
    tx.rollback().await.unwrap();
    let found = world.read().await.list_errands(START, 2).await.unwrap();
    assert_eq!(found, [errand(1)]);
}

async fn errands_expire(world: &World) {
    keep(world, &errand(1)).await;
    let found = world.read().await.list_errands(seconds(59), 2).await.unwrap();
    assert_eq!(found.len(), 1);
    let found = world.read().await.list_errands(seconds(60), 2).await.unwrap();
    assert_eq!(found, []);
    let mut tx = world.begin().await;
    assert_eq!(tx.purge(seconds(59), START, START).await.unwrap(), 0);
    assert_eq!(tx.purge(seconds(60), START, START).await.unwrap(), 1);
    tx.commit().await.unwrap();
}
