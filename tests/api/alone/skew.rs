//! Replicas on machines whose clocks are wrong: all of them go by the clock of the database.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{
    app::{App, text},
    client::{Call, Transport},
    replicas::Replicas,
    rpc::{CREATE_ROOM, GET_ME, LIST_ROOMS, REFRESH_TOKEN},
    server::Environment,
};

#[tokio::test]
async fn replicas_whose_clocks_differ_take_each_others_tokens() {
    let mut replicas = Replicas::start(1).await;
    for ahead in ["+5m", "-5m"] {
        let elsewhen = elsewhen(&replicas.environment, ahead);
        replicas.join_with(elsewhen);
    }
    for maker in &replicas.apps {
        let ann = maker.user("ann").await;
        for taker in &replicas.apps {
            ann.at(taker).everywhere(Call::to(GET_ME, json!({}))).await.ok();
        }
    }
}

#[tokio::test]
async fn the_grace_of_a_refresh_token_is_the_same_on_replicas_whose_clocks_differ() {
    let mut replicas = Replicas::start(1).await;
    let elsewhen = elsewhen(&replicas.environment, "+5m");
    replicas.join_with(elsewhen);
    let (here, there) = replicas.pair();
    for (first, second) in [(here, there), (there, here)] {
        let ann = first.user("ann").await;
        let refresh = async |app: &App| {
            let request = json!({ "refreshToken": ann.refresh_token });
            let reply = app.call(Transport::Grpc, REFRESH_TOKEN, request, None).await;
            reply.ok()["tokens"]["refreshToken"].clone()
        };
        assert_eq!(refresh(first).await, refresh(second).await);
    }
}

#[tokio::test]
async fn what_replicas_whose_clocks_differ_make_is_listed_in_the_order_of_creation() {
    let mut replicas = Replicas::start(1).await;
    for ahead in ["+5m", "-5m"] {
        let elsewhen = elsewhen(&replicas.environment, ahead);
        replicas.join_with(elsewhen);
    }
    let ann = replicas.apps[0].user("ann").await;
    let mut made = Vec::new();
    for number in 0..9 {
        let maker = ann.at(&replicas.apps[number % 3]);
        let room = json!({ "room": { "name": format!("room {number}") } });
        let reply = maker.call(Transport::Grpc, CREATE_ROOM, room).await;
        made.push(text(&reply.ok()["room"]["id"]));
    }
    let query = json!({ "pageSize": 100, "orderBy": "create_time" });
    let listed = ann.call(Transport::Grpc, LIST_ROOMS, query).await;
    let rooms = listed.ok()["rooms"].as_array().unwrap().iter();
    assert_eq!(rooms.map(|room| text(&room["id"])).collect::<Vec<_>>(), made);
}

#[tokio::test]
async fn a_replica_says_that_the_clock_of_its_machine_is_wrong() {
    let mut replicas = Replicas::start(1).await;
    let elsewhen = elsewhen(&replicas.environment, "+5m");
    replicas.join_with(elsewhen);
    let (here, there) = replicas.pair();
    let said = |app: &App| app.server.log.text().contains(r#""event":"clock_differs""#);
    assert_eq!([said(here), said(there)], [false, true]);
}

/// A server on a machine whose clock is so much ahead.
fn elsewhen(environment: &Environment, ahead: &str) -> Environment {
    let library = std::fs::read_dir("/usr/lib")
        .unwrap()
        .map(|folder| folder.unwrap().path().join("faketime/libfaketimeMT.so.1"))
        .chain([PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1")])
        .find(|library| library.exists())
        .expect("libfaketime is not installed: apt install libfaketime");
    environment
        .clone()
        .set("LD_PRELOAD", library.to_str().unwrap())
        .set("FAKETIME", ahead)
        .set("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}
