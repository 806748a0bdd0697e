//! Live streams.

use veza::domain::{
    Error,
    page::{OrderKey, StreamFilter},
    stream::{Details, State, Visibility},
};

use crate::world::{World, everything, id, new_stream, seconds, text, walk};

on_each_store! {
    a_stream_comes_back_as_it_was_stored,
    an_update_writes_every_field_but_the_owner,
    an_update_of_another_version_is_stale,
    a_locked_stream_waits_for_the_transaction_before,
    a_list_has_every_stream_once_in_every_order,
    streams_that_are_not_public_are_listed_for_their_owner_only,
    a_list_is_filtered_by_state_visibility_owner_and_part_of_the_title,
    a_deleted_stream_is_found_but_not_listed,
}

async fn titles(world: &World, filter: StreamFilter) -> Vec<String> {
    let page = world.read().await.list_streams(&filter, &everything()).await.unwrap();
    assert_eq!(page.next, None);
    page.items.iter().map(|stream| stream.details.title.to_string()).collect()
}

async fn a_stream_comes_back_as_it_was_stored(world: &World) {
    let ann = world.user("ann").await;
    let mut stream = new_stream(&ann, "Ärger");
    stream.state = State::Live;
    stream.meta.delete(seconds(60));
    let mut tx = world.begin().await;
    tx.insert_stream(&stream).await.unwrap();
    tx.commit().await.unwrap();
    let mut read = world.read().await;
    assert_eq!(read.find_stream(stream.id).await.unwrap(), Some(stream));
    assert_eq!(read.find_stream(id()).await.unwrap(), None);
}

async fn an_update_writes_every_field_but_the_owner(world: &World) {
    let mut stream = world.stream(&world.user("ann").await, "chess").await;
    stream.details = Details {
        title: text("Go"),
        description: text("new"),
        visibility: Visibility::Unlisted,
        tags: vec![],
        scheduled_start_time: None,
    };
    stream.state = State::Ended;
    stream.meta.delete(seconds(60));
    let mut changed = stream.clone();
    changed.owner_id = id();
    let mut tx = world.begin().await;
    tx.update_stream(&changed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_stream(stream.id).await.unwrap(), Some(stream));
}

async fn an_update_of_another_version_is_stale(world: &World) {
    let stored = world.stream(&world.user("ann").await, "chess").await;
    for version in [1, 3] {
        let mut stream = stored.clone();
        stream.meta.version = version;
        let mut tx = world.begin().await;
        assert!(matches!(tx.update_stream(&stream).await, Err(Error::StaleEtag)));
        tx.commit().await.unwrap();
    }
    assert_eq!(world.read().await.find_stream(stored.id).await.unwrap(), Some(stored));
}

async fn a_locked_stream_waits_for_the_transaction_before(world: &World) {
    let stream = world.stream(&world.user("ann").await, "chess").await;
    let mut first = world.begin().await;
    let mut seen_by_first = first.lock_stream(stream.id).await.unwrap().unwrap();
    let second = async {
        let mut second = world.begin().await;
        second.lock_stream(stream.id).await.unwrap().unwrap()
    };
    let finish_first = async {
        world.until_someone_waits().await;
        seen_by_first.meta.touch(seconds(1));
        first.update_stream(&seen_by_first).await.unwrap();
        first.commit().await.unwrap();
    };
    let (seen_by_second, ()) = tokio::join!(second, finish_first);
    assert_eq!(seen_by_second.meta.version, 2);
}

async fn a_list_has_every_stream_once_in_every_order(world: &World) {
    let ann = world.user("ann").await;
    for title in ["delta", "Alpha", "Öde", "bravo", "echo"] {
        world.stream(&ann, title).await;
    }
    let mut read = world.read().await;
    let by_time = ["delta", "Alpha", "Öde", "bravo", "echo"];
    let by_title = ["Alpha", "bravo", "delta", "echo", "Öde"];
    for (key, mut expected) in [(OrderKey::CreateTime, by_time), (OrderKey::Name, by_title)] {
        for descending in [false, true] {
            let filter = StreamFilter::default();
            let list = async |page| read.list_streams(&filter, &page).await.unwrap();
            let found =
                walk(key, descending, list, |stream| stream.details.title.to_string()).await;
            assert_eq!(found, expected);
            expected.reverse();
        }
    }
}

async fn streams_that_are_not_public_are_listed_for_their_owner_only(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    world.stream(&bob, "open").await;
    world.stream_seen_by(&ann, "of ann", Visibility::Private).await;
    world.stream_seen_by(&bob, "of bob", Visibility::Unlisted).await;
    let seen_by = |visible_to| StreamFilter { visible_to, ..StreamFilter::default() };
    assert_eq!(titles(world, seen_by(None)).await, ["open"]);
    assert_eq!(titles(world, seen_by(Some(ann.id))).await, ["open", "of ann"]);
    assert_eq!(titles(world, seen_by(Some(bob.id))).await, ["open", "of bob"]);
    let of_ann = StreamFilter { owner_id: Some(ann.id), ..seen_by(Some(bob.id)) };
    assert!(titles(world, of_ann).await.is_empty());
}

async fn a_list_is_filtered_by_state_visibility_owner_and_part_of_the_title(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    let mut live = world.stream(&ann, "Chess LIVE").await;
    world.stream_seen_by(&ann, "hidden", Visibility::Private).await;
    world.stream(&bob, "under_score").await;
    live.state = State::Live;
    live.meta.touch(seconds(1));
    let mut tx = world.begin().await;
    tx.update_stream(&live).await.unwrap();
    tx.commit().await.unwrap();

    let all = || StreamFilter { visible_to: Some(ann.id), ..StreamFilter::default() };
    let filter = StreamFilter { state: Some(State::Live), ..all() };
    assert_eq!(titles(world, filter).await, ["Chess LIVE"]);
    let filter = StreamFilter { visibility: Some(Visibility::Private), ..all() };
    assert_eq!(titles(world, filter).await, ["hidden"]);
    let filter = StreamFilter { owner_id: Some(bob.id), ..all() };
    assert_eq!(titles(world, filter).await, ["under_score"]);
    let filter = StreamFilter { title_contains: Some("ess li".into()), ..all() };
    assert_eq!(titles(world, filter).await, ["Chess LIVE"]);
    let filter = StreamFilter { title_contains: Some("_".into()), ..all() };
    assert_eq!(titles(world, filter).await, ["under_score"]);
}

async fn a_deleted_stream_is_found_but_not_listed(world: &World) {
    let mut stream = world.stream(&world.user("ann").await, "chess").await;
    stream.meta.delete(seconds(1));
    let mut tx = world.begin().await;
    tx.update_stream(&stream).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.read().await.find_stream(stream.id).await.unwrap(), Some(stream));
    assert!(titles(world, StreamFilter::default()).await.is_empty());
}
