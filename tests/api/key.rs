//! The keys that sign access tokens: replaced on schedule and by command, on every replica, without a good token refused.

use std::{
    collections::{BTreeSet, VecDeque},
    process::Output,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{FutureExt, future};
use serde_json::{Value, json};
use veza::service::keyring::Pace;

use crate::support::{
    app::{App, PASSWORD, Person, text},
    client::{Answer, Call, Client, Transport},
    database::actions,
    forge::Forge,
    replicas::Replicas,
    rpc::{GET_ME, LOGIN, REFRESH_TOKEN, REGISTER},
    server::Environment,
    world::{JWT_SECRET, World},
};

const MINUTE: Duration = Duration::from_mins(1);

/// How long is waited for what should take less than a second, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long others may keep the keys, in seconds: what the answer says.
const KEPT_BY_OTHERS: u64 = 300;

fn me() -> Call {
    Call::to(GET_ME, json!({}))
}

fn keys(environment: &Environment, arguments: &[&str]) -> String {
    let output = environment.run(&[&["keys"], arguments].concat(), "");
    let Output { status, stdout, stderr } = output;
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// The keys as the command lists them.
fn listed(environment: &Environment) -> Vec<Value> {
    serde_json::from_str(&keys(environment, &["list", "--json"])).unwrap()
}

/// The `kid` of an access token.
fn kid(token: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    text(&serde_json::from_slice::<Value>(&header).unwrap()["kid"])
}

async fn jwks(client: &Client) -> Answer {
    client.http(http::Request::get("/.well-known/jwks.json").body("").unwrap()).await
}

/// The ids of the keys that a server publishes.
async fn published(client: &Client) -> BTreeSet<String> {
    let keys = jwks(client).await.json();
    keys["keys"].as_array().unwrap().iter().map(|key| text(&key["kid"])).collect()
}

#[tokio::test]
async fn tok_04_others_keep_the_keys_for_less_time_than_a_new_one_is_published_before_it_signs() {
    let app = App::with(Environment::new());
    let control = text(&jwks(&app.client).await.header("cache-control").into());
    assert_eq!(control, format!("public, max-age={KEPT_BY_OTHERS}"));
    keys(&app.server.environment, &["rotate"]);
    let listed = listed(&app.server.environment);
    let [old, new] = &listed[..] else { panic!("{listed:?}") };
    let time = |key: &Value, name: &str| {
        let text = key[name].as_str().unwrap();
        ::time::OffsetDateTime::parse(text, &::time::format_description::well_known::Rfc3339)
            .unwrap()
    };
    let kept = Duration::from_secs(KEPT_BY_OTHERS);
    assert!(time(new, "createTime") + 2 * kept <= time(new, "activateTime"), "{new}");
    // A token that was signed at the last moment expires before its key does.
    assert!(time(new, "activateTime") + 60 * MINUTE + kept <= time(old, "retireTime"), "{old}");
}

#[tokio::test]
async fn tok_04_a_key_that_waits_is_not_replaced_by_another_one() {
    let app = App::with(Environment::new());
    let environment = &app.server.environment;
    assert!(keys(environment, &["rotate"]).starts_with("made the key "));
    assert!(keys(environment, &["rotate"]).starts_with("nothing to do"));
    let states: Vec<_> = listed(environment).iter().map(|key| text(&key["state"])).collect();
    assert_eq!(states, ["signs", "waits"]);
    let for_people = keys(environment, &["list"]);
    assert!(for_people.contains("signs") && for_people.contains("verifies until"), "{for_people}");
    keys(environment, &["rotate", "--now"]);
    let states: Vec<_> = listed(environment).iter().map(|key| text(&key["state"])).collect();
    assert_eq!(states, ["signs"]);
    let done = actions(environment).await;
    let count = |name: &str| done.iter().filter(|action| *action == name).count();
    assert_eq!((count("key.rotate"), count("key.retire")), (2, 2));
}

/// F-23, by a clock that is moved: the key that signs is replaced again and again, faster than tokens expire.
#[tokio::test]
async fn tok_04_no_token_is_refused_before_its_time_while_keys_follow_each_other() {
    let world = World::start().await;
    let forge = Forge::from(&world.database_url, JWT_SECRET).await;
    let request = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    let reply = world.client.send(Transport::Grpc, &Call::to(REGISTER, request)).await;
    let (id, session) = (
        reply.ok()["result"]["user"]["id"].clone(),
        reply.ok()["result"]["tokens"]["sessionId"].clone(),
    );
    let mut tokens = VecDeque::new();
    let mut seen = BTreeSet::new();
    // What somebody who verifies by themselves has read, up to five minutes ago.
    let mut kept = published(&world.client).await;
    for step in 0..60_u32 {
        if step % 5 == 0 {
            world.rotate_keys(Pace::InTurn).await;
        }
        let login = json!({ "identifier": "ann", "password": PASSWORD });
        let reply = world.client.send(Transport::Rest, &Call::to(LOGIN, login)).await;
        let token = text(&reply.ok()["result"]["tokens"]["accessToken"]);
        assert!(kept.contains(&kid(&token)), "step {step}: others have not heard of the key");
        seen.insert(kid(&token));
        tokens.push_back((world.elapsed(), token));
        while tokens.front().is_some_and(|(when, _)| world.elapsed() >= *when + 60 * MINUTE) {
            tokens.pop_front();
        }
        let all = published(&world.client).await;
        for (place, (_, token)) in tokens.iter().enumerate() {
            assert!(all.contains(&kid(token)), "step {step}: a key is gone before its tokens");
            let transport = Transport::ALL[(step as usize + place) % Transport::ALL.len()];
            world.client.send(transport, &me().token(token)).await.ok();
        }
        if step % 2 == 0 {
            kept = all;
        }
        world.wait(5 * MINUTE / 2);
    }
    assert!(seen.len() >= 8, "{seen:?}");

    // Whoever has stolen a key that is retired can do nothing with it.
    let now = 1_767_225_600 + world.elapsed().as_secs();
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": forge.kid });
    let claims = json!({
        "iss": "veza", "aud": "veza", "sub": id, "sid": session, "jti": id,
        "iat": now, "nbf": now, "exp": now + 600,
    });
    let forged = forge.sign(&header, &claims);
    for transport in Transport::ALL {
        let refused = world.client.send(transport, &me().token(&forged)).await;
        refused.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    }
}

/// Calls in turn on both replicas until `stop`: each call must be answered, at most after one refresh for each rotation.
async fn keep_calling(app: &App, other: &App, stop: &AtomicBool, refreshed: &AtomicUsize) {
    let ann = app.user("ann").await;
    let (mut token, mut refresh) = (ann.access_token.clone(), ann.refresh_token.clone());
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let (here, there) = if turn % 2 == 0 { (app, other) } else { (other, app) };
        let transport = Transport::ALL[turn % Transport::ALL.len()];
        let reply = here.send(transport, &me().token(&token)).await;
        if reply.code == "OK" {
            continue;
        }
        reply.refused("UNAUTHENTICATED", "INVALID_TOKEN");
        let request = json!({ "refreshToken": refresh });
        let reply = there.send(transport, &Call::to(REFRESH_TOKEN, request)).await;
        let tokens = &reply.ok()["tokens"];
        let newer = text(&tokens["accessToken"]);
        assert_ne!(kid(&newer), kid(&token), "a token that is good was refused");
        (token, refresh) = (newer, text(&tokens["refreshToken"]));
        refreshed.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn tok_04_rotations_under_load_refuse_no_token_but_those_of_keys_out_of_use() {
    const CALLERS: usize = 6;
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for (arguments, refreshes) in [(&["rotate"][..], false), (&["rotate", "--now"][..], true)] {
        let (stop, refreshed) = (AtomicBool::new(false), AtomicUsize::new(0));
        let rotate = async {
            for _ in 0..4 {
                let environment = replicas.environment.clone();
                let rotate = move || keys(&environment, arguments);
                tokio::task::spawn_blocking(rotate).await.unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        };
        let callers = (0..CALLERS).map(|_| keep_calling(a, b, &stop, &refreshed));
        tokio::join!(rotate, future::join_all(callers));
        assert_eq!(refreshed.load(Ordering::Relaxed) > 0, refreshes);
    }
}

#[tokio::test]
async fn tok_04_a_key_out_of_use_is_so_on_every_replica_as_soon_as_the_command_says_it() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for _ in 0..3 {
        let ann = a.user("ann").await;
        for app in [a, b] {
            ann.at(app).everywhere(me()).await.ok();
        }
        keys(&replicas.environment, &["rotate", "--now"]);
        for app in [a, b] {
            ann.at(app).everywhere(me()).await.refused("UNAUTHENTICATED", "INVALID_TOKEN");
            let again = app.sign_in(&ann.username).await;
            for app in [a, b] {
                again.at(app).everywhere(me()).await.ok();
            }
        }
        let request = json!({ "refreshToken": ann.refresh_token });
        b.send(Transport::Rest, &Call::to(REFRESH_TOKEN, request)).await.ok();
        assert_eq!(published(&a.client).await, published(&b.client).await);
    }
}

#[tokio::test]
async fn tok_04_a_key_out_of_use_is_so_soon_while_replicas_cannot_hear_each_other() {
    let replicas = Replicas::start(2).await;
    let (a, b) = replicas.pair();
    for _ in 0..3 {
        let ann = a.user("ann").await;
        ann.at(b).everywhere(me()).await.ok();
        replicas.cut_listeners().await;
        keys(&replicas.environment, &["rotate", "--now"]);
        for app in [a, b] {
            until_refused(&ann.at(app)).await;
        }
    }
}

#[tokio::test]
async fn tok_04_a_server_with_a_file_of_its_own_hears_of_it_soon() {
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    ann.everywhere(me()).await.ok();
    let before = published(&app.client).await;
    keys(&app.server.environment, &["rotate", "--now"]);
    until_refused(&ann).await;
    let again = app.sign_in(&ann.username).await;
    again.everywhere(me()).await.ok();
    assert!(published(&app.client).await.is_disjoint(&before));
}

/// Returns when somebody's access token is refused, from when on it stays so.
async fn until_refused(person: &Person) {
    let refused = async {
        while person.send(Transport::Grpc, me()).await.code == "OK" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the token is refused");
    person.everywhere(me()).await.refused("UNAUTHENTICATED", "INVALID_TOKEN");
}

#[tokio::test]
async fn tok_04_an_open_stream_ends_with_the_key_of_the_token_that_opened_it() {
    let app = App::with(Environment::new());
    for transport in Transport::BINARY {
        let ann = app.user("ann").await;
        let mut stream = Box::pin(app.client.watch_health(transport, &ann.access_token).await);
        assert!((&mut stream).now_or_never().is_none());
        keys(&app.server.environment, &["rotate", "--now"]);
        let end = tokio::time::timeout(PATIENCE, stream).await.expect("an end");
        end.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn tok_04_ids_of_keys_that_there_are_not_cost_no_look_into_the_database() {
    let app = App::with(Environment::new());
    let Person { access_token, .. } = app.user("ann").await;
    let [_, claims, signature] = access_token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let looks = "veza_db_query_duration_seconds_count{query=\"list_signing_keys\"}";
    let before = app.metric(looks).await;
    for number in 0..1000 {
        let kid = format!("0190d8a6-0000-7000-8000-{number:0>12}");
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }).to_string();
        let token = format!("{}.{claims}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(header));
        let transport = Transport::ALL[number % Transport::ALL.len()];
        let refused = app.send(transport, &me().token(&token)).await;
        refused.refused("UNAUTHENTICATED", "INVALID_TOKEN");
    }
    // A minute may have passed meanwhile, after which the keys are loaded in any case.
    let more = app.metric(looks).await.unwrap() - before.unwrap();
    assert!(more <= 2.0, "{more}");
}
