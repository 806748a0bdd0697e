//! The outbox.

use std::time::Duration;

use uuid::Uuid;
use veza::{
    domain::Timestamp,
    port::{
        bus::Place,
        store::{OutboxRow, OutboxStatus, Places, Published, Tx},
    },
};

use crate::world::{START, World, envelope, new_room, new_user, passed_on, room_created, seconds};

const LEASE: Duration = Duration::from_secs(30);

on_each_store! {
    a_claimed_event_carries_what_was_recorded,
    an_event_of_a_transaction_that_was_rolled_back_is_not_there,
    events_are_claimed_in_the_order_they_were_recorded,
    events_are_ordered_by_recording_even_if_clocks_and_ids_disagree,
    a_leased_event_is_claimed_again_when_its_lease_is_over,
    a_published_event_is_not_claimed_again,
    a_released_event_is_due_again_with_one_more_attempt,
    an_event_that_was_not_tried_is_due_at_once_without_an_attempt,
    what_somebody_else_has_leased_since_is_not_released,
    what_is_free_is_found_behind_many_that_are_not,
    where_the_bus_has_an_event_is_kept,
    a_place_that_two_events_have_is_found,
    what_the_bus_has_lost_is_taken_back_and_nothing_else,
    what_was_published_in_a_time_is_taken_back,
    later_events_of_a_subject_wait_for_a_leased_one,
    later_events_of_a_subject_wait_for_one_that_is_not_due,
    no_event_is_claimed_twice_at_a_time,
    a_subject_is_never_in_two_hands,
    the_status_counts_what_is_not_published,
    a_list_of_no_events_changes_nothing,
}

fn ids(rows: &[OutboxRow]) -> Vec<Uuid> {
    rows.iter().map(|row| row.message.id).collect()
}

async fn claim_in(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Vec<Uuid> {
    ids(&tx.claim_events(now, now + LEASE, limit).await.unwrap())
}

async fn claim(world: &World, now: Timestamp, limit: i64) -> Vec<Uuid> {
    let mut tx = world.begin().await;
    let claimed = claim_in(&mut *tx, now, limit).await;
    tx.commit().await.unwrap();
    claimed
}

async fn publish(world: &World, ids: &[Uuid]) {
    let mut tx = world.begin().await;
    tx.mark_published(&passed_on(ids), seconds(1)).await.unwrap();
    tx.commit().await.unwrap();
}

/// Gives back events that were claimed at [`START`].
async fn release(world: &World, ids: &[Uuid], due: Option<Timestamp>) {
    let mut tx = world.begin().await;
    tx.release_events(ids, START + LEASE, due).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_claimed_event_carries_what_was_recorded(world: &World) {
    let event = room_created(&new_room(&new_user("ann"), "games"));
    let mut tx = world.begin().await;
    tx.record(&event).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.begin().await;
    let claimed = tx.claim_events(START, START + LEASE, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&claimed), [event.id.uuid()]);
    assert_eq!(claimed[0].attempts, 0);
    assert_eq!(claimed[0].message.subject, "room.created");
    assert_eq!(claimed[0].message.payload, envelope(&event));
    assert_eq!(claimed[0].message.trace_parent, event.trace_parent);
    let subject = format!(
        "rooms/{}",
        match &event.data {
            veza::domain::event::Data::RoomCreated(room) => room.id,
            other => panic!("{other:?}"),
        }
    );
    assert_eq!(world.sql("SELECT subject FROM outbox").await, [subject]);
    assert_eq!(world.sql("SELECT CAST(aggregate_version AS TEXT) FROM outbox").await, ["1"]);
}

async fn an_event_of_a_transaction_that_was_rolled_back_is_not_there(world: &World) {
    let mut tx = world.begin().await;
    tx.record(&room_created(&new_room(&new_user("ann"), "games"))).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(claim(world, START, 10).await.is_empty());
}

async fn events_are_claimed_in_the_order_they_were_recorded(world: &World) {
    let ann = new_user("ann");
    let [one, two] = [new_room(&ann, "one"), new_room(&ann, "two")];
    let recorded = world.record(&[&one, &two, &one, &two, &one]).await;
    assert_eq!(claim(world, START, 2).await, recorded[..2]);
    publish(world, &recorded[..2]).await;
    assert_eq!(claim(world, START, 10).await, recorded[2..]);
}

async fn events_are_ordered_by_recording_even_if_clocks_and_ids_disagree(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let [mut early, mut late] = [room_created(&room), room_created(&room)];
    std::mem::swap(&mut early.id, &mut late.id);
    early.time = seconds(3600);
    let mut tx = world.begin().await;
    tx.record(&early).await.unwrap();
    tx.record(&late).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claim(world, START, 10).await, [early.id.uuid(), late.id.uuid()]);
}

async fn a_leased_event_is_claimed_again_when_its_lease_is_over(world: &World) {
    let recorded = world.record(&[&new_room(&new_user("ann"), "games")]).await;
    assert_eq!(claim(world, START, 10).await, recorded);
    assert!(claim(world, seconds(29), 10).await.is_empty());
    assert_eq!(claim(world, seconds(30), 10).await, recorded);
}

async fn a_published_event_is_not_claimed_again(world: &World) {
    let recorded = world.record(&[&new_room(&new_user("ann"), "games")]).await;
    claim(world, START, 10).await;
    publish(world, &recorded).await;
    assert!(claim(world, seconds(3600), 10).await.is_empty());
    // A relay that was too slow gives back what another has published.
    release(world, &recorded, Some(START)).await;
    assert!(claim(world, seconds(3600), 10).await.is_empty());
}

async fn a_released_event_is_due_again_with_one_more_attempt(world: &World) {
    let recorded = world.record(&[&new_room(&new_user("ann"), "games")]).await;
    claim(world, START, 10).await;
    release(world, &recorded, Some(seconds(5))).await;
    assert!(claim(world, seconds(4), 10).await.is_empty());
    let mut tx = world.begin().await;
    let claimed = tx.claim_events(seconds(5), seconds(5) + LEASE, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&claimed), recorded);
    assert_eq!(claimed[0].attempts, 1);
}

async fn an_event_that_was_not_tried_is_due_at_once_without_an_attempt(world: &World) {
    let recorded = world.record(&[&new_room(&new_user("ann"), "games")]).await;
    claim(world, START, 10).await;
    release(world, &recorded, None).await;
    let mut tx = world.begin().await;
    let claimed = tx.claim_events(START, START + LEASE, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&claimed), recorded);
    assert_eq!(claimed[0].attempts, 0);
}

async fn what_somebody_else_has_leased_since_is_not_released(world: &World) {
    let recorded = world.record(&[&new_room(&new_user("ann"), "games")]).await;
    claim(world, START, 10).await;
    assert_eq!(claim(world, START + LEASE, 10).await, recorded);
    // The first one comes too late.
    release(world, &recorded, None).await;
    assert!(claim(world, START + LEASE, 10).await.is_empty());
}

async fn what_is_free_is_found_behind_many_that_are_not(world: &World) {
    let ann = new_user("ann");
    let [blocked, free] = [new_room(&ann, "blocked"), new_room(&ann, "free")];
    let first = world.record(&[&blocked]).await;
    claim(world, START, 1).await;
    world.record(&vec![&blocked; 2500]).await;
    let behind = world.record(&[&free, &blocked, &free]).await;
    assert_eq!(claim(world, START, 10).await, [behind[0], behind[2]]);
    publish(world, &first).await;
    assert_eq!(claim(world, START, 10_000).await.len(), 2000);
}

async fn where_the_bus_has_an_event_is_kept(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let recorded = world.record(&[&room, &room]).await;
    let mut tx = world.begin().await;
    let place = Some(Place { stream: 7, sequence: 9 });
    let kept = Published { id: recorded[0], place };
    tx.mark_published(&[kept, passed_on(&recorded)[1]], seconds(1)).await.unwrap();
    tx.commit().await.unwrap();
    let places = "SELECT coalesce(stream, 0) || '/' || coalesce(stream_seq, 0) FROM outbox \
                  WHERE publish_time IS NOT NULL ORDER BY seq";
    assert_eq!(world.sql(places).await, ["7/9", "0/0"]);
    assert!(claim(world, seconds(3600), 10).await.is_empty());
}

async fn publish_at(world: &World, ids: &[Uuid], stream: i64, first: i64, now: Timestamp) {
    let place = |sequence| Some(Place { stream, sequence });
    let events =
        ids.iter().zip(first..).map(|(id, number)| Published { id: *id, place: place(number) });
    let mut tx = world.begin().await;
    tx.mark_published(&events.collect::<Vec<_>>(), now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_place_that_two_events_have_is_found(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let recorded = world.record(&[&room; 6]).await;
    publish_at(world, &recorded[..4], 7, 1, seconds(1)).await;
    publish_at(world, &recorded[4..], 7, 3, seconds(2)).await;
    let twice = async |after| world.read().await.find_places(7, after).await.unwrap().twice;
    assert_eq!([twice(0).await, twice(3).await, twice(4).await], [Some(3), Some(4), None]);
}

async fn what_the_bus_has_lost_is_taken_back_and_nothing_else(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let places = async |stream| world.read().await.find_places(stream, 0).await.unwrap();
    assert_eq!(places(7).await, Places { last: None, twice: None, elsewhere: false });
    let recorded = world.record(&[&room; 7]).await;
    publish_at(world, &recorded[..2], 5, 40, seconds(1)).await;
    publish_at(world, &recorded[2..5], 7, 1, seconds(1)).await;
    publish(world, &recorded[5..6]).await;
    assert_eq!(places(7).await, Places { last: Some(3), twice: None, elsewhere: true });
    assert_eq!(places(5).await, Places { last: Some(41), twice: None, elsewhere: true });

    let retake = async || {
        let mut tx = world.begin().await;
        let gone = tx.retake_lost(Place { stream: 7, sequence: 1 }, 10).await.unwrap();
        tx.commit().await.unwrap();
        gone
    };
    assert_eq!([retake().await, retake().await, retake().await], [2, 2, 0]);
    assert_eq!(places(7).await, Places { last: Some(1), twice: None, elsewhere: false });
    let lost = [&recorded[..2], &recorded[3..5], &recorded[6..]].concat();
    assert_eq!(claim(world, START, 10).await, lost);
}

async fn what_was_published_in_a_time_is_taken_back(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let recorded = world.record(&[&room; 4]).await;
    for (place, id) in recorded[..3].iter().enumerate() {
        publish_at(world, &[*id], 7, 1, seconds(place as u64)).await;
    }
    let (since, until) = (seconds(1), seconds(2));
    assert_eq!(world.read().await.count_published(since, until).await.unwrap(), 1);
    let mut tx = world.begin().await;
    assert_eq!(tx.retake_published(since, until, 10).await.unwrap(), 1);
    assert_eq!(tx.retake_published(since, until, 10).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!(claim(world, START, 10).await, [recorded[1], recorded[3]]);
}

async fn later_events_of_a_subject_wait_for_a_leased_one(world: &World) {
    let ann = new_user("ann");
    let [one, two] = [new_room(&ann, "one"), new_room(&ann, "two")];
    let recorded = world.record(&[&one, &one, &two]).await;
    assert_eq!(claim(world, START, 1).await, recorded[..1]);
    assert_eq!(claim(world, START, 10).await, recorded[2..]);
    publish(world, &recorded[..1]).await;
    assert_eq!(claim(world, START, 10).await, recorded[1..2]);
}

async fn later_events_of_a_subject_wait_for_one_that_is_not_due(world: &World) {
    let room = new_room(&new_user("ann"), "games");
    let recorded = world.record(&[&room, &room, &room]).await;
    claim(world, START, 10).await;
    release(world, &recorded[..1], None).await;
    release(world, &recorded[1..2], Some(seconds(10))).await;
    release(world, &recorded[2..], None).await;
    assert_eq!(claim(world, seconds(1), 10).await, recorded[..1]);
    publish(world, &recorded[..1]).await;
    assert!(claim(world, seconds(1), 10).await.is_empty());
    assert_eq!(claim(world, seconds(10), 10).await, recorded[1..]);
}

async fn no_event_is_claimed_twice_at_a_time(world: &World) {
    let ann = new_user("ann");
    let rooms: Vec<_> = (0..20).map(|index| new_room(&ann, &index.to_string())).collect();
    let mut recorded = world.record(&rooms.iter().collect::<Vec<_>>()).await;
    let claim = async || claim(world, START, 7).await;
    let (one, two, three) = tokio::join!(claim(), claim(), claim());
    let mut claimed = [one, two, three].concat();
    // Who comes at the same moment may find everything in other hands, and the rest is there for the next one.
    while claimed.len() < recorded.len() {
        let more = claim().await;
        assert!(!more.is_empty());
        claimed.extend(more);
    }
    claimed.sort();
    recorded.sort();
    assert_eq!(claimed, recorded);
}

async fn a_subject_is_never_in_two_hands(world: &World) {
    let ann = new_user("ann");
    let [one, two] = [new_room(&ann, "one"), new_room(&ann, "two")];
    let recorded = world.record(&[&one, &one, &two, &one]).await;
    let mut first = world.begin().await;
    assert_eq!(claim_in(&mut *first, START, 1).await, recorded[..1]);
    let second = async { claim(world, START, 10).await };
    let claimed = if world.is_sqlite() {
        // There is one writer, so the second waits for the first.
        let finish_first = async { first.commit().await.unwrap() };
        tokio::join!(second, finish_first).0
    } else {
        // It passes over what the first has locked and not yet committed.
        let claimed = second.await;
        first.commit().await.unwrap();
        claimed
    };
    assert_eq!(claimed, recorded[2..3]);
}

async fn the_status_counts_what_is_not_published(world: &World) {
    let status = async || world.read().await.outbox_status().await.unwrap();
    assert_eq!(status().await, OutboxStatus { pending: 0, oldest: None });
    let room = new_room(&new_user("ann"), "games");
    let mut later = room_created(&room);
    later.time = seconds(5);
    let recorded = world.record(&[&room]).await;
    let mut tx = world.begin().await;
    tx.record(&later).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(status().await, OutboxStatus { pending: 2, oldest: Some(START) });
    publish(world, &recorded).await;
    assert_eq!(status().await, OutboxStatus { pending: 1, oldest: Some(seconds(5)) });
}

async fn a_list_of_no_events_changes_nothing(world: &World) {
    let recorded = world.record(&[&new_room(&new_user("ann"), "games")]).await;
    publish(world, &[]).await;
    release(world, &[], Some(seconds(60))).await;
    assert_eq!(claim(world, START, 10).await, recorded);
}
