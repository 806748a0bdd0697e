//! The oracle itself: an honest history passes, and one in which something is lost, doubled or out of order does not.

use uuid::Uuid;

use super::{Delivered, Evidence, Trial, Wrong, judge};
use crate::{
    ledger::{Change, Entry, Outcome},
    store::{Event, Room, Session, Store},
};

const ROOM: Uuid = Uuid::from_u128(1);
const OTHER_ROOM: Uuid = Uuid::from_u128(2);
const SESSION: Uuid = Uuid::from_u128(3);

fn entry(change: Change, outcome: Outcome, made: Option<Uuid>) -> Entry {
    Entry { change, outcome, made }
}

fn event(number: u128, kind: &str, subject: &str, version: i64, tells: &str) -> Event {
    Event {
        id: Uuid::from_u128(number),
        kind: kind.into(),
        subject: subject.into(),
        version,
        published: true,
        tells: vec![tells.into()],
    }
}

/// Ann signs up, makes two rooms, changes one twice, deletes the other, refreshes once and signs out. One change is
/// refused, and of one nothing was heard.
fn honest() -> Evidence {
    let (room, other) = (format!("rooms/{ROOM}"), format!("rooms/{OTHER_ROOM}"));
    let entries = vec![
        entry(Change::SignUp("ann".into()), Outcome::Ok, Some(SESSION)),
        entry(Change::CreateRoom("one".into()), Outcome::Ok, Some(ROOM)),
        entry(Change::CreateRoom("two".into()), Outcome::Ok, Some(OTHER_ROOM)),
        entry(Change::UpdateRoom("first".into()), Outcome::Ok, None),
        entry(Change::UpdateRoom("refused".into()), Outcome::Fail, None),
        entry(Change::UpdateRoom("second".into()), Outcome::Ok, None),
        entry(Change::CreateRoom("perhaps".into()), Outcome::Unknown, None),
        entry(Change::DeleteRoom(OTHER_ROOM), Outcome::Ok, None),
        entry(Change::Refresh(SESSION), Outcome::Ok, None),
        entry(Change::SignOut(SESSION), Outcome::Ok, None),
    ];
    let events = vec![
        event(10, "user.created", "users/ann", 1, "ann"),
        event(11, "room.created", &room, 1, "one"),
        event(12, "room.created", &other, 1, "two"),
        event(13, "room.updated", &room, 2, "first"),
        event(14, "room.updated", &room, 3, "second"),
        event(15, "room.deleted", &other, 2, ""),
        event(16, "session.revoked", "users/ann", 0, &SESSION.to_string()),
    ];
    let delivered = events.iter().map(delivery).collect();
    let store = Store {
        users: vec!["ann".into()],
        sessions: vec![Session { id: SESSION, counter: 1, ended: true }],
        rooms: vec![
            Room { id: ROOM, name: "one".into(), version: 3, deleted: false },
            Room { id: OTHER_ROOM, name: "two".into(), version: 2, deleted: true },
        ],
        events,
    };
    let trial = |credential| Trial { credential, code: "UNAUTHENTICATED".into() };
    let trials = vec![trial("a rotated refresh token"), trial("a session that was ended")];
    Evidence { entries, store, delivered: Some(delivered), trials }
}

fn delivery(event: &Event) -> Delivered {
    Delivered { id: event.id, message_id: event.id.to_string() }
}

/// Demands that a spoiled history is found to be wrong in this way.
#[track_caller]
fn expect(wrong: Wrong, spoil: impl FnOnce(&mut Evidence)) {
    let mut evidence = honest();
    spoil(&mut evidence);
    let findings = judge(&evidence);
    assert!(findings.iter().any(|finding| finding.wrong == wrong), "{wrong:?}: {findings:?}");
}

#[test]
fn an_honest_history_passes() {
    assert_eq!(judge(&honest()), []);
}

#[test]
fn what_is_not_known_may_be_there_or_not() {
    let mut evidence = honest();
    let id = Uuid::from_u128(4);
    evidence.store.rooms.push(Room { id, name: "perhaps".into(), version: 1, deleted: false });
    let event = event(17, "room.created", &format!("rooms/{id}"), 1, "perhaps");
    evidence.delivered.as_mut().unwrap().push(delivery(&event));
    evidence.store.events.push(event);
    assert_eq!(judge(&evidence), []);
}

#[test]
fn a_message_that_is_delivered_twice_under_one_id_passes() {
    let mut evidence = honest();
    let delivered = evidence.delivered.as_mut().unwrap();
    delivered.push(delivered[1].clone());
    assert_eq!(super::redelivered(delivered), 1);
    assert_eq!(judge(&evidence), []);
}

#[test]
fn a_lost_row_is_found() {
    expect(Wrong::Lost, |evidence| evidence.store.users.clear());
    expect(Wrong::Lost, |evidence| drop(evidence.store.rooms.remove(0)));
    expect(Wrong::Lost, |evidence| evidence.store.sessions.clear());
}

#[test]
fn a_lost_event_is_found_in_the_outbox_and_in_the_stream() {
    for place in 0..honest().store.events.len() {
        expect(Wrong::Lost, |evidence| drop(evidence.store.events.remove(place)));
        expect(Wrong::Undelivered, |evidence| {
            evidence.delivered.as_mut().unwrap().remove(place);
        });
    }
}

#[test]
fn a_lost_end_is_found() {
    expect(Wrong::Lost, |evidence| evidence.store.sessions[0].ended = false);
    expect(Wrong::Lost, |evidence| evidence.store.rooms[1].deleted = false);
    expect(Wrong::Lost, |evidence| evidence.store.sessions[0].counter = 0);
}

#[test]
fn what_was_lost_with_its_event_leaves_a_gap() {
    expect(Wrong::Gap, |evidence| drop(evidence.store.events.remove(3)));
    expect(Wrong::Gap, |evidence| drop(evidence.store.events.remove(4)));
}

#[test]
fn a_doubled_effect_is_found() {
    expect(Wrong::Doubled, |evidence| {
        let again = evidence.store.rooms[0].clone();
        evidence.store.rooms.push(Room { id: Uuid::from_u128(5), ..again });
    });
    expect(Wrong::Doubled, |evidence| {
        let again = evidence.store.events[4].clone();
        evidence.store.events.push(Event { id: Uuid::from_u128(18), ..again });
    });
    expect(Wrong::Doubled, |evidence| evidence.store.sessions[0].counter = 2);
    expect(Wrong::Doubled, |evidence| evidence.store.users.push("ann".into()));
}

#[test]
fn a_second_delivery_under_another_id_is_found() {
    expect(Wrong::Doubled, |evidence| {
        let delivered = evidence.delivered.as_mut().unwrap();
        delivered.push(Delivered { message_id: "another".into(), ..delivered[0].clone() });
    });
}

#[test]
fn what_was_refused_or_never_asked_for_is_found() {
    expect(Wrong::Phantom, |evidence| evidence.store.events[3].tells = vec!["refused".into()]);
    expect(Wrong::Phantom, |evidence| {
        let id = Uuid::from_u128(19);
        let message = Delivered { id, message_id: id.to_string() };
        evidence.delivered.as_mut().unwrap().push(message);
    });
}

#[test]
fn events_that_changed_places_are_found() {
    expect(Wrong::Disorder, |evidence| evidence.store.events.swap(3, 4));
    expect(Wrong::Disorder, |evidence| evidence.delivered.as_mut().unwrap().swap(3, 4));
    expect(Wrong::Disorder, |evidence| evidence.delivered.as_mut().unwrap().swap(0, 6));
}

#[test]
fn an_event_that_waits_is_found() {
    expect(Wrong::Waiting, |evidence| evidence.store.events[2].published = false);
}

#[test]
fn a_credential_that_came_back_to_life_is_found() {
    for place in 0..2 {
        expect(Wrong::Zombie, |evidence| evidence.trials[place].code = "OK".into());
    }
}
