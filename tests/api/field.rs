//! Field rules: the same values are refused over every transport, the field is named, and nothing is written.

use serde_json::{Value, json};

use crate::{
    auth::{accounts_named, registration},
    kind::{KINDS, ROOM, STREAM},
    support::{
        app::{App, PASSWORD, unique},
        client::{Call, Transport},
        rpc::{
            COMPLETE_MFA_LOGIN, CREATE_API_KEY, CREATE_ROOM, CREATE_STREAM, DELETE_ROOM,
            DELETE_STREAM, DELETE_USER, GET_ROOM, GET_STREAM, GET_USER, LIST_ROOMS, LIST_STREAMS,
            LIST_USERS, LOGIN, REFRESH_TOKEN, REGISTER, UPDATE_USER,
        },
    },
};

fn long(characters: usize) -> Value {
    "x".repeat(characters).into()
}

#[tokio::test]
async fn api_02_a_registration_with_a_bad_field_makes_no_account() {
    let app = App::start();
    let name = unique("ann");
    for (field, bad) in [
        ("email", json!("")),
        ("email", json!("nonsense")),
        ("email", json!("a@b@example.com")),
        ("email", json!("ann\u{0}@example.com")),
        ("email", format!("{}@example.com", "x".repeat(250)).into()),
        ("username", json!("")),
        ("username", json!("ab")),
        ("username", long(33)),
        ("username", json!("1ann")),
        ("username", json!("ann smith")),
        ("username", json!("änn")),
        ("username", json!("ann\u{0}")),
        ("password", json!("")),
        ("displayName", long(101)),
        ("displayName", json!("a\u{0}b")),
        ("displayName", json!("   ")),
        ("clientName", long(101)),
        ("requestId", long(101)),
    ] {
        let mut request = registration(&name);
        request[field] = bad;
        let reply = app.everywhere(&Call::to(REGISTER, request)).await;
        reply.invalid(&proto_name(field));
    }
    assert_eq!(accounts_named(&app, &name).await, 0);
}

#[tokio::test]
async fn api_02_every_field_that_is_wrong_is_named() {
    let app = App::start();
    let request = json!({ "email": "nonsense", "username": "1", "password": PASSWORD });
    let reply = app.everywhere(&Call::to(REGISTER, request)).await;
    reply.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
    assert_eq!(reply.violations(), ["email", "username"]);
}

#[tokio::test]
async fn log_03_a_name_is_one_line_and_holds_no_command_to_a_terminal() {
    let app = App::start();
    let ann = app.user("ann").await;
    let key =
        |name: &str| json!({ "apiKey": { "displayName": name, "permissions": ["rooms.read"] } });
    for name in
        ["Ann\r\nBcc: bob", "a\tb", "\u{1b}[2J", "\u{9b}31m", "a\u{2028}b", "\u{202e}gpj.exe"]
    {
        let mut request = registration(&unique("bob"));
        request["displayName"] = name.into();
        app.everywhere(&Call::to(REGISTER, request)).await.invalid("display_name");
        let user = json!({ "user": { "id": ann.id, "displayName": name } });
        for (method, request, field) in [
            (UPDATE_USER, user, "user.display_name"),
            (CREATE_API_KEY, key(name), "api_key.display_name"),
            (CREATE_ROOM, json!({ "room": { "name": name } }), "room.name"),
            (CREATE_STREAM, json!({ "stream": { "title": name } }), "stream.title"),
            (
                CREATE_STREAM,
                json!({ "stream": { "title": "a", "tags": [name] } }),
                "stream.tags[0]",
            ),
        ] {
            ann.everywhere(Call::to(method, request)).await.invalid(field);
        }
    }
}

#[tokio::test]
async fn the_message_of_a_refusal_has_the_first_field_for_those_who_see_nothing_else() {
    let app = App::start();
    for (request, message) in [
        (json!({ "password": PASSWORD }), "identifier: must be set"),
        (json!({}), "identifier: must be set (and 1 more)"),
    ] {
        let reply = app.everywhere(&Call::to(LOGIN, request)).await;
        assert_eq!(reply.message, message);
    }
    let neither = Call::to(COMPLETE_MFA_LOGIN, json!({ "ticket": "a" }));
    let reply = app.everywhere(&neither).await;
    assert_eq!(reply.message, "code: must have one of `totp_code`, `recovery_code`");
}

#[tokio::test]
async fn api_02_signing_in_needs_both_credentials() {
    let app = App::start();
    for (request, field) in [
        (json!({ "password": PASSWORD }), "identifier"),
        (json!({ "identifier": "ann" }), "password"),
        (json!({ "identifier": long(255), "password": PASSWORD }), "identifier"),
        (json!({ "identifier": "ann", "password": long(257) }), "password"),
    ] {
        app.everywhere(&Call::to(LOGIN, request)).await.invalid(field);
    }
    for token in [json!(""), long(513)] {
        let call = Call::to(REFRESH_TOKEN, json!({ "refreshToken": token }));
        app.everywhere(&call).await.invalid("refresh_token");
    }
}

#[tokio::test]
async fn api_02_a_resource_with_a_bad_field_is_not_created() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let (visibility, _, _) = kind.visibility;
        for (field, bad) in [
            (kind.name, json!("")),
            (kind.name, long(kind.name_length_max + 1)),
            (kind.name, json!("a\u{0}b")),
            (kind.name, json!("   ")),
            (kind.name, json!("\u{200b}\u{3000}\t")),
            ("description", json!(" \n ")),
            ("description", long(5001)),
            ("description", json!("\u{0}")),
            (visibility, json!(99)),
        ] {
            let mut request = kind.draft("good");
            request[kind.one][field] = bad;
            let reply = ann.everywhere(Call::to(kind.create, request)).await;
            reply.invalid(&format!("{}.{field}", kind.one));
        }
        let mut request = kind.draft("good");
        request["requestId"] = long(101);
        ann.everywhere(Call::to(kind.create, request)).await.invalid("request_id");
        assert_eq!(kind.count(&ann).await, 0);
    }
}

#[tokio::test]
async fn api_02_a_text_is_measured_in_characters() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let name = "🔑".repeat(kind.name_length_max);
        let reply = ann.everywhere(Call::to(kind.create, kind.draft(&format!("{name}x")))).await;
        reply.invalid(&format!("{}.{}", kind.one, kind.name));
        for transport in Transport::ALL {
            let reply = ann.call(transport, kind.create, kind.draft(&name)).await;
            assert_eq!(reply.ok()[kind.one][kind.name], name);
        }
    }
}

#[tokio::test]
async fn api_02_tags_are_few_short_and_different() {
    let app = App::start();
    let ann = app.user("ann").await;
    let many: Vec<_> = (0..21).map(|number| format!("tag {number}")).collect();
    for tags in [
        json!(many),
        json!(["games", "games"]),
        json!(["games", ""]),
        json!(["games", " "]),
        json!([long(51)]),
    ] {
        let request = json!({ "stream": { "title": "tagged", "tags": tags } });
        let reply = ann.everywhere(Call::to(CREATE_STREAM, request)).await;
        reply.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
        assert!(
            reply.violations().iter().all(|field| field.starts_with("stream.tags")),
            "{reply:#?}"
        );
    }
    assert_eq!(STREAM.count(&ann).await, 0);
}

#[tokio::test]
async fn api_02_an_account_keeps_its_values_when_a_new_one_is_bad() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (field, bad) in [
        ("username", json!("ab")),
        ("username", json!("ann smith")),
        ("displayName", long(101)),
        ("displayName", json!("a\u{0}b")),
        ("displayName", json!("\u{a0}")),
        ("bio", json!(" ")),
        ("avatarUrl", json!("not a uri")),
        ("avatarUrl", json!("javascript:alert(1)")),
        ("avatarUrl", json!("JavaScript://example.com/%0aalert(1)")),
        ("avatarUrl", json!("data:image/svg+xml,x")),
        ("avatarUrl", json!("//example.com/a.png")),
        ("avatarUrl", json!("https:///a.png")),
        ("avatarUrl", json!("https://example.com/a b.png")),
        ("avatarUrl", json!(format!("https://example.com/{}", "x".repeat(2048)))),
        ("bio", long(1001)),
        ("locale", json!("not a language")),
    ] {
        let user = json!({ "id": ann.id, field: bad });
        let reply = ann.everywhere(Call::to(UPDATE_USER, json!({ "user": user }))).await;
        reply.invalid(&format!("user.{}", proto_name(field)));
    }
    let request = json!({ "user": { "id": ann.id, "bio": "x" }, "etag": long(101) });
    ann.everywhere(Call::to(UPDATE_USER, request)).await.invalid("etag");
    let reply = ann.call(Transport::Grpc, GET_USER, json!({ "id": ann.id })).await;
    let user = &reply.ok()["user"];
    assert_eq!(user["meta"]["createTime"], user["meta"]["updateTime"], "{user}");
}

#[tokio::test]
async fn the_picture_of_an_account_is_at_a_url_of_the_web_or_nowhere() {
    let app = App::start();
    let ann = app.user("ann").await;
    for url in ["https://example.com/a.png?size=64#x", "http://[::1]:8080/a.png", ""] {
        let user = json!({ "id": ann.id, "avatarUrl": url });
        let call = Call::to(UPDATE_USER, json!({ "user": user, "updateMask": "avatarUrl" }));
        assert_eq!(ann.everywhere(call).await.ok()["user"]["avatarUrl"], url);
    }
}

#[tokio::test]
async fn api_03_an_id_is_a_uuid() {
    let app = App::start();
    let ann = app.user("ann").await;
    let ids = ["1", "not-a-uuid", "' OR 1=1 --", "0190d8a6-0000-7000-8000-00000000000g"];
    for id in ids {
        for method in [GET_USER, DELETE_USER, GET_ROOM, DELETE_ROOM, GET_STREAM, DELETE_STREAM] {
            ann.everywhere(Call::to(method, json!({ "id": id }))).await.invalid("id");
        }
        for kind in KINDS {
            let field = format!("{}.id", kind.one);
            ann.everywhere(kind.rename(id, "new")).await.invalid(&field);
        }
    }
}

#[tokio::test]
async fn api_02_a_list_is_asked_for_with_short_texts() {
    let app = App::start();
    let ann = app.user("ann").await;
    for method in [LIST_USERS, LIST_ROOMS, LIST_STREAMS] {
        for (field, length) in [("pageToken", 2049), ("filter", 501)] {
            let call = Call::to(method, json!({ field: long(length) }));
            ann.everywhere(call).await.invalid(&proto_name(field));
        }
    }
}

#[tokio::test]
async fn api_02_a_message_that_is_required_is_named() {
    let app = App::start();
    let ann = app.user("ann").await;
    for transport in Transport::BINARY {
        for (kind, field) in [(ROOM, "room"), (STREAM, "stream")] {
            ann.call(transport, kind.create, json!({})).await.invalid(field);
            ann.call(transport, kind.update, json!({})).await.invalid(field);
        }
        ann.call(transport, UPDATE_USER, json!({})).await.invalid("user");
    }
    ann.call(Transport::Rest, CREATE_ROOM, json!({})).await.invalid("room.name");
}

/// The name of a field as the contract has it.
fn proto_name(json_name: &str) -> String {
    let snake = |c: char| {
        if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() }
    };
    json_name.chars().map(snake).collect()
}
