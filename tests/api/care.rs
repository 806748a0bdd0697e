//! What goes wrong elsewhere and must not go wrong here: omissions, races with the end of a call, values at the edge.

use std::thread;

use serde_json::json;

use crate::{
    kind::{KINDS, STREAM},
    support::{
        app::{App, text},
        client::{Call, Transport},
        rpc::{CREATE_STREAM, GET_ME, LIST_STREAMS, LOGOUT, REFRESH_TOKEN},
        server::Environment,
    },
};

#[tokio::test]
async fn what_is_private_does_not_become_public_by_omission() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let id = kind.private(&ann).await;
        let (field, _, private) = kind.visibility;
        let unspecified = private.replace("PRIVATE", "UNSPECIFIED");
        for transport in Transport::ALL {
            let masked = json!({ kind.one: { "id": id, field: unspecified }, "updateMask": field });
            let all = json!({ kind.one: { "id": id, kind.name: "new" }, "updateMask": "*" });
            for request in [masked, all] {
                ann.call(transport, kind.update, request).await.ok();
                assert_eq!(kind.current(&ann, &id).await[field], private);
            }
        }
        let put =
            ann.send(Transport::Rest, kind.rename(&id, "newer").verb(http::Method::PUT)).await;
        assert_eq!(put.ok()[kind.one][field], private);
    }
}

#[tokio::test]
async fn a_time_that_has_no_json_is_refused_by_every_transport() {
    let app = App::start();
    let ann = app.user("ann").await;
    // google.protobuf.Timestamp within Stream within CreateStreamRequest, for a time in the year -1199.
    let mut seconds = vec![0x08];
    prost::encoding::encode_varint((-100_000_000_000_i64).cast_unsigned(), &mut seconds);
    let time = [&[0x4a, u8::try_from(seconds.len()).unwrap()][..], &seconds].concat();
    let stream = [&[0x12, 1, b'a'][..], &time].concat();
    let wire = [&[0x0a, u8::try_from(stream.len()).unwrap()][..], &stream].concat();
    let text = r#"{"title": "a", "scheduledStartTime": "0000-01-01T00:00:00Z"}"#;
    let call = Call::to(CREATE_STREAM, json!({})).malformed(&wire, text);
    for transport in Transport::ALL {
        let refused = ann.send(transport, call.clone()).await;
        refused.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
    }
    assert_eq!(STREAM.count(&ann).await, 0);
}

#[tokio::test]
async fn sess_04_a_logout_that_is_given_up_ends_the_session_everywhere_or_nowhere() {
    let app = App::start();
    let ann = app.user("ann").await;
    for microseconds in (200..4000).step_by(200) {
        let session = app.sign_in(&ann.username).await;
        session.call(Transport::Grpc, GET_ME, json!({})).await.ok();
        let hasty = Call::to(LOGOUT, json!({})).header("grpc-timeout", &format!("{microseconds}u"));
        session.send(Transport::Grpc, hasty).await;

        let request = json!({ "refreshToken": session.refresh_token });
        let refreshed = app.call(Transport::Grpc, REFRESH_TOKEN, request, None).await;
        if refreshed.code == "OK" {
            continue;
        }
        // What is remembered follows the commit at once, though not in the same instant.
        let mut still_good = 0;
        while session.call(Transport::Grpc, GET_ME, json!({})).await.code == "OK" {
            still_good += 1;
            assert!(still_good < 100, "the session has ended, and its access token is good");
        }
    }
}

#[tokio::test]
async fn authz_08_a_page_of_the_longest_names_has_a_next_one() {
    let app = App::start();
    let ann = app.user("ann").await;
    for number in 0..3 {
        let title = format!("{}{number}", "🎮".repeat(199));
        STREAM.created(&ann, STREAM.draft(&title)).await;
    }
    let mut token = String::new();
    for _ in 0..3 {
        let request = json!({
            "filter": format!("owner_id = \"{}\"", ann.id), "orderBy": "title",
            "pageSize": 1, "pageToken": token,
        });
        let page = ann.everywhere(Call::to(LIST_STREAMS, request)).await;
        token = text(&page.ok()["nextPageToken"]);
    }
    assert_eq!(token, "");
}

#[tokio::test]
async fn api_10_a_request_id_has_a_bounded_length_in_the_header_too() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        for transport in Transport::ALL {
            let create = Call::to(kind.create, kind.draft("new"));
            let refused = ann.send(transport, create.header("idempotency-key", &"k".repeat(500)));
            refused.await.invalid("request_id");
        }
        assert_eq!(kind.count(&ann).await, 0);
    }
}

#[tokio::test]
async fn servers_take_turns_with_an_sqlite_file() {
    let environment = Environment::new();
    let first = App::alone(environment.clone());
    let ann = first.user("ann").await;
    let second = thread::spawn(move || environment.start());
    assert!(first.server.stop().success());
    let second = second.join().unwrap();
    let here = crate::support::client::Client::new(second.address);
    let call = Call::to(GET_ME, json!({})).token(&ann.access_token);
    here.send(Transport::Rest, &call).await.ok();
}
