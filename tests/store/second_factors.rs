//! Second factors and recovery codes.

use futures::future::join_all;
use veza::domain::{id::Id, second_factor::SecondFactor, user::User};

use crate::world::{START, World, seconds};

on_each_store! {
    a_second_factor_comes_back_as_it_was_kept,
    authn_08_one_that_is_confirmed_is_not_replaced,
    authn_06_a_step_is_taken_once_and_none_before_it,
    authn_06_of_several_that_take_a_step_one_gets_it,
    authn_08_only_the_seed_that_was_shown_is_confirmed,
    authn_09_of_several_that_take_a_recovery_code_one_gets_it,
    authn_09_new_recovery_codes_take_the_place_of_the_old_ones,
    what_is_short_is_marked_only_beside_a_second_factor,
}

fn factor(user_id: Id<User>) -> SecondFactor {
    SecondFactor {
        user_id,
        sealed_seed: vec![0, 255, 1],
        last_step: 0,
        create_time: START,
        confirm_time: None,
        has_short_password: false,
    }
}

/// Somebody whose second factor was confirmed with this step.
async fn confirmed(world: &World, step: i64) -> SecondFactor {
    let factor = factor(world.user("ada").await.id);
    let mut tx = world.begin().await;
    assert!(tx.insert_second_factor(&factor).await.unwrap());
    assert!(tx.confirm_second_factor(&factor, step, seconds(5)).await.unwrap());
    tx.commit().await.unwrap();
    factor
}

async fn a_second_factor_comes_back_as_it_was_kept(world: &World) {
    let kept = factor(world.user("ada").await.id);
    let mut tx = world.begin().await;
    tx.insert_second_factor(&factor(kept.user_id)).await.unwrap();
    let newer = SecondFactor { sealed_seed: vec![7; 40], create_time: seconds(1), ..kept };
    assert!(tx.insert_second_factor(&newer).await.unwrap());
    let found = tx.find_second_factor(newer.user_id).await.unwrap();
    assert_eq!(found, Some(newer.clone()));
    assert!(tx.confirm_second_factor(&newer, 9, seconds(5)).await.unwrap());
    let found = tx.find_second_factor(newer.user_id).await.unwrap();
    let confirm_time = Some(seconds(5));
    assert_eq!(found, Some(SecondFactor { last_step: 9, confirm_time, ..newer.clone() }));
    tx.replace_recovery_codes(newer.user_id, &[[1; 32]]).await.unwrap();
    tx.delete_second_factor(newer.user_id).await.unwrap();
    assert_eq!(tx.find_second_factor(newer.user_id).await.unwrap(), None);
    assert_eq!(tx.count_recovery_codes(newer.user_id).await.unwrap(), 0);
    tx.commit().await.unwrap();
}

async fn authn_08_one_that_is_confirmed_is_not_replaced(world: &World) {
    let kept = confirmed(world, 9).await;
    let mut tx = world.begin().await;
    let other = SecondFactor { sealed_seed: vec![7; 40], ..kept.clone() };
    assert!(!tx.insert_second_factor(&other).await.unwrap());
    let found = tx.find_second_factor(kept.user_id).await.unwrap().unwrap();
    assert_eq!(found.sealed_seed, kept.sealed_seed);
    assert!(!tx.confirm_second_factor(&kept, 10, START).await.unwrap());
    tx.rollback().await.unwrap();
}

async fn authn_06_a_step_is_taken_once_and_none_before_it(world: &World) {
    let kept = confirmed(world, 9).await;
    let mut tx = world.begin().await;
    let mut taken = Vec::new();
    for step in [9, 8, 10, 10, 9, 12, 11] {
        taken.push(tx.advance_second_factor(kept.user_id, step).await.unwrap());
    }
    assert_eq!(taken, [false, false, true, false, false, true, false]);
    tx.commit().await.unwrap();
    let other = factor(world.user("bob").await.id);
    let mut tx = world.begin().await;
    tx.insert_second_factor(&other).await.unwrap();
    assert!(!tx.advance_second_factor(other.user_id, 1).await.unwrap(), "it is not confirmed");
    tx.rollback().await.unwrap();
}

async fn authn_06_of_several_that_take_a_step_one_gets_it(world: &World) {
    let kept = confirmed(world, 9).await;
    let takers = (0..8).map(|_| async {
        let mut tx = world.begin().await;
        let taken = tx.advance_second_factor(kept.user_id, 10).await.unwrap();
        tx.commit().await.unwrap();
        taken
    });
    assert_eq!(join_all(takers).await.into_iter().filter(|taken| *taken).count(), 1);
}

async fn authn_08_only_the_seed_that_was_shown_is_confirmed(world: &World) {
    let shown = factor(world.user("ada").await.id);
    let mut tx = world.begin().await;
    tx.insert_second_factor(&SecondFactor { sealed_seed: vec![7; 40], ..shown.clone() })
        .await
        .unwrap();
    assert!(!tx.confirm_second_factor(&shown, 9, START).await.unwrap());
    tx.rollback().await.unwrap();
}

async fn authn_09_of_several_that_take_a_recovery_code_one_gets_it(world: &World) {
    let kept = confirmed(world, 9).await;
    let mut tx = world.begin().await;
    tx.replace_recovery_codes(kept.user_id, &[[1; 32], [2; 32]]).await.unwrap();
    tx.commit().await.unwrap();
    let takers = (0..8).map(|_| async {
        let mut tx = world.begin().await;
        let taken = tx.take_recovery_code(kept.user_id, &[1; 32]).await.unwrap();
        tx.commit().await.unwrap();
        taken
    });
    assert_eq!(join_all(takers).await.into_iter().filter(|taken| *taken).count(), 1);
    assert_eq!(world.read().await.count_recovery_codes(kept.user_id).await.unwrap(), 1);
}

async fn authn_09_new_recovery_codes_take_the_place_of_the_old_ones(world: &World) {
    let (kept, bob) = (confirmed(world, 9).await, world.user("bob").await.id);
    let mut tx = world.begin().await;
    for codes in [[[1; 32], [2; 32]], [[2; 32], [3; 32]]] {
        tx.replace_recovery_codes(kept.user_id, &codes).await.unwrap();
    }
    let mut left = Vec::new();
    for code in 1..=3 {
        left.push(tx.has_recovery_code(kept.user_id, &[code; 32]).await.unwrap());
    }
    assert_eq!(left, [false, true, true]);
    assert!(!tx.has_recovery_code(bob, &[3; 32]).await.unwrap());
    assert!(!tx.take_recovery_code(bob, &[3; 32]).await.unwrap());
    tx.rollback().await.unwrap();
}

async fn what_is_short_is_marked_only_beside_a_second_factor(world: &World) {
    let kept = confirmed(world, 9).await;
    let bob = world.user("bob").await.id;
    let mut tx = world.begin().await;
    tx.insert_second_factor(&factor(bob)).await.unwrap();
    assert!(tx.mark_short_password(kept.user_id, true).await.unwrap());
    assert!(!tx.mark_short_password(bob, true).await.unwrap());
    let marked = tx.find_second_factor(kept.user_id).await.unwrap().unwrap();
    assert!(marked.has_short_password);
    tx.rollback().await.unwrap();
}
