//! What the stores of other replicas hear of a change.

use std::sync::{Arc, Mutex};

use veza::{
    domain::session::EndReason,
    port::coherence::{Change, Freshness, Memory},
};

use crate::api_keys::new_key;
use crate::world::{START, World, id, new_session, seconds, text};

on_each_database! {
    what_ends_access_or_changes_an_account_is_heard_by_others,
    what_is_rolled_back_is_heard_by_nobody,
    refreshing_and_signing_in_are_heard_by_nobody,
}

/// Somebody who writes down what is heard.
#[derive(Default)]
struct Listener(Mutex<Vec<Change>>);

impl Memory for Listener {
    fn learn(&self, change: &Change) {
        self.0.lock().unwrap().push(change.clone());
    }

    fn forget_everything(&self) {}
}

impl World {
    /// What another replica hears while something is done. One on SQLite hears nothing, because there is no other.
    async fn heard_during(&self, done: impl AsyncFnOnce(&Self)) -> Vec<Change> {
        let listener = Arc::new(Listener::default());
        let following = self.store.follow(Arc::clone(&listener) as _);
        let freshness = following.freshness;
        let all_is_heard = async |freshness: &dyn Freshness| {
            while !freshness.confirm().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = following.work => unreachable!("it goes on for as long as it is polled"),
            () = async {
                all_is_heard(&*freshness).await;
                done(self).await;
                all_is_heard(&*freshness).await;
            } => {}
        }
        listener.0.lock().unwrap().clone()
    }

    /// What replicas hear of changes, which on SQLite is nothing.
    fn only_on_postgres(&self, changes: Vec<Change>) -> Vec<Change> {
        if self.is_sqlite() { Vec::new() } else { changes }
    }
}

async fn what_ends_access_or_changes_an_account_is_heard_by_others(world: &World) {
    let ann = world.user("ann").await;
    let sessions = [world.session(&ann).await, world.session(&ann).await];
    let mut renamed = ann.clone();
    renamed.profile.bio = text("changed");
    renamed.meta.touch(seconds(1));
    let key = new_key(&ann);
    let mut tx = world.begin().await;
    tx.insert_api_key(&key).await.unwrap();
    tx.commit().await.unwrap();
    let heard = world.heard_during(async |world| {
        let mut tx = world.begin().await;
        assert!(tx.end_session(sessions[0].id, START, EndReason::Logout).await.unwrap());
        tx.commit().await.unwrap();
        let mut tx = world.begin().await;
        tx.end_sessions_of(ann.id, None, START, EndReason::Logout).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.begin().await;
        tx.update_user(&renamed).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.begin().await;
        assert!(tx.grant_role(ann.id, "admin", START).await.unwrap());
        assert!(tx.revoke_role(ann.id, "admin").await.unwrap());
        tx.commit().await.unwrap();
        let mut tx = world.begin().await;
        tx.retire_signing_key(id(), START).await.unwrap();
        tx.commit().await.unwrap();
        for deleted in [true, false] {
            let mut tx = world.begin().await;
            assert_eq!(tx.delete_api_key(key.id, START).await.unwrap(), deleted);
            tx.commit().await.unwrap();
        }
    });
    let ended = |place: usize| Change::SessionsEnded(vec![sessions[place].id]);
    // PostgreSQL tells of two changes in one transaction that look alike once.
    let user = Change::User(ann.id);
    let mut changes = vec![ended(0), ended(1), user.clone(), user, Change::SigningKeys];
    changes.push(Change::ApiKeyDeleted(key.id));
    let heard = heard.await;
    assert_eq!(heard, world.only_on_postgres(changes));
}

async fn what_is_rolled_back_is_heard_by_nobody(world: &World) {
    let session = world.session(&world.user("ann").await).await;
    let heard = world.heard_during(async |world| {
        let mut tx = world.begin().await;
        assert!(tx.end_session(session.id, START, EndReason::Logout).await.unwrap());
        drop(tx);
        // The connection is used again, and what is done on it is committed.
        world.user("bob").await;
    });
    assert_eq!(heard.await, []);
}

async fn refreshing_and_signing_in_are_heard_by_nobody(world: &World) {
    let ann = world.user("ann").await;
    let session = world.session(&ann).await;
    let heard = world.heard_during(async |world| {
        let mut tx = world.begin().await;
        assert!(
            tx.advance_session(session.id, 0, seconds(1), seconds(600)).await.unwrap().is_some()
        );
        tx.insert_session(&new_session(&ann)).await.unwrap();
        tx.commit().await.unwrap();
    });
    assert_eq!(heard.await, []);
}
