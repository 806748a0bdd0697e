//! Transactions, connections, and what happens when there is none.

use std::time::Duration;

use veza::{adapter::sql::Options, domain::Error};

use crate::world::{World, new_user, open, options};

on_each_store! {
    what_is_committed_is_there_and_what_is_not_is_not,
    a_transaction_sees_its_own_changes_and_others_do_not,
    a_read_sees_what_was_committed_after_it_began,
    a_transaction_that_is_dropped_keeps_nothing_and_blocks_nobody,
    the_database_answers_until_it_is_closed,
    a_call_that_gets_no_connection_in_time_is_told_so,
}

async fn what_is_committed_is_there_and_what_is_not_is_not(world: &World) {
    let [kept, dropped] = [new_user("kept"), new_user("dropped")];
    let mut tx = world.begin().await;
    tx.insert_user(&kept, "hash").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.begin().await;
    tx.insert_user(&dropped, "hash").await.unwrap();
    tx.rollback().await.unwrap();
    let mut read = world.read().await;
    assert_eq!(read.find_user(kept.id).await.unwrap(), Some(kept));
    assert_eq!(read.find_user(dropped.id).await.unwrap(), None);
}

async fn a_transaction_sees_its_own_changes_and_others_do_not(world: &World) {
    let user = new_user("ann");
    let mut tx = world.begin().await;
    tx.insert_user(&user, "hash").await.unwrap();
    assert_eq!(tx.find_user(user.id).await.unwrap(), Some(user.clone()));
    assert_eq!(world.read().await.find_user(user.id).await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn a_read_sees_what_was_committed_after_it_began(world: &World) {
    let mut read = world.read().await;
    assert_eq!(read.find_user(new_user("nobody").id).await.unwrap(), None);
    let user = world.user("ann").await;
    assert_eq!(read.find_user(user.id).await.unwrap(), Some(user));
}

async fn a_transaction_that_is_dropped_keeps_nothing_and_blocks_nobody(world: &World) {
    let user = new_user("ann");
    let mut tx = world.begin().await;
    tx.insert_user(&user, "hash").await.unwrap();
    drop(tx);
    world.insert_user(&user).await.unwrap();
}

async fn the_database_answers_until_it_is_closed(world: &World) {
    world.store.ping().await.unwrap();
    world.store.close().await;
    assert!(matches!(world.store.ping().await, Err(Error::Unavailable(_))));
    assert!(matches!(world.store.begin().await.err(), Some(Error::Unavailable(_))));
}

async fn a_call_that_gets_no_connection_in_time_is_told_so(world: &World) {
    let acquire_timeout = Duration::from_millis(50);
    let options = Options { connections_max: 1, acquire_timeout, ..world.options.clone() };
    let store = open(&options).await.unwrap();
    let (read, tx) = if world.is_sqlite() {
        (Some(store.read().await.unwrap()), store.begin().await.unwrap())
    } else {
        (None, store.begin().await.unwrap())
    };
    assert!(matches!(store.read().await.err(), Some(Error::Unavailable(_))));
    assert!(matches!(store.begin().await.err(), Some(Error::Unavailable(_))));
    drop((read, tx));
    store.begin().await.unwrap();
}

#[tokio::test]
async fn a_connection_is_used_again_whose_statement_failed_after_it_was_given_up() {
    let world = World::on_postgres().await;
    let impatient = Options {
        connections_max: 1,
        statement_timeout: Duration::from_millis(500),
        ..world.options.clone()
    };
    let store = open(&impatient).await.unwrap();
    let user = new_user("ann");
    let mut first = world.begin().await;
    first.insert_user(&user, "hash").await.unwrap();
    let mut second = store.begin().await.unwrap();
    tokio::select! {
        _ = second.insert_user(&user, "hash") => panic!("it waits for the first"),
        () = world.until_someone_waits() => drop(second),
    }
    // The server gives it up, too, and has nobody to tell.
    world.until_nobody_waits().await;
    let mut third = store.begin().await.unwrap();
    third.insert_user(&new_user("bob"), "hash").await.unwrap();
    third.commit().await.unwrap();
}

#[tokio::test]
async fn an_sqlite_database_that_another_process_has_locked_is_unavailable() {
    let world = World::on_sqlite().await;
    let holder = open(&world.options).await.unwrap();
    let tx = holder.begin().await.unwrap();
    assert!(matches!(world.store.begin().await.err(), Some(Error::Unavailable(_))));
    tx.rollback().await.unwrap();
    world.begin().await.rollback().await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = options(format!("postgres://veza:secret@{free}/veza"));
    options.acquire_timeout = Duration::from_millis(50);
    assert!(matches!(open(&options).await.err(), Some(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_url_of_another_kind_is_refused_without_being_repeated() {
    for url in ["mysql://veza:secret@db/veza", "secret", "postgres:secret", "sqlite::memory:secret"]
    {
        let refused = open(&options(url.into())).await.err().unwrap();
        let Error::Internal(why) = &refused else { panic!("{refused:?}") };
        assert!(why.to_string().contains("database"), "{why}");
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
    }
}
