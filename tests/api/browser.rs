//! What browsers are told: which pages may call, and that no other may.

use http::{Method as Verb, Request};
use serde_json::{Value, json};

use crate::support::{
    app::{App, text},
    client::{Answer, Call, Transport},
    rpc::GET_ME,
    server::Environment,
};

const ALLOWED: &str = "https://app.example";

/// A server that pages of one origin may call.
fn start() -> App {
    App::with(Environment::new().set("CORS_ORIGINS", ALLOWED))
}

/// The answer to the question whether a page of an origin may call.
async fn preflight(app: &App, origin: &str, path: &str) -> Answer {
    let request = Request::builder()
        .method(Verb::OPTIONS)
        .uri(path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,x-grpc-web")
        .body("")
        .expect("a request");
    app.client.http(request).await
}

const PATHS: [&str; 2] = ["/api/v1/rooms", "/veza.chat.v1.ChatService/CreateRoom"];

#[tokio::test]
async fn web_01_pages_of_a_listed_origin_may_call() {
    let app = start();
    for path in PATHS {
        let answer = preflight(&app, ALLOWED, path).await;
        assert!(answer.status.is_success(), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), ALLOWED);
        let headers = answer.header("access-control-allow-headers").to_lowercase();
        assert!(headers.contains("authorization") && headers.contains("x-grpc-web"), "{answer:?}");
    }
    let ann = app.user("ann").await;
    for transport in [Transport::GrpcWeb, Transport::GrpcWebText, Transport::Rest] {
        let call = Call::to(GET_ME, json!({})).header("origin", ALLOWED);
        let reply = ann.send(transport, call).await;
        reply.ok();
        assert_eq!(reply.header("access-control-allow-origin"), ALLOWED);
        assert!(reply.header("vary").to_lowercase().contains("origin"), "{reply:#?}");
    }
}

#[tokio::test]
async fn web_01_pages_of_other_origins_may_not() {
    let app = start();
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:444",
    ] {
        for path in PATHS {
            let answer = preflight(&app, origin, path).await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_log_names_an_origin_that_is_refused() {
    let environment = Environment::new().set("LOG_LEVEL", "info,veza=debug");
    for environment in [environment.clone(), environment.set("CORS_ORIGINS", ALLOWED)] {
        let app = App::alone(environment);
        let own = format!("http://{}", app.server.address);
        let long = format!("https://{}.example", "x".repeat(5000));
        for origin in [&own, "https://dev.example", &long, "https://last.example"] {
            preflight(&app, origin, PATHS[0]).await;
        }
        let refused =
            |line: &Value| (line["event"] == "origin_refused").then(|| text(&line["origin"]));
        let last = app.server.log.find(|line| refused(line).filter(|it| it.contains("last")));
        assert!(last.is_some(), "{}", app.server.output());
        let named: Vec<_> = app.server.log.lines().iter().filter_map(refused).collect();
        assert_eq!(named, ["https://dev.example", &long[..256], "https://last.example"]);
    }
}
