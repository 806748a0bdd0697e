//! Routes: paths, verbs, content types and parameters that lead nowhere, and what they answer.

use http::{Method as Verb, Request};
use serde_json::{Value, json};

use crate::{
    kind::{KINDS, ROOM},
    support::{
        app::{App, Person},
        client::{Answer, Call, Transport},
        grpc::{content_type, frame},
        rpc::UPDATE_ROOM,
    },
};

/// Sends a request by REST and demands that it is refused with this status and reason.
async fn assert_refused(
    person: &Person,
    (verb, path): (Verb, &str),
    (content_type, body): (&str, &str),
    (status, reason): (u16, &str),
) -> Value {
    let request = Request::builder()
        .method(&verb)
        .uri(path)
        .header("authorization", format!("Bearer {}", person.access_token))
        .header("content-type", content_type)
        .body(body.to_owned())
        .expect("a request");
    let answer = person.app.client.http(request).await;
    assert_eq!(answer.status, status, "{verb} {path}: {answer:?}");
    let error = answer.json()["error"].take();
    assert_eq!(error["code"], status, "{error}");
    assert_eq!(error["details"][0]["reason"], reason, "{error}");
    error
}

const NOTHING: (&str, &str) = ("application/json", "");

#[tokio::test]
async fn a_path_that_leads_nowhere_is_not_found() {
    let app = App::start();
    let ann = app.user("ann").await;
    for path in
        ["/api/v1/nothing", "/api/v1/rooms/", "/api/v1/rooms/a/b", "/api/v2/rooms", "/API/v1/rooms"]
    {
        assert_refused(&ann, (Verb::GET, path), NOTHING, (404, "ROUTE_NOT_FOUND")).await;
    }
    for path in ["/", "/nothing", "/api", "/.env", "/metrics/x"] {
        let answer = app.get(path).await;
        assert!(answer.status.is_client_error() || answer.status.is_redirection(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_path_that_is_not_one_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    for path in ["users/../rooms", "users/%2e%2e", "rooms/%00", "rooms/%ff", "rooms/%zz"] {
        let path = format!("/api/v1/{path}");
        assert_refused(&ann, (Verb::GET, &path), NOTHING, (400, "MALFORMED_REQUEST")).await;
    }
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_unimplemented() {
    let app = App::start();
    for transport in [Transport::Grpc, Transport::GrpcWeb] {
        for path in ["/veza.chat.v1.ChatService/Nothing", "/veza.nothing.v1.Service/Get"] {
            let request = Request::post(path)
                .header("content-type", content_type(transport))
                .header("te", "trailers")
                .body(frame(&[]))
                .expect("a request");
            let reply = app.client.raw(transport, request).await;
            reply.refused("UNIMPLEMENTED", "UNKNOWN_METHOD");
        }
    }
}

#[tokio::test]
async fn a_grpc_path_tells_whoever_does_not_speak_grpc_what_to_send() {
    let app = App::start();
    let ask = async |verb: Verb, path: &str, content_type: &str| {
        let request =
            Request::builder().method(verb).uri(path).header("content-type", content_type);
        app.client.http(request.body("{}".to_owned()).expect("a request")).await
    };
    for path in ["/veza.auth.v1.AuthService/Login", "/grpc.health.v1.Health/Check"] {
        for content_type in ["application/json", "application/connect+json", "text/plain"] {
            let answer = ask(Verb::POST, path, content_type).await;
            assert_eq!(answer.status, 415, "{answer:?}");
            let error = answer.json()["error"].take();
            assert_eq!(error["details"][0]["reason"], "UNSUPPORTED_MEDIA_TYPE", "{error}");
            for advice in ["`application/grpc`", "/api", "POST"] {
                assert!(error["message"].as_str().unwrap().contains(advice), "{error}");
            }
        }
        for verb in [Verb::GET, Verb::PUT, Verb::DELETE] {
            let answer = ask(verb, path, "application/json").await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "OPTIONS, POST"));
            assert_eq!(answer.json()["error"]["details"][0]["reason"], "METHOD_NOT_ALLOWED");
        }
        let answer = ask(Verb::OPTIONS, path, "").await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, "OPTIONS, POST"));
    }
    let unknown = ask(Verb::POST, "/veza.auth.v1.AuthService/Nothing", "application/json").await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
}

#[tokio::test]
async fn api_12_a_verb_that_a_path_does_not_have_is_not_allowed() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (verb, path) in [
        (Verb::DELETE, "/api/v1/rooms"),
        (Verb::POST, "/api/v1/users/me"),
        (Verb::GET, "/api/v1/auth/login"),
        (Verb::TRACE, "/api/v1/rooms"),
    ] {
        let request = Request::builder().method(&verb).uri(path).body("").expect("a request");
        let answer = app.client.http(request).await;
        assert_eq!(answer.status, 405, "{answer:?}");
        assert!(!answer.header("allow").contains(verb.as_str()), "{answer:?}");
        assert!(!answer.header("allow").is_empty(), "{answer:?}");
    }
    let refusal = (405, "METHOD_NOT_ALLOWED");
    assert_refused(&ann, (Verb::DELETE, "/api/v1/rooms"), NOTHING, refusal).await;
}

#[tokio::test]
async fn a_path_tells_its_verbs() {
    let app = App::start();
    let user = "/api/v1/users/0190d8a6-0000-7000-8000-000000000000";
    for (path, allowed) in [
        ("/api/v1/rooms", "GET, HEAD, OPTIONS, POST"),
        (user, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ] {
        let request = Request::builder().method(Verb::OPTIONS).uri(path).body("");
        let answer = app.client.http(request.expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, allowed), "{path}");
    }
}

#[tokio::test]
async fn api_12_a_header_does_not_change_the_verb() {
    let app = App::start();
    let ann = app.user("ann").await;
    let id = ROOM.public(&ann).await;
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let call = ROOM.get(&id).header(name, "DELETE");
        ann.send(Transport::Rest, call).await.ok();
    }
    ROOM.current(&ann, &id).await;
}

#[tokio::test]
async fn api_12_a_body_is_json() {
    let app = App::start();
    let ann = app.user("ann").await;
    let room = r#"{"name":"never made"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "text/json", "x"] {
        let refusal = (415, "UNSUPPORTED_MEDIA_TYPE");
        let content = (content_type, room);
        assert_refused(&ann, (Verb::POST, "/api/v1/rooms"), content, refusal).await;
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn authz_10_grpc_content_types_are_refused_on_rest_routes() {
    let app = App::start();
    let ann = app.user("ann").await;
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web+proto"]
    {
        let request = Request::post("/api/v1/rooms")
            .header("authorization", format!("Bearer {}", ann.access_token))
            .header("content-type", content_type)
            .body(frame(&[0x0a, 0x03, 0x12, 0x01, b'a']))
            .expect("a request");
        let reply = app.client.raw(Transport::Rest, request).await;
        assert_eq!(reply.http_status, 415);
        reply.refused("INVALID_ARGUMENT", "UNSUPPORTED_MEDIA_TYPE");
    }
    assert_eq!(ROOM.count(&ann).await, 0);
}

#[tokio::test]
async fn an_answer_that_is_not_accepted_is_not_made() {
    let app = App::start();
    let ann = app.user("ann").await;
    let accepting = |accept: &str| ROOM.list_of(&ann).header("accept", accept);
    for accept in ["application/json", "*/*", "application/*", "text/html, */*;q=0.1"] {
        ann.send(Transport::Rest, accepting(accept)).await.ok();
    }
    let reply = ann.send(Transport::Rest, accepting("text/html")).await;
    assert_eq!(
        (reply.http_status.as_u16(), reply.reason.as_deref()),
        (406, Some("NOT_ACCEPTABLE"))
    );
}

#[tokio::test]
async fn a_parameter_that_nobody_knows_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (query, field) in [
        ("nickname=a", "nickname"),
        ("page_size=1&nickname=a", "nickname"),
        ("pageSize=many", "page_size"),
        ("pageSize=1.5", "page_size"),
        ("pageSize=99999999999", "page_size"),
        ("pageSize=1&pageSize=2", "page_size"),
        ("pageSize=1&page_size=2", "page_size"),
        ("pageSize.nested=1", "pageSize.nested"),
    ] {
        let path = format!("/api/v1/rooms?{query}");
        let refusal = (400, "INVALID_FIELDS");
        let error = assert_refused(&ann, (Verb::GET, &path), NOTHING, refusal).await;
        assert!(error.to_string().contains(field), "{query}: {error}");
    }
}

#[tokio::test]
async fn both_spellings_of_a_parameter_and_of_a_field_are_known() {
    let app = App::start();
    let ann = app.user("ann").await;
    for query in ["pageSize=1", "page_size=1"] {
        let request = Request::get(format!("/api/v1/rooms?{query}"))
            .header("authorization", format!("Bearer {}", ann.access_token))
            .body("")
            .expect("a request");
        assert_eq!(ann.app.client.http(request).await.status, 200);
    }
}

#[tokio::test]
async fn authz_10_the_path_says_which_resource_and_nothing_contradicts_it() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let (one, two) = (kind.public(&ann).await, kind.public(&ann).await);
        let path = format!("/api/v1/{}/{one}", kind.many);
        let body = json!({ "id": two, kind.name: "changed" }).to_string();
        let refusal = (400, "INVALID_FIELDS");
        let content = ("application/json", body.as_str());
        assert_refused(&ann, (Verb::PATCH, &path), content, refusal).await;
        for name in ["id", "room.id", "stream.id"] {
            let path = format!("{path}?{name}={two}");
            assert_refused(&ann, (Verb::DELETE, &path), NOTHING, refusal).await;
        }
        for id in [one, two] {
            assert_eq!(kind.current(&ann, &id).await[kind.name], "everyone's");
        }
    }
}

#[tokio::test]
async fn a_mask_with_a_path_that_leads_nowhere_is_refused() {
    let app = App::start();
    let ann = app.user("ann").await;
    let id = ROOM.public(&ann).await;
    for mask in ["nickname", "name.first"] {
        let request = json!({ "room": { "id": id, "name": "a" }, "updateMask": mask });
        ann.everywhere(Call::to(UPDATE_ROOM, request)).await.invalid("update_mask");
    }
    assert_eq!(ROOM.current(&ann, &id).await["name"], "everyone's");
}

#[tokio::test]
async fn web_04_every_answer_forbids_sniffing_and_framing() {
    let app = App::start();
    let ann = app.user("ann").await;
    let read = ann.send(Transport::Rest, ROOM.list_of(&ann)).await;
    assert_eq!(read.header("cache-control"), "no-store");
    let refused = app.send(Transport::Rest, &ROOM.list_of(&ann)).await;
    for name in ["x-content-type-options", "referrer-policy", "content-security-policy"] {
        assert!(!read.header(name).is_empty(), "{name}: {read:#?}");
        assert!(!refused.header(name).is_empty(), "{name}: {refused:#?}");
    }
    for path in ["/health", "/nothing", "/metrics"] {
        let answer: Answer = app.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}: {answer:?}");
    }
}
