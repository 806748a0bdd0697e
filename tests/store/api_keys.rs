//! API keys, and what their owners may do.

use std::time::Duration;

use veza::domain::{
    api_key::ApiKey,
    network::Network,
    permission::{Permission, Permissions},
    user::{State, User},
};

use crate::world::{START, World, everything, id, new_user, seconds, text};

on_each_store! {
    a_key_comes_back_as_it_was_stored,
    a_key_without_networks_and_times_comes_back_so,
    a_permission_of_a_key_that_is_not_known_gives_nothing,
    a_network_of_a_key_that_cannot_be_read_makes_it_no_good,
    a_deleted_key_is_neither_found_nor_listed_nor_counted,
    a_key_is_deleted_once,
    keys_are_counted_until_they_expire_and_listed_after_that,
    a_key_was_used_when_it_was_used_last,
    keys_are_swept_when_they_ended_long_ago_and_with_their_owner,
    only_an_active_account_has_permissions,
}

pub fn new_key(owner: &User) -> ApiKey {
    ApiKey {
        id: id(),
        user_id: owner.id,
        display_name: text("nightly backup"),
        permissions: [Permission::RoomsRead, Permission::StreamsCreate].into_iter().collect(),
        allowed_networks: ["10.0.0.0/8", "2001:db8::/32"].map(|n| Network::read(n).unwrap()).into(),
        expire_time: Some(seconds(3600)),
        create_time: START,
        last_used_time: Some(seconds(7)),
    }
}

async fn stored(world: &World, key: ApiKey) -> ApiKey {
    let mut tx = world.begin().await;
    tx.insert_api_key(&key).await.unwrap();
    tx.commit().await.unwrap();
    key
}

async fn a_key_comes_back_as_it_was_stored(world: &World) {
    let key = stored(world, new_key(&world.user("ann").await)).await;
    let mut read = world.read().await;
    assert_eq!(read.find_api_key(key.id).await.unwrap(), Some(key));
    assert_eq!(read.find_api_key(id()).await.unwrap(), None);
}

async fn a_key_without_networks_and_times_comes_back_so(world: &World) {
    let bare = ApiKey {
        permissions: Permissions::default(),
        allowed_networks: Vec::new(),
        expire_time: None,
        last_used_time: None,
        ..new_key(&world.user("ann").await)
    };
    let key = stored(world, bare).await;
    assert_eq!(world.read().await.find_api_key(key.id).await.unwrap(), Some(key));
}

async fn a_permission_of_a_key_that_is_not_known_gives_nothing(world: &World) {
    let key = stored(world, new_key(&world.user("ann").await)).await;
    world.sql("UPDATE api_keys SET permissions = 'rooms.fly rooms.read'").await;
    let found = world.read().await.find_api_key(key.id).await.unwrap().unwrap();
    assert_eq!(found.permissions, [Permission::RoomsRead].into_iter().collect());
}

async fn a_network_of_a_key_that_cannot_be_read_makes_it_no_good(world: &World) {
    let key = stored(world, new_key(&world.user("ann").await)).await;
    world.sql("UPDATE api_keys SET allowed_networks = '10.0.0.0/8 somewhere'").await;
    assert!(world.read().await.find_api_key(key.id).await.is_err());
}

async fn a_deleted_key_is_neither_found_nor_listed_nor_counted(world: &World) {
    let ann = world.user("ann").await;
    let [kept, deleted] = [stored(world, new_key(&ann)).await, stored(world, new_key(&ann)).await];
    stored(world, new_key(&world.user("bob").await)).await;
    let mut tx = world.begin().await;
    assert!(tx.delete_api_key(deleted.id, START).await.unwrap());
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert_eq!(read.find_api_key(deleted.id).await.unwrap(), None);
    let listed = read.list_api_keys(ann.id, &everything()).await.unwrap();
    assert_eq!(listed.items, [kept]);
    assert_eq!(read.count_api_keys(ann.id, START).await.unwrap(), 1);
}

async fn a_key_is_deleted_once(world: &World) {
    let key = stored(world, new_key(&world.user("ann").await)).await;
    let mut tx = world.begin().await;
    assert!(tx.delete_api_key(key.id, seconds(1)).await.unwrap());
    assert!(!tx.delete_api_key(key.id, seconds(2)).await.unwrap());
    assert!(!tx.delete_api_key(id(), seconds(2)).await.unwrap());
    tx.commit().await.unwrap();
}

async fn keys_are_counted_until_they_expire_and_listed_after_that(world: &World) {
    let ann = world.user("ann").await;
    let short = stored(world, new_key(&ann)).await;
    let endless = stored(world, ApiKey { expire_time: None, ..new_key(&ann) }).await;
    let mut read = world.read().await;
    assert_eq!(read.count_api_keys(ann.id, seconds(3599)).await.unwrap(), 2);
    assert_eq!(read.count_api_keys(ann.id, seconds(3600)).await.unwrap(), 1);
    let listed = read.list_api_keys(ann.id, &everything()).await.unwrap();
    assert_eq!(listed.items, [short, endless]);
}

async fn a_key_was_used_when_it_was_used_last(world: &World) {
    let key = stored(world, new_key(&world.user("ann").await)).await;
    let mut tx = world.begin().await;
    tx.mark_api_keys_used(&[(key.id, seconds(9)), (id(), seconds(9))]).await.unwrap();
    tx.mark_api_keys_used(&[(key.id, seconds(8))]).await.unwrap();
    tx.commit().await.unwrap();
    let found = world.read().await.find_api_key(key.id).await.unwrap().unwrap();
    assert_eq!(found.last_used_time, Some(seconds(9)));
}

async fn keys_are_swept_when_they_ended_long_ago_and_with_their_owner(world: &World) {
    let mut ann = world.user("ann").await;
    let [endless, deleted] = [(); 2].map(|()| ApiKey { expire_time: None, ..new_key(&ann) });
    let (endless, deleted) = (stored(world, endless).await, stored(world, deleted).await);
    stored(world, new_key(&ann)).await;
    let mut tx = world.begin().await;
    tx.delete_api_key(deleted.id, START).await.unwrap();
    assert_eq!(tx.purge(START, START, START).await.unwrap(), 0);
    assert_eq!(tx.purge(START, START, seconds(1)).await.unwrap(), 1);
    assert_eq!(tx.purge(START, START, seconds(3601)).await.unwrap(), 1);
    ann.meta.delete(START);
    tx.update_user(&ann).await.unwrap();
    tx.purge(START + Duration::from_hours(720), START, START).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_api_key(endless.id).await.unwrap(), None);
}

async fn only_an_active_account_has_permissions(world: &World) {
    let ann = world.user("ann").await;
    let mut read = world.read().await;
    let held = read.find_permissions(ann.id, START).await.unwrap().unwrap();
    assert!(held.has(Permission::RoomsRead) && !held.has(Permission::UsersDelete));
    assert_eq!(read.find_permissions(id(), START).await.unwrap(), None);
    let idle = User { roles: Vec::new(), ..new_user("idle") };
    let mut tx = world.begin().await;
    tx.insert_user(&idle, "hash").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(read.find_permissions(idle.id, START).await.unwrap(), Some(Permissions::default()));
    for state in [State::Pending, State::Suspended, State::Deleted] {
        let user = User { state, ..new_user(state.name()) };
        let mut tx = world.begin().await;
        tx.insert_user(&user, "hash").await.unwrap();
        tx.commit().await.unwrap();
        let mut read = world.read().await;
        assert_eq!(read.find_permissions(user.id, START).await.unwrap(), None, "{state:?}");
    }
}
