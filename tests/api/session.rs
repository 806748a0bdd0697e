//! Sessions: carried on by refresh tokens, ended by signing out, by theft, or with the account.

use serde_json::{Value, json};

use crate::support::{
    app::{App, PASSWORD, Person, text},
    client::{Call, Transport},
    database::on_every_database,
    reply::Reply,
    rpc::{DELETE_USER, GET_ME, LOGIN, LOGOUT, REFRESH_TOKEN},
    server::Environment,
};

/// A call that exchanges a refresh token.
fn refresh(token: &str) -> Call {
    Call::to(REFRESH_TOKEN, json!({ "refreshToken": token }))
}

/// The refresh token that follows this one.
async fn successor(app: &App, transport: Transport, token: &str) -> String {
    text(&app.send(transport, &refresh(token)).await.ok()["tokens"]["refreshToken"])
}

/// Demands that nothing of a session can be used any more.
async fn assert_ended(person: &Person, refresh_token: &str) {
    let me = person.everywhere(Call::to(GET_ME, json!({}))).await;
    me.refused("UNAUTHENTICATED", "SESSION_ENDED");
    let refreshed = person.app.everywhere(&refresh(refresh_token)).await;
    refreshed.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
}

async fn assert_live(person: &Person) {
    person.everywhere(Call::to(GET_ME, json!({}))).await.ok();
}

#[tokio::test]
async fn sess_01_a_refresh_token_gives_new_tokens_of_the_same_session() {
    for app in on_every_database().await {
        let mut ann = app.user("ann").await;
        for transport in Transport::ALL {
            let reply = app.send(transport, &refresh(&ann.refresh_token)).await;
            let tokens = &reply.ok()["tokens"];
            assert_eq!(tokens["sessionId"], ann.session_id.as_str());
            assert_ne!(tokens["accessToken"], ann.access_token.as_str());
            assert_ne!(tokens["refreshToken"], ann.refresh_token.as_str());
            ann.access_token = text(&tokens["accessToken"]);
            ann.refresh_token = text(&tokens["refreshToken"]);
            assert_live(&ann).await;
        }
    }
}

#[tokio::test]
async fn sess_02_parallel_uses_of_a_refresh_token_get_the_same_successor() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        let uses: Vec<_> = (0..24)
            .map(|number| {
                let (app, token) = (app.clone(), ann.refresh_token.clone());
                let transport = Transport::ALL[number % Transport::ALL.len()];
                async move { successor(&app, transport, &token).await }
            })
            .collect();
        let mut successors = futures::future::join_all(uses).await;
        successors.dedup();
        assert_eq!(successors.len(), 1);
        assert_ne!(successors[0], ann.refresh_token);
        assert_live(&ann).await;
    }
}

#[tokio::test]
async fn sess_01_a_refresh_token_older_than_the_last_used_ends_the_session() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let second = successor(&app, transport, &ann.refresh_token).await;
            let third = successor(&app, transport, &second).await;
            let reply = app.send(transport, &refresh(&ann.refresh_token)).await;
            reply.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
            assert_ended(&ann, &third).await;
        }
    }
}

#[tokio::test]
async fn sess_02_without_a_grace_refresh_with_a_used_token_ends_the_session() {
    let app = App::with(Environment::new().set("REFRESH_GRACE", "0s"));
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let second = successor(&app, transport, &ann.refresh_token).await;
        let reply = app.send(transport, &refresh(&ann.refresh_token)).await;
        reply.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
        assert_ended(&ann, &second).await;
    }
}

#[tokio::test]
async fn sess_01_theft_ends_the_one_session_and_no_other() {
    let app = App::start();
    let ann = app.user("ann").await;
    let elsewhere = app.sign_in(&ann.username).await;
    let second = successor(&app, Transport::Grpc, &ann.refresh_token).await;
    let third = successor(&app, Transport::Grpc, &second).await;
    let reply = app.send(Transport::Grpc, &refresh(&ann.refresh_token)).await;
    reply.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
    assert_ended(&ann, &third).await;
    assert_live(&elsewhere).await;
}

#[tokio::test]
async fn sess_01_what_is_not_the_newest_refresh_token_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let elsewhere = app.sign_in(&ann.username).await;
    let (beginning, end) = ann.refresh_token.split_at(ann.refresh_token.len() / 2);
    let (_, other_end) = elsewhere.refresh_token.split_at(elsewhere.refresh_token.len() / 2);
    let forged = [
        "nonsense".to_owned(),
        beginning.to_owned(),
        format!("{beginning}{other_end}"),
        format!("{}x", ann.refresh_token),
        end.to_owned(),
        ann.access_token.clone()[..500.min(ann.access_token.len())].to_owned(),
    ];
    for token in forged {
        let reply = app.everywhere(&refresh(&token)).await;
        reply.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    }
    assert_live(&ann).await;
    successor(&app, Transport::Rest, &ann.refresh_token).await;
}

#[tokio::test]
async fn sess_04_signing_out_ends_the_session_at_once() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let elsewhere = app.sign_in(&ann.username).await;
            assert_live(&ann).await;
            ann.call(transport, LOGOUT, json!({})).await.ok();
            assert_ended(&ann, &ann.refresh_token).await;
            assert_live(&elsewhere).await;
        }
    }
}

#[tokio::test]
async fn sess_04_a_refresh_token_signs_out_without_an_access_token() {
    let app = App::start();
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let request = json!({ "refreshToken": ann.refresh_token });
        app.call(transport, LOGOUT, request, None).await.ok();
        assert_ended(&ann, &ann.refresh_token).await;
    }
}

#[tokio::test]
async fn sess_04_signing_out_everywhere_ends_every_session_of_the_user() {
    let app = App::start();
    for transport in Transport::ALL {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let elsewhere = app.sign_in(&ann.username).await;
        ann.call(transport, LOGOUT, json!({ "allSessions": true })).await.ok();
        assert_ended(&ann, &ann.refresh_token).await;
        assert_ended(&elsewhere, &elsewhere.refresh_token).await;
        assert_live(&bob).await;
        assert_live(&app.sign_in(&ann.username).await).await;
    }
}

#[tokio::test]
async fn sess_04_a_token_that_was_exchanged_long_ago_ends_its_session_and_no_other() {
    let app = App::start();
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        let elsewhere = app.sign_in(&ann.username).await;
        let second = successor(&app, transport, &ann.refresh_token).await;
        let third = successor(&app, transport, &second).await;
        let logout = |token: &str, all| json!({ "refreshToken": token, "allSessions": all });
        let refused = app.call(transport, LOGOUT, logout(&ann.refresh_token, true), None).await;
        refused.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
        assert_live(&ann).await;
        app.call(transport, LOGOUT, logout(&ann.refresh_token, false), None).await.ok();
        assert_ended(&ann, &third).await;
        assert_live(&elsewhere).await;
        // The one before the newest may be all that a client has, where an answer was lost.
        let parent = &elsewhere.refresh_token;
        successor(&app, transport, parent).await;
        app.call(transport, LOGOUT, logout(parent, true), None).await.ok();
        assert_ended(&elsewhere, parent).await;
    }
}

#[tokio::test]
async fn signing_out_without_a_session_is_refused() {
    let app = App::start();
    let nobody = app.everywhere(&Call::to(LOGOUT, json!({}))).await;
    nobody.refused("UNAUTHENTICATED", "MISSING_TOKEN");
    let forged = app.everywhere(&Call::to(LOGOUT, json!({ "refreshToken": "nonsense" }))).await;
    forged.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    let stranger = Call::to(LOGOUT, json!({})).token("nonsense");
    app.everywhere(&stranger).await.refused("UNAUTHENTICATED", "INVALID_TOKEN");
}

#[tokio::test]
async fn signing_out_of_a_session_that_has_ended_says_so() {
    let app = App::start();
    let ann = app.user("ann").await;
    ann.call(Transport::Rest, LOGOUT, json!({})).await.ok();
    let again = ann.everywhere(Call::to(LOGOUT, json!({}))).await;
    again.refused("UNAUTHENTICATED", "SESSION_ENDED");
    let request = json!({ "identifier": ann.username, "password": PASSWORD });
    ann.call(Transport::Rest, LOGIN, request).await.ok();
}

#[tokio::test]
async fn sess_04_deleting_an_account_ends_its_sessions() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let elsewhere = app.sign_in(&ann.username).await;
            ann.call(transport, DELETE_USER, json!({ "id": ann.id })).await.ok();
            assert_ended(&ann, &ann.refresh_token).await;
            assert_ended(&elsewhere, &elsewhere.refresh_token).await;
            let request = json!({ "identifier": ann.username, "password": PASSWORD });
            let reply: Reply = app.call(transport, LOGIN, request, None).await;
            reply.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        }
    }
}

#[tokio::test]
async fn sess_06_every_sign_in_has_a_session_of_its_own() {
    let app = App::start();
    let ann = app.user("ann").await;
    let mut sessions: Vec<Value> = vec![ann.session_id.as_str().into()];
    for transport in Transport::ALL {
        let request = json!({ "identifier": ann.email, "password": PASSWORD });
        let reply = app.call(transport, LOGIN, request, None).await;
        let session = reply.ok()["result"]["tokens"]["sessionId"].clone();
        assert!(!sessions.contains(&session));
        sessions.push(session);
    }
}
