//! Several servers on one database: whatever one of them was told, the others know.

use std::time::Duration;

use futures::FutureExt;
use serde_json::json;

use crate::support::{
    app::{App, Person, text},
    client::{Call, Transport},
    pgbouncer,
    replicas::Replicas,
    reply::Reply,
    rpc::{
        CREATE_ROOM, DELETE_USER, GET_ME, GET_ROOM, GET_USER, LOGOUT, REFRESH_TOKEN, SUSPEND_USER,
        UPDATE_USER,
    },
    server::Environment,
};

/// How often what races is tried.
const ROUNDS: usize = 1000;

/// How long is waited for what should take less than a second, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

fn me() -> Call {
    Call::to(GET_ME, json!({}))
}

fn refresh(token: &str) -> Call {
    Call::to(REFRESH_TOKEN, json!({ "refreshToken": token }))
}

#[tokio::test]
async fn a_session_that_was_begun_on_one_replica_is_good_on_every_other_at_once() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for transport in Transport::ALL {
        let ann = a.user("ann").await;
        let room = json!({ "room": { "name": "of all", "type": "ROOM_TYPE_PUBLIC" } });
        let made = ann.at(b).call(transport, CREATE_ROOM, room).await;
        let get = Call::to(GET_ROOM, json!({ "id": made.ok()["room"]["id"] }));
        assert_eq!(ann.send(transport, get).await.ok()["room"]["name"], "of all");
    }
}

#[tokio::test]
async fn what_a_replica_acknowledged_is_there_when_it_has_left_and_another_has_come() {
    let mut replicas = Replicas::start(2).await;
    let ann = replicas.apps[0].user("ann").await;
    replicas.leave(0);
    let place = replicas.join();
    for app in [&replicas.apps[0], &replicas.apps[place]] {
        assert_eq!(ann.at(app).everywhere(me()).await.ok()["user"]["id"], ann.id.as_str());
    }
}

/// Writes on one replica and at once reads on the other, in turn, and counts the rounds in which that showed something
/// older.
pub async fn stale_reads(replicas: &Replicas, rounds: usize) -> usize {
    let (a, b) = replicas.pair();
    let (at_a, reader) = (a.user("ann").await, b.user("bob").await);
    let at_b = at_a.at(b);
    let mut stale = 0;
    for round in 0..rounds {
        let transport = Transport::ALL[round % Transport::ALL.len()];
        let (writes, reads) = if round % 3 == 0 { (&at_b, &at_a) } else { (&at_a, &at_b) };
        let written = format!("round {round}");
        let user = json!({ "user": { "id": at_a.id, "bio": written } });
        writes.call(transport, UPDATE_USER, user).await.ok();
        let own = reads.send(transport, me()).await;
        let other = reader.call(transport, GET_USER, json!({ "id": at_a.id })).await;
        stale += usize::from(own.ok()["user"]["bio"] != written.as_str());
        stale += usize::from(other.ok()["user"]["bio"] != written.as_str());
    }
    stale
}

#[tokio::test]
async fn whoever_writes_on_one_replica_reads_it_on_every_other_at_once() {
    let replicas = Replicas::start(2).await;
    assert_eq!(stale_reads(&replicas, ROUNDS).await, 0);
}

#[tokio::test]
async fn whoever_writes_reads_it_even_while_replicas_cannot_hear_each_other() {
    let replicas = Replicas::start(2).await;
    for _ in 0..10 {
        replicas.cut_listeners().await;
        assert_eq!(stale_reads(&replicas, ROUNDS / 50).await, 0);
    }
}

#[tokio::test]
async fn sess_04_signing_out_on_one_replica_ends_the_session_on_every_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for transport in Transport::ALL {
        let ann = a.user("ann").await;
        let at_b = ann.at(b);
        at_b.everywhere(me()).await.ok();
        ann.call(transport, LOGOUT, json!({})).await.ok();
        at_b.everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn sess_04_signing_out_ends_the_session_even_while_replicas_cannot_hear_each_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for _ in 0..5 {
        let ann = a.user("ann").await;
        let at_b = ann.at(b);
        at_b.everywhere(me()).await.ok();
        replicas.cut_listeners().await;
        ann.call(Transport::Grpc, LOGOUT, json!({})).await.ok();
        at_b.everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn sess_04_deleting_an_account_on_one_replica_ends_its_sessions_on_every_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    let sessions = [ann.at(b), b.sign_in(&ann.username).await, a.sign_in(&ann.username).await];
    for session in &sessions {
        session.everywhere(me()).await.ok();
    }
    ann.call(Transport::Rest, DELETE_USER, json!({ "id": ann.id })).await.ok();
    for session in &sessions {
        session.everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn sess_04_suspending_an_account_on_one_replica_ends_its_sessions_on_every_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let root = a.admin("root").await;
    for transport in Transport::ALL {
        let ann = b.user("ann").await;
        ann.everywhere(me()).await.ok();
        root.call(transport, SUSPEND_USER, json!({ "id": ann.id })).await.ok();
        ann.everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

#[tokio::test]
async fn authz_07_a_role_that_is_given_or_taken_away_counts_on_every_replica() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let (ann, other) = (a.user("ann").await, b.user("bob").await);
    let rename = json!({ "user": { "id": other.id, "bio": "edited" } });
    let rename = Call::to(UPDATE_USER, rename);
    for app in [a, b] {
        ann.at(app)
            .everywhere(rename.clone())
            .await
            .refused("PERMISSION_DENIED", "PERMISSION_DENIED");
    }
    assert!(a.admin("root").await.id != ann.id, "somebody else is an administrator");
    for (command, code) in [("grant", "OK"), ("revoke", "PERMISSION_DENIED")] {
        let done = replicas.environment.run(&["user", command, &ann.username, "admin"], "");
        assert!(done.status.success(), "{done:?}");
        for app in [a, b] {
            assert_eq!(ann.at(app).everywhere(rename.clone()).await.code, code, "{command}");
        }
    }
}

#[tokio::test]
async fn sess_04_an_open_stream_ends_with_its_session_on_every_replica() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let root = b.admin("root").await;
    for transport in Transport::BINARY {
        let ann = a.user("ann").await;
        let elsewhere = a.sign_in(&ann.username).await;
        let streams = [watch(transport, &ann).await, watch(transport, &ann.at(b)).await];
        let mut untouched = Box::pin(watch(transport, &elsewhere.at(b)).await);
        ann.call(transport, LOGOUT, json!({})).await.ok();
        for stream in streams {
            let end = tokio::time::timeout(PATIENCE, stream).await.expect("an end");
            end.refused("UNAUTHENTICATED", "SESSION_ENDED");
        }
        assert!((&mut untouched).now_or_never().is_none(), "another session goes on");
        root.call(transport, SUSPEND_USER, json!({ "id": ann.id })).await.ok();
        untouched.await.refused("UNAUTHENTICATED", "SESSION_ENDED");
    }
}

/// A stream that somebody has opened: its end.
async fn watch(transport: Transport, person: &Person) -> impl Future<Output = Reply> + use<> {
    person.app.client.watch_health(transport, &person.access_token).await
}

#[tokio::test]
async fn sess_01_a_stolen_refresh_token_ends_the_session_on_every_replica() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let ann = a.user("ann").await;
    ann.at(b).everywhere(me()).await.ok();
    let mut newest = ann.refresh_token.clone();
    for app in [b, a] {
        newest = successor(app, Transport::Rest, &newest).await;
    }
    let reused = b.send(Transport::Grpc, &refresh(&ann.refresh_token)).await;
    reused.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
    for app in [a, b] {
        ann.at(app).everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
        let refreshed = app.everywhere(&refresh(&newest)).await;
        refreshed.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    }
}

#[tokio::test]
async fn sess_02_of_refreshes_that_race_on_two_replicas_one_wins_and_all_get_its_successor() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    let mut token = a.user("ann").await.refresh_token;
    for round in 0..ROUNDS {
        let transport = Transport::ALL[round % Transport::ALL.len()];
        let (here, there) =
            tokio::join!(successor(a, transport, &token), successor(b, transport, &token));
        assert_eq!(here, there, "round {round}");
        assert_ne!(here, token);
        token = here;
    }
}

/// The refresh token that follows this one.
async fn successor(app: &App, transport: Transport, token: &str) -> String {
    text(&app.send(transport, &refresh(token)).await.ok()["tokens"]["refreshToken"])
}

#[tokio::test]
async fn replicas_behind_a_pooler_agree_whether_they_hear_each_other_or_not() {
    let mut replicas = Replicas::with(0, Environment::new()).await;
    let direct = replicas.environment.get("DATABASE_URL").to_owned();
    let pooled = replicas
        .environment
        .clone()
        .set("DATABASE_URL", &pgbouncer::in_front_of(&direct))
        .set("DATABASE_POOLER", "transaction");
    let hearing = pooled.clone().set("DATABASE_LISTEN_URL", &direct);
    for (environment, hears) in [(hearing, 1.0), (pooled, 0.0)] {
        replicas.apps.clear();
        for _ in 0..2 {
            replicas.join_with(environment.clone());
        }
        let (a, b) = replicas.pair();
        for app in [a, b] {
            app.until_metric("veza_db_listening", hears).await;
        }
        let ann = a.user("ann").await;
        let at_b = ann.at(b);
        at_b.everywhere(me()).await.ok();
        ann.call(Transport::Grpc, LOGOUT, json!({})).await.ok();
        at_b.everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
        assert_eq!(stale_reads(&replicas, ROUNDS / 50).await, 0);
        let (a, _) = replicas.pair();
        assert_eq!(a.metric("veza_db_listening").await, Some(hears));
    }
}
