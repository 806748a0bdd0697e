//! How a server that is told of a Redis starts: with it, without it for now, or not at all.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

use prometheus_client::metrics::gauge::Gauge;
use veza::{
    adapter::redis::{Redis, check},
    port::limiter::Backend,
};

use crate::{
    process::free_port,
    redis::Server,
    replica::{Replica, options, user},
};

/// The rules of access that docs/operations.md gives.
const RULES: &str = "ACL SETUSER app on >secret resetchannels ~test:* \
                     +ping +select +evalsha +eval +time +get +set +pfadd +pfcount +expire";

/// Why a Redis cannot be used.
async fn refusal(url: &str) -> String {
    let refused = Redis::connect(&options(url), Gauge::default()).await;
    let why = refused.err().unwrap_or_else(|| panic!("{url} is taken"));
    assert!(why.starts_with("REDIS_URL"), "{why}");
    assert!(!why.contains("s3cret"), "{why}");
    why
}

#[tokio::test]
async fn a_wrong_password_ends_the_start() {
    let server = Server::start();
    assert!(refusal(&server.url_of("nobody:s3cret@")).await.contains("user and password"));
    let _: () = server.command("ACL SETUSER default on >secret");
    for login in ["", ":s3cret@"] {
        assert!(refusal(&server.url_of(login)).await.contains("user and password"), "{login}");
    }
    let replica = Replica::start(&options(&server.url_of(":secret@")), 5, 5).await;
    assert_eq!(replica.count(user(1)).await.backend, Backend::Redis);
}

#[tokio::test]
async fn a_user_who_may_not_do_what_is_needed_ends_the_start() {
    let server = Server::start();
    let _: () = server.command("ACL SETUSER app on >s3cret ~test:* +ping");
    assert!(refusal(&server.url_of("app:s3cret@")).await.contains("docs/operations.md"));
}

#[tokio::test]
async fn a_user_with_the_rights_of_the_document_and_no_others_will_do() {
    let document = include_str!("../../docs/operations.md");
    let rules = RULES.replace(">secret", ">PASSWORD").replace("~test", "~veza");
    let rules = rules.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(document.contains(&rules), "docs/operations.md does not have `{rules}`");

    let server = Server::start();
    let _: () = server.command(&RULES.split_whitespace().collect::<Vec<_>>().join(" "));
    let replica = Replica::start(&options(&(server.url_of("app:secret@") + "/1")), 500, 5).await;
    for _ in 0..100 {
        assert_eq!(replica.count(user(1)).await.backend, Backend::Redis);
    }
    assert_eq!(replica.note(0..7).await, [7; 3]);
    assert_eq!(server.command::<Vec<String>>("ACL LOG"), [""; 0]);
}

#[tokio::test]
async fn a_replica_of_redis_ends_the_start() {
    let server = Server::start();
    let _: () = server.command(&format!("REPLICAOF 127.0.0.1 {}", free_port()));
    assert!(refusal(&server.url()).await.contains("name the primary"));
}

#[tokio::test]
async fn a_redis_that_is_too_old_ends_the_start() {
    assert!(refusal(&greeting_with("6.2.14")).await.contains("Redis 6.2.14"));
}

#[tokio::test]
async fn a_url_that_cannot_be_read_ends_the_start() {
    for url in [
        "nonsense:s3cret",
        "http://:s3cret@127.0.0.1",
        "redis://:s3cret@",
        "redis://:s3cret@127.0.0.1:port",
        "redis://:s3cret@127.0.0.1/name",
        "rediss://:s3cret@127.0.0.1/#insecure",
    ] {
        assert!(check(&options(url)).is_err(), "{url}");
        assert!(refusal(url).await.contains("redis://USER:PASSWORD@HOST"), "{url}");
    }
}

#[tokio::test]
async fn a_redis_that_is_not_there_yet_is_found_when_it_comes() {
    let server = Server::start();
    server.tell("crash");
    let replica = Replica::start(&options(&server.url()), 5, 5).await;
    assert_eq!(replica.count(user(1)).await.backend, Backend::Fallback);
    server.tell("start");
    replica.wait_until_up(true).await;
    assert_eq!(replica.count(user(2)).await.backend, Backend::Redis);
}

/// The URL of a server that says it is Redis of this version.
fn greeting_with(version: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // Commands come as arrays of words, each on a line of its own.
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                let answer = match line.as_str() {
                    "CLIENT" => "+OK\r\n".to_owned(),
                    "HELLO" => {
                        let fields = ["version", version, "mode", "standalone", "role", "master"];
                        let word = |word: &str| format!("${}\r\n{word}\r\n", word.len());
                        format!("*6\r\n{}", fields.map(word).concat())
                    }
                    _ => continue,
                };
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    url
}
