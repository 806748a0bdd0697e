//! Servers that share a Redis: one budget over all of them, and what becomes of it when Redis fails.

use serde_json::json;

use crate::support::{
    app::{App, text},
    client::Transport,
    redis::Server,
    replicas::Replicas,
    rpc::{GET_ME, LOGOUT, REFRESH_TOKEN},
    server::Environment,
};

/// Servers that are not so soon disappointed of Redis as to count by themselves because the machine is busy.
fn patient(redis: &Server) -> Environment {
    Environment::new().set("REDIS_URL", &redis.url()).set("REDIS_TIMEOUT", "5s")
}

/// Waits until a server says whether Redis answers it.
async fn wait_until_up(app: &App, up: bool) {
    app.until_metric("veza_dependency_up{dependency=\"redis\"}", u8::from(up).into()).await;
}

#[tokio::test]
async fn api_07_servers_that_share_a_redis_share_every_budget() {
    let redis = Server::start();
    let replicas = Replicas::with(2, patient(&redis).set("RATE_LIMIT_PER_MINUTE", "2")).await;
    let (one, other) = replicas.pair();
    for transport in Transport::ALL {
        let ann = one.user("ann").await;
        let first = ann.call(transport, GET_ME, json!({})).await;
        first.ok();
        assert!(first.header("ratelimit").starts_with("\"user\";r=1;"), "{first:#?}");
        let second = ann.at(other).call(transport, GET_ME, json!({})).await;
        second.ok();
        assert!(second.header("ratelimit").starts_with("\"user\";r=0;"), "{second:#?}");
        for app in [one, other] {
            for transport in Transport::ALL {
                let refused = ann.at(app).call(transport, GET_ME, json!({})).await;
                refused.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
                assert!(refused.header("ratelimit").starts_with("\"user\";r=0;"), "{refused:#?}");
            }
        }
    }
    let metrics = one.get("/metrics").await;
    let counted = "scope=\"user\",decision=\"refused\",backend=\"redis\"";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

#[tokio::test]
async fn a_server_whose_redis_fails_goes_on_with_limits_of_its_own() {
    let redis = Server::start();
    let app = App::alone(patient(&redis).set("RATE_LIMIT_PER_MINUTE", "2"));
    let gone = app.user("gone").await;
    gone.call(Transport::Rest, LOGOUT, json!({})).await.ok();
    wait_until_up(&app, true).await;

    app.until_metric("veza_active_users{window=\"24h\"}", 1.0).await;
    redis.tell("crash");
    wait_until_up(&app, false).await;
    let ann = app.user("ann").await;
    for _ in 0..2 {
        ann.call(Transport::Grpc, GET_ME, json!({})).await.ok();
    }
    let refused = ann.call(Transport::Rest, GET_ME, json!({})).await;
    refused.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
    let ended = gone.call(Transport::Rest, GET_ME, json!({})).await;
    ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
    assert_eq!(app.get("/ready").await.status, 200);

    redis.tell("start");
    wait_until_up(&app, true).await;
    let events = app.server.log.events(|event| event.starts_with("redis_"), 3);
    assert_eq!(events, ["redis_up", "redis_down", "redis_up"], "{}", app.server.log.text());
}

#[tokio::test]
async fn a_redis_that_loses_everything_takes_no_session_and_forgives_no_theft() {
    let redis = Server::start();
    let app = App::alone(patient(&redis));
    wait_until_up(&app, true).await;
    let ann = app.user("ann").await;
    let exchange = |token: &str| {
        let request = json!({ "refreshToken": token });
        let (app, transport) = (app.clone(), Transport::Rest);
        async move { app.call(transport, REFRESH_TOKEN, request, None).await }
    };
    let next = exchange(&ann.refresh_token).await;
    let next = text(&next.ok()["tokens"]["refreshToken"]);
    exchange(&next).await.ok();
    let _: () = redis.command("FLUSHALL");
    ann.call(Transport::Grpc, GET_ME, json!({})).await.ok();
    exchange(&ann.refresh_token).await.refused("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
    ann.call(Transport::Grpc, GET_ME, json!({})).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_ends_the_start_without_telling_the_password() {
    let redis = Server::start();
    let url = redis.url_of("ann:s3cret@");
    let environment = Environment::new().set("REDIS_URL", &url);
    let started = environment.run(&[], "");
    let shown = environment.run(&["config"], "");
    assert_eq!((started.status.code(), shown.status.code()), (Some(1), Some(0)));
    let said = String::from_utf8([started.stdout, started.stderr].concat()).unwrap();
    assert!(said.contains("REDIS_URL: the server refuses the user and password"), "{said}");
    let shown = String::from_utf8([shown.stdout, shown.stderr].concat()).unwrap();
    assert!(shown.contains("REDIS_URL=redis://ann:<hidden>@127.0.0.1"), "{shown}");
    assert!(!said.contains("s3cret") && !shown.contains("s3cret"), "{said}{shown}");
}
