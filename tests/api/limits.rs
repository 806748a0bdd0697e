//! Limits: how often, how large, and what an answer says of them.

use http::Request;
use serde_json::{Value, json};

use crate::{
    auth::registration,
    kind::ROOM,
    support::{
        app::{App, PASSWORD, unique},
        client::{Call, Transport},
        grpc::content_type,
        reply::Reply,
        rpc::{CREATE_ROOM, GET_ME, LIST_USERS, LOGIN, REFRESH_TOKEN, REGISTER, VALIDATE_TOKEN},
        server::Environment,
    },
};

/// Demands that a call was refused because a budget is used up, and that the answer says when to come back.
#[track_caller]
fn assert_limited(reply: &Reply) {
    reply.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
    if reply.transport == Transport::Rest {
        let seconds: u64 = reply.header("retry-after").parse().unwrap_or_default();
        assert!((1..=60).contains(&seconds), "{reply:#?}");
    }
    let retry = reply.detail("google.rpc.RetryInfo").map(|info| &info["retryDelay"]);
    assert!(retry.is_some_and(Value::is_string), "{reply:#?}");
}

#[tokio::test]
async fn api_07_a_user_has_one_budget_whatever_the_transport() {
    let app = App::with(Environment::new().set("RATE_LIMIT_PER_MINUTE", "1"));
    for first in Transport::ALL {
        let ann = app.user("ann").await;
        ann.call(first, GET_ME, json!({})).await.ok();
        for transport in Transport::ALL {
            assert_limited(&ann.call(transport, GET_ME, json!({})).await);
        }
        let elsewhere = app.sign_in(&ann.username).await;
        assert_limited(&elsewhere.call(first, GET_ME, json!({})).await);
    }
}

#[tokio::test]
async fn api_07_signing_in_has_a_budget_of_its_own_for_each_address() {
    let app = App::with(Environment::new().set("SIGN_IN_RATE_LIMIT_PER_MINUTE", "1"));
    let ann = app.user("ann").await;
    let login = json!({ "identifier": ann.username, "password": PASSWORD });
    let name = unique("bob");
    for transport in Transport::ALL {
        assert_limited(&app.call(transport, LOGIN, login.clone(), None).await);
        assert_limited(&app.call(transport, REGISTER, registration(&name), None).await);
        ann.call(transport, GET_ME, json!({})).await.ok();
    }
}

#[tokio::test]
async fn api_07_callers_without_a_token_share_the_budget_of_their_address() {
    let app = App::with(Environment::new().set("RATE_LIMIT_PER_MINUTE", "1"));
    let refresh = json!({ "refreshToken": "nonsense" });
    let first = app.call(Transport::Rest, REFRESH_TOKEN, refresh.clone(), None).await;
    first.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    for transport in Transport::ALL {
        assert_limited(&app.call(transport, REFRESH_TOKEN, refresh.clone(), None).await);
    }
    app.user("ann").await.call(Transport::Rest, GET_ME, json!({})).await.ok();
}

/// A call that signs somebody in who does not exist, by way of these proxies.
fn login_through(forwarded_for: &str) -> Call {
    let request = json!({ "identifier": "nobody", "password": PASSWORD });
    Call::to(LOGIN, request).header("x-forwarded-for", forwarded_for)
}

#[tokio::test]
async fn api_08_nobody_chooses_their_own_address() {
    let app = App::with(Environment::new().set("SIGN_IN_RATE_LIMIT_PER_MINUTE", "1"));
    let first = app.send(Transport::Rest, &login_through("192.0.2.1")).await;
    first.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    for transport in Transport::ALL {
        assert_limited(&app.send(transport, &login_through("192.0.2.2")).await);
    }
}

#[tokio::test]
async fn api_08_a_trusted_proxy_says_on_whose_behalf_it_calls() {
    let environment = Environment::new()
        .set("SIGN_IN_RATE_LIMIT_PER_MINUTE", "1")
        .set("TRUSTED_PROXIES", "127.0.0.0/8,198.51.100.0/24");
    let app = App::with(environment);
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let client = format!("192.0.2.{number}");
        let first = app.send(transport, &login_through(&client)).await;
        first.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        let believed = format!("203.0.113.{number}, {client}, 198.51.100.7");
        assert_limited(&app.send(transport, &login_through(&believed)).await);
    }
}

#[tokio::test]
async fn api_07_every_answer_tells_the_budget() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in Transport::ALL {
        let answered = ann.call(transport, GET_ME, json!({})).await;
        let refused = app.call(transport, GET_ME, json!({}), None).await;
        for reply in [answered, refused] {
            for name in ["ratelimit", "ratelimit-policy"] {
                assert!(!reply.header(name).is_empty(), "{name}: {reply:#?}");
            }
        }
    }
}

#[tokio::test]
async fn api_01_a_message_that_is_too_large_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let request = ROOM.draft(&"x".repeat((4 << 20) + 1));
    let reply = ann.call(Transport::Grpc, CREATE_ROOM, request).await;
    assert_eq!(reply.reason.as_deref(), Some("BODY_TOO_LARGE"), "{reply:#?}");

    // Over HTTP/1.1 the answer comes before the body has ended, and nobody reads the rest of it.
    let length = (4_u32 << 20) + 1;
    let frame = [&[0][..], &length.to_be_bytes()].concat();
    for (transport, path, beginning) in [
        (Transport::GrpcWeb, "/veza.chat.v1.ChatService/CreateRoom", frame),
        (Transport::Rest, "/api/v1/rooms", b"{".to_vec()),
    ] {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", ann.access_token))
            .header("content-type", content_type(transport))
            .header("content-length", length + 5)
            .body(beginning)
            .expect("a request");
        let reply = app.client.unfinished(transport, request).await;
        assert_eq!(reply.reason.as_deref(), Some("BODY_TOO_LARGE"), "{reply:#?}");
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn api_01_a_message_below_the_limit_is_read() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (transport, bytes) in [(Transport::Grpc, 4_000_000), (Transport::Rest, 1_000_000)] {
        let reply = ann.call(transport, CREATE_ROOM, ROOM.draft(&"x".repeat(bytes))).await;
        reply.invalid("room.name");
    }
}

#[tokio::test]
async fn api_01_an_address_that_is_too_long_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let request = Request::get(format!("/api/v1/rooms?filter={}", "x".repeat(8192)))
        .header("authorization", format!("Bearer {}", ann.access_token))
        .body("")
        .expect("a request");
    let reply = app.client.raw(Transport::Rest, request).await;
    assert_eq!((reply.http_status.as_u16(), reply.reason.as_deref()), (414, Some("URI_TOO_LONG")));
}

#[tokio::test]
async fn api_07_asking_about_the_tokens_of_others_has_a_budget_of_its_own() {
    let environment = Environment::new()
        .set("RATE_LIMIT_PER_MINUTE", "2")
        .set("VALIDATION_RATE_LIMIT_PER_MINUTE", "4");
    let app = App::with(environment);
    let ann = app.user("ann").await;
    let service = app.person_with_role("service").await;
    let question = json!({ "token": ann.access_token });
    for transport in [Transport::Grpc, Transport::GrpcWeb, Transport::GrpcWebText, Transport::Grpc]
    {
        service.call(transport, VALIDATE_TOKEN, question.clone()).await.ok();
    }
    assert_limited(&service.call(Transport::Grpc, VALIDATE_TOKEN, question.clone()).await);
    service.call(Transport::Grpc, GET_ME, json!({})).await.ok();
    // Whoever may not ask has no such budget.
    for _ in 0..2 {
        let denied = ann.call(Transport::Grpc, VALIDATE_TOKEN, question.clone()).await;
        denied.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
    }
    assert_limited(&ann.call(Transport::Grpc, VALIDATE_TOKEN, question).await);
}

#[tokio::test]
async fn a_registration_that_is_refused_for_its_number_makes_no_account() {
    let app = App::with(Environment::new().set("SIGN_IN_RATE_LIMIT_PER_MINUTE", "2"));
    let name = unique("bob");
    app.user("ann").await;
    let reader = app.user("reader").await;
    assert_limited(&app.call(Transport::Rest, REGISTER, registration(&name), None).await);
    let request = json!({ "filter": format!("username : \"{name}\"") });
    let listed = reader.call(Transport::Grpc, LIST_USERS, request).await;
    assert_eq!(listed.ok()["users"], json!([]));
}
