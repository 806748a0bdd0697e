//! Changes that share a commit, because they waited for the one connection that writes to an SQLite file.

use std::sync::Arc;

use futures::poll;
use tokio::{pin, task::JoinHandle};
use tokio_util::task::TaskTracker;
use veza::{
    domain::{Error, Result, user::User},
    port::store::Tx,
};

use crate::world::{World, new_user, open};

on_each_store! { of_changes_at_the_same_time_none_is_lost }

async fn of_changes_at_the_same_time_none_is_lost(world: &World) {
    let users: Vec<_> = (0..40).map(|number| new_user(&format!("user{number}"))).collect();
    let inserts = users.iter().map(|user| world.insert_user(user));
    for inserted in futures::future::join_all(inserts).await {
        inserted.unwrap();
    }
    let mut read = world.read().await;
    for user in users {
        assert_eq!(read.find_user(user.id).await.unwrap(), Some(user));
    }
}

/// A change that is done and waits for the one that began behind it.
struct Group {
    world: World,
    ann: User,
    /// The commit of the change that made Ann.
    commit: JoinHandle<Result<()>>,
    /// The change that began behind.
    second: Box<dyn Tx>,
}

impl Group {
    async fn of_two() -> Self {
        let world = World::on_sqlite().await;
        let ann = new_user("ann");
        let mut first = world.begin().await;
        first.insert_user(&ann, "hash").await.unwrap();
        let store = Arc::clone(&world.store);
        let second = async move { store.begin().await.unwrap() };
        pin!(second);
        assert!(poll!(&mut second).is_pending());
        let commit = TaskTracker::new().spawn(first.commit());
        let second = second.await;
        Self { world, ann, commit, second }
    }

    async fn finds(world: &World, user: &User) -> bool {
        world.read().await.find_user(user.id).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn nobody_is_answered_before_what_they_did_is_committed() {
    let Group { world, ann, commit, mut second } = Group::of_two().await;
    let bob = new_user("bob");
    second.insert_user(&bob, "hash").await.unwrap();
    assert_eq!(second.find_user(ann.id).await.unwrap(), Some(ann.clone()));
    assert!(!commit.is_finished() && !Group::finds(&world, &ann).await);
    second.commit().await.unwrap();
    commit.await.unwrap().unwrap();
    assert!(Group::finds(&world, &ann).await && Group::finds(&world, &bob).await);
}

#[tokio::test]
async fn what_is_rolled_back_takes_nothing_of_others_with_it() {
    let Group { world, ann, commit, mut second } = Group::of_two().await;
    let bob = new_user("bob");
    second.insert_user(&bob, "hash").await.unwrap();
    second.rollback().await.unwrap();
    commit.await.unwrap().unwrap();
    assert!(Group::finds(&world, &ann).await && !Group::finds(&world, &bob).await);
}

#[tokio::test]
async fn what_is_given_up_takes_nothing_of_others_with_it() {
    let Group { world, ann, commit, mut second } = Group::of_two().await;
    let bob = new_user("bob");
    second.insert_user(&bob, "hash").await.unwrap();
    drop(second);
    commit.await.unwrap().unwrap();
    assert!(Group::finds(&world, &ann).await);
    world.insert_user(&bob).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_done_beside_others_changes_is_refused_alone() {
    let Group { world, ann, commit, mut second } = Group::of_two().await;
    let namesake = User { id: new_user("x").id, ..ann.clone() };
    let taken = second.insert_user(&namesake, "hash").await;
    assert!(matches!(taken, Err(Error::Taken { .. })), "{taken:?}");
    let bob = new_user("bob");
    second.insert_user(&bob, "hash").await.unwrap();
    second.commit().await.unwrap();
    commit.await.unwrap().unwrap();
    assert!(Group::finds(&world, &bob).await && !Group::finds(&world, &namesake).await);
}

#[tokio::test]
async fn whose_transaction_is_lost_is_told_so() {
    let Group { world, ann, commit, second } = Group::of_two().await;
    let store = Arc::clone(&world.store);
    let close = TaskTracker::new().spawn(async move { store.close().await });
    let lost = commit.await.unwrap();
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    drop(second);
    close.await.unwrap();
    let again = open(&world.options).await.unwrap();
    assert_eq!(again.read().await.unwrap().find_user(ann.id).await.unwrap(), None);
}

#[tokio::test]
async fn whoever_stops_to_wait_leaves_nobody_behind() {
    let world = World::on_sqlite().await;
    let ann = new_user("ann");
    let mut first = world.begin().await;
    first.insert_user(&ann, "hash").await.unwrap();
    {
        let (second, commit) = (world.store.begin(), first.commit());
        pin!(second, commit);
        assert!(poll!(&mut second).is_pending());
        assert!(poll!(&mut commit).is_pending());
    }
    world.insert_user(&new_user("bob")).await.unwrap();
}
