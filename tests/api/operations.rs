//! What whoever runs the server sees: health, metrics, documents, keys and the log.

use std::path::Path;

use http::Request;
use prost::Message;
use serde_json::{Value, json};

use crate::support::{
    app::{App, PASSWORD},
    client::{Call, Client, Transport},
    contract::{bindings, methods},
    grpc::frame,
    nats,
    rpc::{GET_ME, LOGIN, LOGOUT, REFRESH_TOKEN},
    server::Environment,
};

/// Calls a method that is not of Veza, and returns the messages and the status of the answer.
async fn call_grpc<T: Message + Default>(
    client: &Client,
    path: &str,
    request: &impl Message,
) -> (Vec<T>, String) {
    let request = Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(frame(&request.encode_to_vec()))
        .expect("a request");
    let mut answer = client.http2(request).await;
    answer.headers.extend(answer.trailers.clone());
    let mut messages = Vec::new();
    let mut body = &answer.body[..];
    while let [0, a, b, c, d, rest @ ..] = body {
        let (message, rest) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        messages.push(T::decode(message).expect("a message"));
        body = rest;
    }
    (messages, answer.header("grpc-status").to_owned())
}

#[tokio::test]
async fn a_server_that_listens_is_healthy_and_ready() {
    let app = App::start();
    for path in ["/health", "/ready"] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().is_object());
    }
}

#[tokio::test]
async fn the_health_service_knows_every_service_and_no_other() {
    use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

    let app = App::start();
    let mut services: Vec<_> =
        methods().map(|method| method.parent_service().full_name().to_owned()).collect();
    services.push(String::new());
    for service in services {
        let request = HealthCheckRequest { service: service.clone() };
        let path = "/grpc.health.v1.Health/Check";
        let (found, status) = call_grpc::<HealthCheckResponse>(&app.client, path, &request).await;
        assert_eq!((found[0].status, status.as_str()), (1, "0"), "{service}");
    }
    let request = HealthCheckRequest { service: "veza.nothing.v1.Service".into() };
    let path = "/grpc.health.v1.Health/Check";
    let (_, status) = call_grpc::<HealthCheckResponse>(&app.client, path, &request).await;
    assert_eq!(status, "5");
}

#[tokio::test]
async fn reflection_lists_every_service() {
    let app = App::start();
    let services: Vec<_> =
        methods().map(|method| method.parent_service().full_name().to_owned()).collect();
    for version in ["v1", "v1alpha"] {
        let listed = reflected(&app, version).await;
        for service in &services {
            assert!(listed.contains(service), "{version}: {service}: {listed:?}");
        }
    }
}

#[tokio::test]
async fn reflection_can_be_turned_off() {
    let app = App::with(Environment::new().set("REFLECTION", "false"));
    for version in ["v1", "v1alpha"] {
        assert_eq!(reflected(&app, version).await, Vec::<String>::new());
    }
}

/// The services that reflection lists. The messages of v1 and v1alpha are the same.
async fn reflected(app: &App, version: &str) -> Vec<String> {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, ServerReflectionResponse,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };

    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
    let (answers, _) = call_grpc::<ServerReflectionResponse>(&app.client, &path, &request).await;
    let listed = answers.into_iter().filter_map(|answer| match answer.message_response? {
        MessageResponse::ListServicesResponse(list) => Some(list.service),
        _ => None,
    });
    listed.flatten().map(|service| service.name).collect()
}

#[tokio::test]
async fn the_dashboards_and_alerts_look_at_metrics_that_there_are() {
    let nats = nats::Server::start();
    let app = App::alone(Environment::new().set("NATS_URL", &nats.url()));
    app.user("ann").await;
    // The relay counts an event after it was acknowledged.
    let counted = async {
        loop {
            let metrics = app.get("/metrics").await;
            if metrics.text().contains("veza_outbox_published_total") {
                return metrics;
            }
        }
    };
    let metrics = tokio::time::timeout(nats::PATIENCE, counted).await.unwrap();
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("helm/veza");
    for folder in ["dashboards", "rules"] {
        for file in std::fs::read_dir(chart.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let names = text.split(|c| !is_name(c)).filter(|name| name.starts_with("veza_"));
            for name in names {
                let is_there = metrics.text().lines().any(|line| line.starts_with(name));
                assert!(is_there, "{name} in {}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn metrics_count_every_call_by_method_and_transport() {
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    ann.everywhere(Call::to(GET_ME, json!({}))).await.ok();
    app.call(Transport::Rest, GET_ME, json!({}), None).await;
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    for (transport, outcome, count) in
        [("grpc", "ok", 1), ("grpc_web", "ok", 2), ("rest", "ok", 1), ("rest", "client_error", 1)]
    {
        let wanted = [
            format!("rpc_method=\"{GET_ME}\""),
            format!("transport=\"{transport}\""),
            format!("outcome=\"{outcome}\""),
        ];
        let line = metrics.text().lines().find(|line| {
            line.starts_with("veza_requests_total") && wanted.iter().all(|part| line.contains(part))
        });
        let line = line.unwrap_or_else(|| panic!("{wanted:?}\n{}", metrics.text()));
        assert!(line.ends_with(&format!(" {count}")), "{line}");
    }
    assert!(metrics.text().trim_end().ends_with("# EOF"), "OpenMetrics ends with a mark");
    for private in [&ann.id, &ann.username, &ann.session_id, "127.0.0.1"] {
        assert!(!metrics.text().contains(private), "{private}");
    }
}

#[tokio::test]
async fn conf_02_metrics_can_have_a_port_of_their_own() {
    let app = App::with(Environment::new().set("OPS_LISTEN", "127.0.0.1:0"));
    assert_eq!(app.get("/metrics").await.status, 404);
    for path in ["/health", "/ready"] {
        assert_eq!(app.get(path).await.status, 200);
    }
}

#[tokio::test]
async fn junk_makes_no_new_series() {
    let app = App::with(Environment::new());
    let series = async || app.get("/metrics").await.text().lines().count();
    app.get("/junk").await;
    let before = series().await;
    for number in 0..50 {
        app.get(&format!("/junk/{number}")).await;
        app.get(&format!("/api/v1/rooms/{number}?junk={number}")).await;
        let verb = format!("JUNK{number}");
        let request = Request::builder().method(&*verb).uri("/api/v1/rooms").body("");
        app.client.http(request.expect("a request")).await;
    }
    assert!(series().await < before + 10);
}

#[tokio::test]
async fn api_11_the_document_describes_every_method() {
    let app = App::start();
    let answer = app.get("/openapi.json").await;
    let document = answer.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let paths = document["paths"].as_object().expect("paths");
    let mut documented = 0;
    for binding in methods().flat_map(|method| bindings(&method)) {
        let verb = binding.verb.as_str().to_lowercase();
        let described = paths.iter().find(|(path, _)| shape(path) == shape(&binding.template));
        let operation = &described.expect("a path").1[&verb];
        assert!(operation["responses"].is_object(), "{verb} {}", binding.template);
        documented += 1;
    }
    let operations = paths
        .values()
        .filter_map(Value::as_object)
        .flat_map(|path| path.values().filter(|operation| operation["responses"].is_object()));
    assert_eq!(operations.count(), documented, "nothing else is documented");

    let printed = app.server.environment.run(&["openapi"], "");
    let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(printed, document, "`veza openapi` prints what is served");
}

#[test]
fn api_11_the_document_says_what_a_field_may_be() {
    let environment = Environment::new().set("PASSWORD_LENGTH_MIN", "20");
    let printed = environment.run(&["openapi"], "");
    let document: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    let schemas = &document["components"]["schemas"];
    let picture = schemas["User"]["properties"]["avatarUrl"].to_string();
    assert!(picture.contains("^https?://"), "{picture}");
    // How short a password may be is a setting: the contract cannot tell, but the server can.
    let password = &schemas["RegisterRequest"]["properties"]["password"];
    assert_eq!((&password["minLength"], &password["maxLength"]), (&json!(20), &json!(256)));
}

/// A path without the names of its variables, which the document is free to choose.
fn shape(path: &str) -> Vec<&str> {
    // What follows a variable, as the verb in `{id}:suspend`, tells two paths apart.
    path.split('/')
        .map(|segment| segment.split_once('}').map_or(segment, |(_, verb)| verb))
        .collect()
}

#[tokio::test]
async fn the_document_can_be_read_in_a_browser() {
    let app = App::start();
    let mut answer = app.get("/docs").await;
    if answer.status.is_redirection() {
        answer = app.get(answer.header("location")).await;
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
}

#[tokio::test]
async fn tok_04_the_public_keys_are_published_and_no_private_one() {
    let app = App::start();
    let answer = app.get("/.well-known/jwks.json").await;
    let keys = answer.json()["keys"].as_array().expect("keys").clone();
    assert!(!keys.is_empty());
    for key in keys {
        assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
        assert!(key["x"].is_string() && key["kid"].is_string() && key["d"].is_null(), "{key}");
    }
}

#[tokio::test]
async fn every_call_is_a_line_in_the_log() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (number, transport) in Transport::ALL.into_iter().enumerate() {
        let trace_id = format!("{:032x}", 0xabc0 + number);
        let request_id = format!("request-{number}-{}", ann.username);
        let call = Call::to(GET_ME, json!({}))
            .header("traceparent", &format!("00-{trace_id}-00000000000000ff-01"))
            .header("x-request-id", &request_id);
        ann.send(transport, call).await.ok();

        let of_this_call = |line: &Value| {
            (line["event"] == "call" && line["request_id"] == *request_id).then(|| line.clone())
        };
        let line = app.server.log.find(of_this_call).expect("a line");
        assert_eq!(line["user_id"], ann.id.as_str());
        assert_eq!(line["trace_id"], trace_id);
        assert_eq!(line["ip"], "127.0.0.1");
        assert_eq!(line["rpc_method"], GET_ME);
        assert_eq!(line["code"], "OK");
        assert_eq!(line["level"], "info");
        assert!(line["transport"].is_string() && line["duration_ms"].is_number(), "{line}");
        let timestamp = line["timestamp"].as_str().expect("a time");
        assert!(timestamp.ends_with('Z') && timestamp.len() == "2030-01-02T03:04:05.678Z".len());
    }
}

#[tokio::test]
async fn a_call_that_failed_is_a_line_that_says_why() {
    let app = App::alone(Environment::new());
    let (_, status) = call_grpc::<()>(&app.client, "/veza.user.v1.UserService/Nothing", &()).await;
    assert_eq!(status, "12");
    app.call(Transport::Rest, GET_ME, json!({}), None).await;
    app.call(Transport::Grpc, GET_ME, json!({}), None).await;
    for (method, transport, code, reason) in [
        (Value::Null, "grpc", "UNIMPLEMENTED", "UNKNOWN_METHOD"),
        (json!(GET_ME), "rest", "UNAUTHENTICATED", "MISSING_TOKEN"),
        (json!(GET_ME), "grpc", "UNAUTHENTICATED", "MISSING_TOKEN"),
    ] {
        let says = |line: &Value| {
            let found = (&line["rpc_method"], &line["transport"], &line["code"], &line["reason"]);
            found == (&method, &json!(transport), &json!(code), &json!(reason))
        };
        let found = app.server.log.find(|line| says(line).then_some(()));
        assert!(found.is_some(), "{method} {transport}: {}", app.server.output());
    }
}

#[tokio::test]
async fn log_02_no_secret_is_in_the_log() {
    let app = App::with(Environment::new().set("LOG_LEVEL", "trace"));
    let ann = app.user("ann").await;
    let wrong = "a wrong password, but a password";
    let mut secrets = vec![PASSWORD.to_owned(), wrong.to_owned(), ann.email.clone()];
    secrets.push(app.server.environment.get("JWT_SECRET").to_owned());
    secrets.extend([ann.access_token.clone(), ann.refresh_token.clone()]);
    for transport in Transport::ALL {
        let request = json!({ "identifier": ann.email, "password": wrong });
        app.call(transport, LOGIN, request, None).await;
        let elsewhere = app.sign_in(&ann.email).await;
        let request = json!({ "refreshToken": elsewhere.refresh_token });
        app.call(transport, REFRESH_TOKEN, request, None).await.ok();
        elsewhere.call(transport, LOGOUT, json!({})).await.ok();
        secrets.extend([elsewhere.access_token, elsewhere.refresh_token]);
    }
    app.server.stop();
    let output = app.server.output();
    for secret in secrets {
        assert!(!output.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn log_03_every_line_of_the_log_is_one_json_object() {
    let app = App::with(Environment::new().set("LOG_LEVEL", "debug"));
    let ann = app.user("ann").await;
    let forged = "\u{1b}[31m{\"level\":\"error\"}%0a%0d%22";
    for transport in Transport::ALL {
        let call = Call::to(GET_ME, json!({})).header("x-request-id", "a\"b\\c{}");
        ann.send(transport, call.header("user-agent", &"x".repeat(10_000))).await.ok();
    }
    app.get("/api/v1/rooms/%0a%7b%22level%22%3a%22error%22%7d").await;
    let request = json!({ "identifier": format!("{forged}\n{{}}"), "password": PASSWORD });
    app.call(Transport::Grpc, LOGIN, request, None).await;
    app.server.stop();
    for line in app.server.log.lines() {
        assert!(line.is_object(), "{line}");
        assert!(line.to_string().len() <= 8 << 10, "{line}");
        assert!(["debug", "info"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
}
