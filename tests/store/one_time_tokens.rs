//! Tokens that are good once.

use futures::future::join_all;
use veza::{domain::one_time_token::Kind, port::store::KeptToken};

use crate::world::{START, World, seconds};

on_each_store! {
    a_token_is_found_as_it_was_kept_until_it_expires,
    authn_12_of_several_that_take_a_token_one_gets_it,
    authn_12_an_expired_token_cannot_be_taken,
    the_tokens_of_a_user_are_deleted_by_kind,
    expired_tokens_are_swept_and_others_are_not,
}

const DIGEST: [u8; 32] = [1; 32];

fn token() -> KeptToken {
    KeptToken {
        digest: DIGEST,
        kind: Kind::OAuthState,
        user_id: None,
        sealed_data: vec![1, 2, 3],
        create_time: START,
        expire_time: seconds(60),
    }
}

async fn keep(world: &World, token: &KeptToken) {
    let mut tx = world.begin().await;
    tx.insert_one_time_token(token).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_token_is_found_as_it_was_kept_until_it_expires(world: &World) {
    let user_id = Some(world.user("ada").await.id);
    for (number, kind) in (2..).zip(Kind::ALL) {
        let token = KeptToken { digest: [number; 32], kind, user_id, ..token() };
        keep(world, &token).await;
        let mut store = world.read().await;
        let found = store.find_one_time_token(&token.digest, seconds(59)).await.unwrap();
        assert_eq!(found, Some(token.clone()));
        let found = store.find_one_time_token(&token.digest, seconds(60)).await.unwrap();
        assert_eq!(found, None);
    }
}

async fn authn_12_of_several_that_take_a_token_one_gets_it(world: &World) {
    keep(world, &token()).await;
    let takers = (0..8).map(|_| async {
        let mut tx = world.begin().await;
        let taken = tx.take_one_time_token(&DIGEST, START).await.unwrap();
        tx.commit().await.unwrap();
        taken
    });
    let taken: Vec<_> = join_all(takers).await.into_iter().flatten().collect();
    assert_eq!(taken, [token()]);
}

async fn authn_12_an_expired_token_cannot_be_taken(world: &World) {
    keep(world, &token()).await;
    let mut tx = world.begin().await;
    assert_eq!(tx.take_one_time_token(&DIGEST, seconds(60)).await.unwrap(), None);
    assert_eq!(tx.take_one_time_token(&DIGEST, seconds(59)).await.unwrap(), Some(token()));
    tx.rollback().await.unwrap();
}

async fn the_tokens_of_a_user_are_deleted_by_kind(world: &World) {
    let (ada, bob) = (world.user("ada").await.id, world.user("bob").await.id);
    let tokens =
        [(ada, Kind::PasswordReset), (ada, Kind::SecondFactor), (bob, Kind::PasswordReset)];
    for (number, (user, kind)) in (1..).zip(tokens) {
        let token = KeptToken { digest: [number; 32], kind, user_id: Some(user), ..token() };
        keep(world, &token).await;
    }
    let mut tx = world.begin().await;
    tx.delete_one_time_tokens(ada, Kind::PasswordReset).await.unwrap();
    let mut left = Vec::new();
    for number in 1..=3 {
        left.push(tx.find_one_time_token(&[number; 32], START).await.unwrap().is_some());
    }
    tx.commit().await.unwrap();
    assert_eq!(left, [false, true, true]);
}

async fn expired_tokens_are_swept_and_others_are_not(world: &World) {
    keep(world, &token()).await;
    let mut tx = world.begin().await;
    assert_eq!(tx.purge(seconds(59), START, START).await.unwrap(), 0);
    assert_eq!(tx.purge(seconds(60), START, START).await.unwrap(), 1);
    tx.commit().await.unwrap();
}
