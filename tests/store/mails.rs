//! Mails.

use std::time::Duration;

use uuid::Uuid;
use veza::{
    domain::{
        Timestamp,
        mail::{KEPT, State},
        session::Session,
        text::Email,
        user::User,
    },
    port::store::{KeptMail, MailStatus, Settlement},
};

use crate::world::{START, World, id, new_session, new_user, seconds, uuid};

const LEASE: Duration = Duration::from_secs(10);

on_each_store! {
    a_mail_comes_back_as_it_was_recorded,
    a_mail_of_a_transaction_that_was_rolled_back_is_not_there,
    mails_are_claimed_in_the_order_in_which_they_are_due,
    a_claimed_mail_is_left_alone_until_its_lease_is_over,
    a_lease_that_is_renewed_lasts_longer,
    a_mail_that_came_to_its_end_has_no_letter_and_is_not_claimed_again,
    a_letter_that_is_kept_goes_when_the_mail_expires,
    a_mail_that_is_postponed_is_due_then_with_one_more_attempt,
    a_mail_that_was_not_tried_is_due_at_once,
    what_somebody_else_has_claimed_since_is_not_given_back,
    that_a_mail_was_sent_is_noted_whoever_has_it,
    a_mail_that_expires_is_not_sent_any_more,
    no_mail_is_claimed_twice_at_a_time,
    mails_are_counted_by_account_and_kind,
    a_mail_is_purged_when_its_time_has_come_and_with_its_account,
    devices_are_listed_once_each,
}

fn mail(user: &User, seconds_later: u64) -> KeptMail {
    let expire_time = seconds(seconds_later + 900);
    KeptMail {
        id: id(),
        user_id: user.id,
        kind: "reset_password".into(),
        recipient: Email::trusted(format!("{}@example.com", &*user.username)),
        sealed_letter: Some(vec![0, 255, 7]),
        state: State::Pending,
        record_time: seconds(seconds_later),
        expire_time,
        purge_time: expire_time + KEPT,
        attempts: 0,
        error: String::new(),
        end_time: None,
    }
}

async fn record(world: &World, mails: &[&KeptMail]) {
    let mut tx = world.begin().await;
    for mail in mails {
        tx.insert_mail(mail).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Claims what is due under a new lease.
async fn claim(world: &World, now: Timestamp, limit: i64) -> (Uuid, Vec<KeptMail>) {
    let lease = uuid();
    let mut tx = world.begin().await;
    let claimed = tx.claim_mails(lease, now, now + LEASE, limit).await.unwrap();
    tx.commit().await.unwrap();
    (lease, claimed)
}

async fn settle(world: &World, mail: &KeptMail, settlement: Settlement, now: Timestamp) {
    let mut tx = world.begin().await;
    tx.settle_mail(mail.id, &settlement, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn list(world: &World) -> Vec<KeptMail> {
    world.read().await.list_mails(100).await.unwrap()
}

async fn expire(world: &World, now: Timestamp) -> u64 {
    let mut tx = world.begin().await;
    let expired = tx.expire_mails(now).await.unwrap();
    tx.commit().await.unwrap();
    expired
}

fn sent() -> Settlement {
    Settlement::Ended { state: State::Sent, error: String::new(), keeps_letter: false }
}

async fn a_mail_comes_back_as_it_was_recorded(world: &World) {
    let ann = world.user("ann").await;
    let [first, second] = [mail(&ann, 0), mail(&ann, 1)];
    record(world, &[&first, &second]).await;
    assert_eq!(list(world).await, [second.clone(), first.clone()]);
    assert_eq!(claim(world, seconds(1), 10).await.1, [first, second]);
}

async fn a_mail_of_a_transaction_that_was_rolled_back_is_not_there(world: &World) {
    let ann = world.user("ann").await;
    let mut tx = world.begin().await;
    tx.insert_mail(&mail(&ann, 0)).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(list(world).await.is_empty());
}

async fn mails_are_claimed_in_the_order_in_which_they_are_due(world: &World) {
    let ann = world.user("ann").await;
    let [late, early, later] = [mail(&ann, 5), mail(&ann, 0), mail(&ann, 9)];
    record(world, &[&late, &early, &later]).await;
    assert_eq!(claim(world, seconds(5), 1).await.1, [early]);
    assert_eq!(claim(world, seconds(5), 10).await.1, [late]);
    let status = world.read().await.mail_status(seconds(5)).await.unwrap();
    assert_eq!(status, MailStatus { pending: 3, due: 0, overdue: 0, oldest: Some(seconds(0)) });
}

async fn a_claimed_mail_is_left_alone_until_its_lease_is_over(world: &World) {
    let ann = world.user("ann").await;
    record(world, &[&mail(&ann, 0)]).await;
    assert_eq!(claim(world, START, 10).await.1.len(), 1);
    let almost = START + LEASE - Duration::from_micros(1);
    assert!(claim(world, almost, 10).await.1.is_empty());
    assert_eq!(claim(world, START + LEASE, 10).await.1.len(), 1);
}

async fn a_lease_that_is_renewed_lasts_longer(world: &World) {
    let ann = world.user("ann").await;
    let [held, done] = [mail(&ann, 0), mail(&ann, 0)];
    record(world, &[&held, &done]).await;
    let (lease, _) = claim(world, START, 10).await;
    settle(world, &done, Settlement::Untried { lease }, START).await;
    let mut tx = world.begin().await;
    tx.renew_mails(lease, seconds(5) + LEASE).await.unwrap();
    tx.commit().await.unwrap();
    // What was given back is no longer held.
    assert_eq!(claim(world, START + LEASE, 10).await.1[0].id, done.id);
    assert_eq!(claim(world, seconds(5) + LEASE, 10).await.1[0].id, held.id);
}

async fn a_mail_that_came_to_its_end_has_no_letter_and_is_not_claimed_again(world: &World) {
    let ann = world.user("ann").await;
    let [first, second] = [mail(&ann, 0), mail(&ann, 0)];
    record(world, &[&first, &second]).await;
    claim(world, START, 10).await;
    settle(world, &first, sent(), seconds(1)).await;
    let error = "550 nobody".to_owned();
    let failed = Settlement::Ended { state: State::Failed, error, keeps_letter: false };
    settle(world, &second, failed, seconds(2)).await;
    assert!(claim(world, START + LEASE, 10).await.1.is_empty());
    let kept = list(world).await;
    let ended = |mail: &KeptMail| (mail.state, mail.error.clone(), mail.end_time);
    assert_eq!(ended(&kept[1]), (State::Sent, String::new(), Some(seconds(1))));
    assert_eq!(ended(&kept[0]), (State::Failed, "550 nobody".into(), Some(seconds(2))));
    assert!(kept.iter().all(|mail| mail.sealed_letter.is_none()));
}

async fn a_letter_that_is_kept_goes_when_the_mail_expires(world: &World) {
    let ann = world.user("ann").await;
    let mail = mail(&ann, 0);
    record(world, &[&mail]).await;
    claim(world, START, 10).await;
    let logged =
        Settlement::Ended { state: State::Logged, error: String::new(), keeps_letter: true };
    settle(world, &mail, logged, seconds(1)).await;
    assert_eq!(expire(world, seconds(899)).await, 0);
    assert!(list(world).await[0].sealed_letter.is_some());
    let overdue = world.read().await.mail_status(mail.expire_time).await.unwrap().overdue;
    assert_eq!(overdue, 1);
    assert_eq!(expire(world, mail.expire_time).await, 0);
    let kept = list(world).await;
    assert_eq!((kept[0].state, &kept[0].sealed_letter), (State::Logged, &None));
}

async fn a_mail_that_is_postponed_is_due_then_with_one_more_attempt(world: &World) {
    let ann = world.user("ann").await;
    let mail = mail(&ann, 0);
    record(world, &[&mail]).await;
    let (lease, _) = claim(world, START, 10).await;
    let error = "451 later".to_owned();
    settle(world, &mail, Settlement::Postponed { lease, due: seconds(60), error }, START).await;
    assert!(claim(world, seconds(59), 10).await.1.is_empty());
    let (_, claimed) = claim(world, seconds(60), 10).await;
    assert_eq!((claimed[0].attempts, &*claimed[0].error), (1, "451 later"));
    assert_eq!(claimed[0].sealed_letter, mail.sealed_letter);
}

async fn a_mail_that_was_not_tried_is_due_at_once(world: &World) {
    let ann = world.user("ann").await;
    let mail = mail(&ann, 0);
    record(world, &[&mail]).await;
    let (lease, _) = claim(world, START, 10).await;
    settle(world, &mail, Settlement::Untried { lease }, seconds(1)).await;
    assert_eq!(claim(world, seconds(1), 10).await.1[0].attempts, 0);
}

async fn what_somebody_else_has_claimed_since_is_not_given_back(world: &World) {
    let ann = world.user("ann").await;
    let mail = mail(&ann, 0);
    record(world, &[&mail]).await;
    let (lease, _) = claim(world, START, 10).await;
    claim(world, START + LEASE, 10).await;
    let error = String::new();
    settle(world, &mail, Settlement::Untried { lease }, seconds(11)).await;
    settle(world, &mail, Settlement::Postponed { lease, due: START, error }, seconds(11)).await;
    assert!(claim(world, seconds(12), 10).await.1.is_empty());
    assert_eq!(list(world).await[0].attempts, 0);
}

async fn that_a_mail_was_sent_is_noted_whoever_has_it(world: &World) {
    let ann = world.user("ann").await;
    let [slow, late] = [mail(&ann, 0), mail(&ann, 0)];
    record(world, &[&slow, &late]).await;
    claim(world, START, 10).await;
    claim(world, START + LEASE, 10).await;
    settle(world, &slow, sent(), seconds(11)).await;
    assert_eq!(expire(world, late.expire_time).await, 1);
    settle(world, &late, sent(), late.expire_time).await;
    assert!(list(world).await.iter().all(|mail| mail.state == State::Sent));
}

async fn a_mail_that_expires_is_not_sent_any_more(world: &World) {
    let ann = world.user("ann").await;
    let [mail, claimed] = [mail(&ann, 0), mail(&ann, 0)];
    record(world, &[&mail]).await;
    let almost = mail.expire_time - Duration::from_secs(1);
    assert_eq!(expire(world, almost).await, 0);
    record(world, &[&claimed]).await;
    // Both are claimed, and one of them is given back.
    let (lease, _) = claim(world, almost, 10).await;
    settle(world, &mail, Settlement::Untried { lease }, almost).await;
    assert!(claim(world, mail.expire_time, 10).await.1.is_empty());
    let status = world.read().await.mail_status(mail.expire_time).await.unwrap();
    assert_eq!(status, MailStatus { pending: 2, due: 0, overdue: 1, oldest: Some(seconds(0)) });
    assert_eq!(expire(world, mail.expire_time).await, 1);
    let kept = list(world).await;
    // What somebody has claimed may be under way.
    assert_eq!((kept[0].id, kept[0].state), (claimed.id, State::Pending));
    assert_eq!((kept[1].state, &kept[1].sealed_letter), (State::Expired, &None));
    assert_eq!(kept[1].end_time, Some(mail.expire_time));
}

async fn no_mail_is_claimed_twice_at_a_time(world: &World) {
    let ann = world.user("ann").await;
    let mails: Vec<_> = (0..30).map(|_| mail(&ann, 0)).collect();
    record(world, &mails.iter().collect::<Vec<_>>()).await;
    let claims = (0..6).map(|_| claim(world, START, 7));
    let claimed = futures::future::join_all(claims).await;
    let mut ids: Vec<_> =
        claimed.iter().flat_map(|(_, mails)| mails.iter().map(|mail| mail.id.uuid())).collect();
    let number = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), number);
    let left = claim(world, START, 100).await.1.len();
    assert_eq!(number + left, 30);
}

async fn mails_are_counted_by_account_and_kind(world: &World) {
    let [ann, bob] = [world.user("ann").await, world.user("bob").await];
    let other = KeptMail { kind: "new_device".into(), ..mail(&ann, 0) };
    record(world, &[&mail(&ann, 0), &mail(&ann, 5), &other, &mail(&bob, 5)]).await;
    let mut read = world.read().await;
    for (since, number) in [(0, 2), (1, 1), (6, 0)] {
        let counted = read.count_mails(ann.id, "reset_password", seconds(since)).await.unwrap();
        assert_eq!(counted, number);
    }
}

async fn a_mail_is_purged_when_its_time_has_come_and_with_its_account(world: &World) {
    let [mut ann, bob] = [world.user("ann").await, world.user("bob").await];
    let [first, second] = [mail(&ann, 0), mail(&bob, 0)];
    record(world, &[&first, &second]).await;
    ann.meta.delete(START - veza::domain::resource::PURGE_AFTER);
    let mut tx = world.begin().await;
    tx.update_user(&ann).await.unwrap();
    assert_eq!(tx.purge(START, START, START).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(list(world).await, std::slice::from_ref(&second));
    let mut tx = world.begin().await;
    assert_eq!(tx.purge(second.purge_time, START, START).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert!(list(world).await.is_empty());
}

async fn devices_are_listed_once_each(world: &World) {
    let [ann, bob] = [world.user("ann").await, new_user("bob")];
    world.insert_user(&bob).await.unwrap();
    let phone = world.session(&ann).await;
    world.session(&ann).await;
    let laptop = Session { client_name: "laptop".into(), ..new_session(&ann) };
    let foreign = Session { client_name: "foreign".into(), ..new_session(&bob) };
    let mut tx = world.begin().await;
    tx.insert_session(&laptop).await.unwrap();
    tx.insert_session(&foreign).await.unwrap();
    tx.end_session(laptop.id, START, veza::domain::session::EndReason::Logout).await.unwrap();
    tx.commit().await.unwrap();
    let mut devices = world.read().await.list_devices(ann.id, 10).await.unwrap();
    devices.sort_by(|one, other| one.client_name.cmp(&other.client_name));
    assert_eq!(devices, [laptop.device(), phone.device()]);
    assert_eq!(world.read().await.list_devices(ann.id, 1).await.unwrap().len(), 1);
}
