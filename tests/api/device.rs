//! The sessions of a user as a list of devices: seen, ended from elsewhere, and bounded in number.

use serde_json::{Value, json};

use crate::support::{
    app::{App, PASSWORD, Person, text, unique_uuid},
    client::{Call, Transport},
    database::on_every_database,
    replicas::Replicas,
    rpc::{
        CHANGE_PASSWORD, GET_ME, LIST_SESSIONS, LOGIN, REAUTHENTICATE, REVOKE_SESSION,
        REVOKE_SESSIONS,
    },
    server::Environment,
};

const ANOTHER_PASSWORD: &str = "another one, and as long";

fn me() -> Call {
    Call::to(GET_ME, json!({}))
}

/// The sessions that somebody sees of themselves, the newest first.
async fn sessions(of: &Person, transport: Transport) -> Vec<Value> {
    let listed = of.call(transport, LIST_SESSIONS, json!({})).await;
    listed.ok()["sessions"].as_array().cloned().unwrap_or_default()
}

async fn assert_ended(session: &Person) {
    session.everywhere(me()).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
}

#[tokio::test]
async fn sess_05_users_see_where_they_are_signed_in() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        app.user("bob").await;
        let request =
            json!({ "identifier": ann.username, "password": PASSWORD, "clientName": "a phone" });
        let call = Call::to(LOGIN, request).header("user-agent", "phone/7");
        let phone = app.send(Transport::Rest, &call).await;
        let phone = text(&phone.ok()["result"]["tokens"]["sessionId"]);
        for transport in Transport::ALL {
            let sessions = sessions(&ann, transport).await;
            let ids: Vec<_> = sessions.iter().map(|session| text(&session["id"])).collect();
            assert_eq!(ids, [phone.clone(), ann.session_id.clone()]);
            assert_eq!(sessions[0]["clientName"], "a phone");
            assert_eq!(sessions[0]["userAgent"], "phone/7");
            assert_eq!(sessions[0]["ip"], "127.0.0.1");
            assert_eq!(sessions[0]["amr"], json!(["pwd"]));
            let current: Vec<_> = sessions.iter().map(|session| &session["current"]).collect();
            assert_eq!(current, [false, true]);
        }
    }
}

#[tokio::test]
async fn sess_05_users_end_their_own_sessions_from_elsewhere_and_nobody_elses() {
    for app in on_every_database().await {
        let (ann, bob, root) =
            (app.user("ann").await, app.user("bob").await, app.admin("root").await);
        for transport in Transport::ALL {
            let phone = app.sign_in(&ann.username).await;
            let one = json!({ "id": phone.session_id });
            // To a stranger a session that is and one that never was look alike.
            let unknown = json!({ "id": unique_uuid() });
            for (by, id) in [(&bob, &one), (&bob, &unknown), (&ann, &unknown)] {
                let refused = by.call(transport, REVOKE_SESSION, id.clone()).await;
                refused.refused("NOT_FOUND", "NOT_FOUND");
            }
            phone.everywhere(me()).await.ok();
            let ended = ann.call(transport, REVOKE_SESSION, one.clone()).await;
            assert_eq!(ended.ok()["session"]["id"], phone.session_id.as_str());
            assert_ended(&phone).await;
            let again = ann.call(transport, REVOKE_SESSION, one).await;
            again.refused("NOT_FOUND", "NOT_FOUND");

            let phone = app.sign_in(&ann.username).await;
            let of_ann = json!({ "userId": ann.id });
            for method in [LIST_SESSIONS, REVOKE_SESSIONS] {
                let refused = bob.call(transport, method, of_ann.clone()).await;
                refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
            }
            let listed = root.call(transport, LIST_SESSIONS, of_ann.clone()).await;
            assert_eq!(listed.ok()["sessions"].as_array().map(Vec::len), Some(2));
            let ended = ann.call(transport, REVOKE_SESSIONS, json!({})).await;
            assert_eq!(ended.ok()["revokedCount"], 1);
            assert_ended(&phone).await;
            ann.everywhere(me()).await.ok();
        }
        let ended = root.call(Transport::Rest, REVOKE_SESSIONS, json!({ "userId": ann.id })).await;
        assert_eq!(ended.ok()["revokedCount"], 1);
        assert_ended(&ann).await;
        let all = json!({ "includeCurrent": true });
        assert_eq!(bob.call(Transport::Grpc, REVOKE_SESSIONS, all).await.ok()["revokedCount"], 1);
        assert_ended(&bob).await;
    }
}

#[tokio::test]
async fn sess_05_being_seen_is_written_now_and_then_and_not_for_each_call() {
    const WRITES: &str = "veza_db_query_duration_seconds_count{query=\"mark_sessions_seen\"}";
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    let begun = text(&sessions(&ann, Transport::Rest).await[0]["lastSeenTime"]);
    for _ in 0..100 {
        ann.call(Transport::Grpc, GET_ME, json!({})).await.ok();
    }
    assert!(app.metric(WRITES).await.unwrap_or_default() <= 1.0);
    let environment = app.server.environment.clone();
    // What was not written yet is written when the server stops.
    app.server.stop();
    let app = App::alone(environment);
    let ann = Person { app, ..ann };
    let seen = text(&sessions(&ann, Transport::Rest).await[0]["lastSeenTime"]);
    assert!(seen > begun, "{seen} {begun}");
}

#[tokio::test]
async fn sess_07_a_session_too_many_ends_the_one_that_was_not_refreshed_for_longest() {
    let app = App::with(Environment::new().set("SESSIONS_PER_USER_MAX", "3"));
    let ann = app.user("ann").await;
    let others = [app.sign_in(&ann.username).await, app.sign_in(&ann.username).await];
    assert_eq!(sessions(&ann, Transport::Grpc).await.len(), 3);
    let last = app.sign_in(&ann.username).await;
    assert_ended(&ann).await;
    assert_eq!(sessions(&last, Transport::Grpc).await.len(), 3);
    for other in others {
        other.everywhere(me()).await.ok();
    }
}

#[tokio::test]
async fn authn_11_a_password_is_changed_after_a_fresh_proof_and_ends_the_other_sessions() {
    let replicas = Replicas::start(2).await;
    let (app, other) = replicas.pair();
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let elsewhere = app.sign_in(&ann.username).await.at(other);
        elsewhere.everywhere(me()).await.ok();
        let new = json!({ "newPassword": ANOTHER_PASSWORD });
        ann.call(transport, CHANGE_PASSWORD, new).await.ok();
        assert_ended(&elsewhere).await;
        ann.everywhere(me()).await.ok();
        for (password, wrong) in [(PASSWORD, true), (ANOTHER_PASSWORD, false)] {
            let request = json!({ "identifier": ann.username, "password": password });
            let reply = other.call(transport, LOGIN, request, None).await;
            assert_eq!(reply.reason.as_deref() == Some("WRONG_CREDENTIALS"), wrong, "{reply:#?}");
            let request = json!({ "password": password });
            let reply = ann.at(other).call(transport, REAUTHENTICATE, request).await;
            assert_eq!(reply.reason.as_deref() == Some("WRONG_CREDENTIALS"), wrong, "{reply:#?}");
        }
    }
}
