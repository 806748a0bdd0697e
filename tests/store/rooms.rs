//! Rooms.

use veza::domain::{
    Error,
    page::{OrderKey, RoomFilter},
    room::{Kind, Room},
};

use crate::world::{World, everything, id, new_room, seconds, text, walk};

on_each_store! {
    a_room_comes_back_as_it_was_stored,
    the_owner_of_a_new_room_is_its_only_member,
    an_update_writes_every_field_but_the_owner,
    an_update_of_another_version_is_stale,
    a_locked_room_waits_for_the_transaction_before,
    a_list_has_every_room_once_in_every_order,
    rooms_of_one_name_are_listed_once_each,
    private_rooms_are_listed_for_their_members_only,
    a_list_is_filtered_by_kind_owner_and_part_of_the_name,
    a_deleted_room_is_found_but_not_listed,
}

async fn names(world: &World, filter: RoomFilter) -> Vec<String> {
    let page = world.read().await.list_rooms(&filter, &everything()).await.unwrap();
    assert_eq!(page.next, None);
    page.items.iter().map(|room| room.name.to_string()).collect()
}

async fn a_room_comes_back_as_it_was_stored(world: &World) {
    let ann = world.user("ann").await;
    let mut room = Room { kind: Kind::Private, ..new_room(&ann, "Ärzte & Co") };
    room.meta.delete(seconds(60));
    let mut tx = world.begin().await;
    tx.insert_room(&room).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert_eq!(read.find_room(room.id).await.unwrap(), Some(room));
    assert_eq!(read.find_room(id()).await.unwrap(), None);
}

async fn the_owner_of_a_new_room_is_its_only_member(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    let room = world.room(&ann, "games").await;
    let mut read = world.read().await;
    assert!(read.is_room_member(room.id, ann.id).await.unwrap());
    assert!(!read.is_room_member(room.id, bob.id).await.unwrap());
    assert!(!read.is_room_member(id(), ann.id).await.unwrap());
    assert_eq!(read.find_room(room.id).await.unwrap().unwrap().member_count, 1);
}

async fn an_update_writes_every_field_but_the_owner(world: &World) {
    let ann = world.user("ann").await;
    let mut room = world.room(&ann, "games").await;
    room.name = text("Chess");
    room.description = text("new");
    room.kind = Kind::Private;
    room.meta.delete(seconds(60));
    let mut changed = room.clone();
    changed.owner_id = id();
    changed.member_count = 9;
    let mut tx = world.begin().await;
    tx.update_room(&changed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_room(room.id).await.unwrap(), Some(room));
}

async fn an_update_of_another_version_is_stale(world: &World) {
    let ann = world.user("ann").await;
    let stored = world.room(&ann, "games").await;
    for version in [1, 3] {
        let mut room = stored.clone();
        room.meta.version = version;
        let mut tx = world.begin().await;
        assert!(matches!(tx.update_room(&room).await, Err(Error::StaleEtag)));
        tx.commit().await.unwrap();
    }
    assert_eq!(world.read().await.find_room(stored.id).await.unwrap(), Some(stored));
}

async fn a_locked_room_waits_for_the_transaction_before(world: &World) {
    let room = world.room(&world.user("ann").await, "games").await;
    let mut first = world.begin().await;
    let mut seen_by_first = first.lock_room(room.id).await.unwrap().unwrap();
    let second = async {
        let mut second = world.begin().await;
        second.lock_room(room.id).await.unwrap().unwrap()
    };
    let finish_first = async {
        world.until_someone_waits().await;
        seen_by_first.meta.touch(seconds(1));
        first.update_room(&seen_by_first).await.unwrap();
        first.commit().await.unwrap();
    };
    let (seen_by_second, ()) = tokio::join!(second, finish_first);
    assert_eq!(seen_by_second.meta.version, 2);
}

async fn walk_rooms(world: &World, key: OrderKey, descending: bool) -> Vec<String> {
    let mut read = world.read().await;
    let filter = RoomFilter::default();
    let list = async |page| read.list_rooms(&filter, &page).await.unwrap();
    walk(key, descending, list, |room| format!("{} {}", &*room.name, room.id)).await
}

async fn a_list_has_every_room_once_in_every_order(world: &World) {
    let ann = world.user("ann").await;
    let mut rooms = Vec::new();
    for name in ["delta", "Alpha", "Öde", "bravo", "echo"] {
        let room = world.room(&ann, name).await;
        rooms.push(format!("{name} {}", room.id));
    }
    let by_time = rooms.clone();
    let by_name = [1, 3, 0, 4, 2].map(|index: usize| rooms[index].clone()).to_vec();
    for (key, mut expected) in [(OrderKey::CreateTime, by_time), (OrderKey::Name, by_name)] {
        assert_eq!(walk_rooms(world, key, false).await, expected);
        expected.reverse();
        assert_eq!(walk_rooms(world, key, true).await, expected);
    }
}

async fn rooms_of_one_name_are_listed_once_each(world: &World) {
    let ann = world.user("ann").await;
    let mut expected = Vec::new();
    for name in ["Games", "games", "GAMES", "games", "games"] {
        expected.push(format!("{name} {}", world.room(&ann, name).await.id));
    }
    assert_eq!(walk_rooms(world, OrderKey::Name, false).await, expected);
    expected.reverse();
    assert_eq!(walk_rooms(world, OrderKey::Name, true).await, expected);
}

async fn private_rooms_are_listed_for_their_members_only(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    world.room(&bob, "open").await;
    world.room_of_kind(&ann, "of ann", Kind::Private).await;
    world.room_of_kind(&bob, "of bob", Kind::Private).await;
    let seen_by = |visible_to| RoomFilter { visible_to, ..RoomFilter::default() };
    assert_eq!(names(world, seen_by(None)).await, ["open"]);
    assert_eq!(names(world, seen_by(Some(ann.id))).await, ["open", "of ann"]);
    assert_eq!(names(world, seen_by(Some(bob.id))).await, ["open", "of bob"]);
    let private = RoomFilter { kind: Some(Kind::Private), ..seen_by(None) };
    assert!(names(world, private).await.is_empty());
}

async fn a_list_is_filtered_by_kind_owner_and_part_of_the_name(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    world.room(&ann, "Große Spiele").await;
    world.room_of_kind(&ann, "private", Kind::Private).await;
    world.room(&bob, "50% off").await;
    let all = || RoomFilter { visible_to: Some(ann.id), ..RoomFilter::default() };
    let of_kind = RoomFilter { kind: Some(Kind::Private), ..all() };
    assert_eq!(names(world, of_kind).await, ["private"]);
    let of_bob = RoomFilter { owner_id: Some(bob.id), ..all() };
    assert_eq!(names(world, of_bob).await, ["50% off"]);
    let spiele = RoomFilter { name_contains: Some("große s".into()), ..all() };
    assert_eq!(names(world, spiele).await, ["Große Spiele"]);
    let percent = RoomFilter { name_contains: Some("%".into()), ..all() };
    assert_eq!(names(world, percent).await, ["50% off"]);
}

async fn a_deleted_room_is_found_but_not_listed(world: &World) {
    let ann = world.user("ann").await;
    let mut room = world.room(&ann, "games").await;
    room.meta.delete(seconds(1));
    let mut tx = world.begin().await;
    tx.update_room(&room).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_room(room.id).await.unwrap(), Some(room));
    assert!(names(world, RoomFilter::default()).await.is_empty());
}
