//! A key is taken where an access token is, over every transport, for what it was made for and nothing else.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::{Key, draft};
use crate::{
    kind::{KINDS, ROOM},
    policy::{assert_passed, every_method_and_transport, harmless},
    support::{
        app::{App, text},
        client::{Call, Transport},
        contract::{self, methods, policy},
        database::{audit_lines, on_every_database},
        reply::Reply,
        rpc::{
            CREATE_API_KEY, CREATE_ROOM, GET_ME, GET_ROOM, GET_USER, LIST_ROOMS, LOGOUT,
            UPDATE_ROOM,
        },
        server::Environment,
    },
};

/// How long is waited for what should take less than a second, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_key_acts_for_its_owner_within_its_permissions() {
    for app in on_every_database().await {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let hidden = ROOM.private(&ann).await;
        let reads = Key::of(&ann, &["rooms.read"]).await;
        let writes = Key::of(&ann, &["rooms.read", "rooms.create"]).await;
        let of_bob = Key::of(&bob, &["rooms.read", "rooms.create"]).await;
        let get = json!({ "id": hidden });
        assert_eq!(reads.everywhere(&app, GET_ROOM, get.clone()).await.ok()["room"]["id"], hidden);
        of_bob.everywhere(&app, GET_ROOM, get).await.refused("NOT_FOUND", "NOT_FOUND");
        for kind in [CREATE_ROOM, UPDATE_ROOM] {
            let request = json!({ "room": { "id": hidden, "name": "renamed" } });
            let refused = reads.everywhere(&app, kind, request).await;
            refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
            assert!(refused.message.contains("rooms.create"), "{refused:#?}");
        }
        for transport in Transport::ALL {
            let rename = ROOM.rename(&hidden, "renamed");
            app.send(transport, &rename.clone().token(&writes.secret)).await.ok();
            let stranger = app.send(transport, &rename.token(&of_bob.secret)).await;
            stranger.refused("NOT_FOUND", "NOT_FOUND");
            let room = json!({ "room": { "name": "made by a program" } });
            let made = writes.call(&app, transport, CREATE_ROOM, room).await;
            assert_eq!(made.ok()["room"]["ownerId"], ann.id.as_str());
            let theirs = made.ok()["room"]["id"].clone();
            ann.send(transport, ROOM.delete(&text(&theirs))).await.ok();
        }
    }
}

#[tokio::test]
async fn a_program_is_not_told_the_address_of_whom_it_acts_for() {
    let app = App::start();
    let ann = app.user("ann").await;
    let key = Key::of(&ann, &["users.read"]).await;
    for (method, request) in [(GET_ME, json!({})), (GET_USER, json!({ "id": ann.id }))] {
        let shown = key.everywhere(&app, method, request).await;
        assert_eq!(shown.ok()["user"]["username"], ann.username.as_str());
        assert_eq!(shown.ok()["user"]["email"], "");
    }
}

#[test]
fn authz_01_no_key_may_do_what_needs_somebody_to_be_there() {
    for method in methods() {
        let (policy, name) = (policy(&method), contract::name(&method));
        let key = policy.api_key_permission;
        match (policy.access.as_str(), key.as_str()) {
            (_, "") => {}
            ("ACCESS_PERMISSION", key) => assert_eq!(key, policy.permission, "{name}"),
            ("ACCESS_PUBLIC", _) => panic!("{name} is for anyone"),
            _ => {}
        }
        // Sessions, passwords, second factors and keys are for people.
        let is_about_tokens = ["ValidateToken", "WatchRevocations"].contains(&method.name());
        let is_for_people =
            ["AuthService", "AccessService"].contains(&method.parent_service().name());
        assert!(key.is_empty() || !policy.fresh, "{name}");
        assert!(key.is_empty() || !is_for_people || is_about_tokens, "{name}");
    }
}

#[tokio::test]
async fn authz_02_a_key_may_call_what_the_contract_says_of_it_over_every_transport() {
    let app = App::start();
    let root = app.admin("root").await;
    let all = [
        "users.read",
        "users.update",
        "users.delete",
        "users.suspend",
        "rooms.read",
        "rooms.create",
        "streams.read",
        "streams.create",
        "tokens.validate",
        "sessions.read_any",
        "sessions.revoke_any",
        "api_keys.own",
        "api_keys.any",
    ];
    let (everything, little) = (Key::of(&root, &all).await, Key::of(&root, &["rooms.read"]).await);
    for (method, transport) in every_method_and_transport() {
        let policy = policy(&method);
        let call = harmless(&method);
        let by_all = app.send(transport, &call.clone().token(&everything.secret)).await;
        let by_little = app.send(transport, &call.token(&little.secret)).await;
        match (policy.access.as_str(), policy.api_key_permission.as_str()) {
            ("ACCESS_PUBLIC", _) => {
                // What is for anyone is for programs, too.
                assert_passed("a key", &by_all);
            }
            (_, "") => {
                for reply in [by_all, by_little] {
                    reply.refused("PERMISSION_DENIED", "API_KEY_NOT_ALLOWED");
                }
            }
            (_, needed) => {
                assert_passed("a key", &by_all);
                if needed == "rooms.read" {
                    assert_passed("a key", &by_little);
                } else {
                    by_little.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
                }
            }
        }
    }
    denials_say_what_the_answers_said(&app, &everything, &root.id).await;
    let out = everything.everywhere(&app, LOGOUT, json!({})).await;
    out.refused("UNAUTHENTICATED", "MISSING_TOKEN");
}

/// Demands that the audit log has the reasons of the answers.
async fn denials_say_what_the_answers_said(app: &App, key: &Key, owner: &str) {
    let lines = audit_lines(&app.server.environment, owner).await;
    let of_key = lines.iter().filter(|line| line.api_key_id == key.id && line.outcome == "DENIED");
    let reasons: BTreeSet<_> = of_key.map(|line| &*line.reason).collect();
    // It holds every permission that a key may need.
    assert_eq!(reasons, BTreeSet::from(["API_KEY_NOT_ALLOWED"]));
}

#[tokio::test]
async fn authz_02_a_permission_for_anybodys_lets_a_key_change_what_is_anybodys() {
    let app = App::start();
    let (ann, root) = (app.user("ann").await, app.admin("root").await);
    for kind in KINDS {
        let id = kind.public(&ann).await;
        let any = format!("{}.update_any", kind.many);
        let moderates = Key::of(&root, &[&any, &format!("{}.read", kind.many)]).await;
        let owns = Key::of(&root, &[&format!("{}.create", kind.many)]).await;
        for transport in Transport::ALL {
            let call = kind.rename(&id, "kept in order");
            app.send(transport, &call.clone().token(&moderates.secret)).await.ok();
            let refused = app.send(transport, &call.token(&owns.secret)).await;
            refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        }
    }
}

/// Makes a call again and again until its answer is this.
async fn until(app: &App, key: &Key, code: &str) {
    let begin = Instant::now();
    while key.call(app, Transport::Grpc, LIST_ROOMS, json!({})).await.code != code {
        assert!(begin.elapsed() < PATIENCE, "not {code}");
    }
}

#[tokio::test]
async fn authz_07_a_role_that_its_owner_loses_counts_for_a_key_and_counts_again_when_it_is_back() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        let key = Key::of(&ann, &["rooms.read"]).await;
        key.everywhere(&app, LIST_ROOMS, json!({})).await.ok();
        for (command, code) in [("revoke", "PERMISSION_DENIED"), ("grant", "OK")] {
            let done = app.server.environment.run(&["user", command, &ann.username, "user"], "");
            assert!(done.status.success(), "{done:?}");
            until(&app, &key, code).await;
            let reply = key.everywhere(&app, LIST_ROOMS, json!({})).await;
            assert_eq!(reply.code, code, "{reply:#?}");
        }
    }
}

/// The checksum that the end of a key has.
fn checksum(text: &str) -> String {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    format!("{:08x}", crc.checksum(text.as_bytes()))
}

async fn refused(app: &App, secret: &str) -> Reply {
    let reply = app.everywhere(&Call::to(GET_ME, json!({})).token(secret)).await;
    reply.refused("UNAUTHENTICATED", "INVALID_API_KEY");
    reply
}

#[tokio::test]
async fn tok_01_a_key_that_was_not_made_here_is_refused_and_one_that_is_mistyped_is_told_so() {
    let app = App::start();
    let ann = app.user("ann").await;
    let (key, other) = (Key::of(&ann, &["users.read"]).await, Key::of(&ann, &["users.read"]).await);
    let (text, digits) = key.secret.split_at(key.secret.len() - 8);
    assert_eq!(digits, checksum(text));
    assert_eq!(&key.secret[11..12], "_");

    let (beginning, body) = text.split_at(12);
    let flipped = if body.starts_with('A') { "B" } else { "A" };
    let upper = |text: &str| format!("vz_{}{}", text[3..11].to_uppercase(), &text[11..]);
    for mistyped in [
        format!("{beginning}{flipped}{}{digits}", &body[1..]),
        text.to_owned(),
        key.secret[..key.secret.len() - 1].to_owned(),
        format!("{}0", key.secret),
        upper(&key.secret),
        "vz_".to_owned(),
        "vz_é".repeat(20),
        "vz_".repeat(2000),
    ] {
        if mistyped.is_ascii() && mistyped != key.secret {
            let reply = refused(&app, &mistyped).await;
            assert!(reply.message.contains("checksum"), "{reply:#?}");
        }
    }
    let with_checksum = |text: String| format!("{text}{}", checksum(&text));
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).unwrap();
    let zeros = BASE64_URL_SAFE_NO_PAD.encode([&bytes[..12], &[0; 32]].concat());
    let truncated = BASE64_URL_SAFE_NO_PAD.encode(&bytes[..43]);
    let (_, other_body) = other.secret.split_at(12);
    for forged in [
        // The MAC of another key, none, and a part of one.
        with_checksum(format!("{beginning}{}", &other_body[..other_body.len() - 8])),
        with_checksum(format!("{beginning}{zeros}")),
        with_checksum(format!("{beginning}{truncated}")),
    ] {
        refused(&app, &forged).await;
    }
    key.everywhere(&app, GET_ME, json!({})).await.ok();
}

#[tokio::test]
async fn tok_06_what_is_far_too_long_for_a_key_is_refused_unread() {
    let app = App::start();
    let long = format!("vz_{}", "x".repeat(9000));
    let call = Call::to(GET_ME, json!({})).token(&long);
    app.everywhere(&call).await.refused("UNAUTHENTICATED", "INVALID_TOKEN");
}

#[tokio::test]
async fn tok_07_log_02_a_key_in_the_query_is_not_taken_and_no_key_is_in_log_or_database() {
    let app = App::alone(Environment::new().set("LOG_LEVEL", "trace"));
    let ann = app.user("ann").await;
    let mut secrets = Vec::new();
    for transport in Transport::ALL {
        let mut request = draft(&["users.read"]);
        request["requestId"] = json!(format!("{transport:?}"));
        let key = Key::made(&ann.call(transport, CREATE_API_KEY, request).await);
        key.call(&app, transport, GET_ME, json!({})).await.ok();
        for name in ["access_token", "api_key", "key", "authorization"] {
            let answer = app.get(&format!("/api/v1/users/me?{name}={}", key.secret)).await;
            assert!(answer.status.is_client_error(), "{answer:?}");
        }
        secrets.push(key.secret);
    }
    app.server.stop();
    let output = app.server.output();
    let files = std::fs::read_dir(app.server.environment.folder()).unwrap();
    let files: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    for secret in secrets {
        // What follows the prefix, which is no secret.
        let tail = &secret[12..];
        assert!(!output.contains(tail), "a key is in the log");
        let holds = |file: &Vec<u8>| file.windows(16).any(|part| part == &tail.as_bytes()[..16]);
        assert!(!files.iter().any(holds), "a key is in the database");
    }
}

#[tokio::test]
async fn api_07_a_key_has_a_budget_of_its_own_whatever_the_transport() {
    let app = App::with(Environment::new().set("RATE_LIMIT_PER_MINUTE", "2"));
    for first in Transport::ALL {
        let ann = app.user("ann").await;
        let (one, two) =
            (Key::of(&ann, &["users.read"]).await, Key::of(&ann, &["users.read"]).await);
        for key in [&one, &two] {
            let answered = key.call(&app, first, GET_ME, json!({})).await;
            assert!(answered.header("ratelimit").starts_with("\"api_key\""), "{answered:#?}");
            key.call(&app, first, GET_ME, json!({})).await.ok();
            for transport in Transport::ALL {
                let refused = key.call(&app, transport, GET_ME, json!({})).await;
                refused.refused("RESOURCE_EXHAUSTED", "RATE_LIMITED");
            }
        }
    }
}

#[tokio::test]
async fn api_10_a_key_and_its_owner_do_not_share_request_ids() {
    let app = App::start();
    let ann = app.user("ann").await;
    let (one, two) =
        (Key::of(&ann, &["rooms.create"]).await, Key::of(&ann, &["rooms.create"]).await);
    let request = json!({ "room": { "name": "of each" }, "requestId": "the same" });
    for transport in Transport::ALL {
        let mut ids = Vec::new();
        for token in [&ann.access_token, &one.secret, &two.secret] {
            let call = Call::to(CREATE_ROOM, request.clone()).token(token);
            let made = app.send(transport, &call).await;
            ids.push(text(&made.ok()["room"]["id"]));
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }
    assert_eq!(ROOM.count(&ann).await, 3);
}
