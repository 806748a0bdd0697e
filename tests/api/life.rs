//! The life of rooms and streams: created, read, listed, changed, deleted.

use futures::future::join_all;
use http::Method as Verb;
use serde_json::json;

use crate::{
    kind::{KINDS, Kind},
    support::{
        app::{App, Person, text, unique_uuid},
        client::{Call, Transport},
        database::on_every_database,
    },
};

#[tokio::test]
async fn a_resource_lives_from_its_creation_to_its_deletion() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            for kind in KINDS {
                lives(&ann, kind, transport).await;
            }
        }
    }
}

async fn lives(ann: &Person, kind: Kind, transport: Transport) {
    let created = ann.call(transport, kind.create, kind.draft("first")).await;
    let created = &created.ok()[kind.one];
    let id = text(&created["id"]);
    assert_eq!(created[kind.name], "first");
    assert_eq!(created["ownerId"], ann.id.as_str());
    assert_eq!(created[kind.visibility.0], kind.visibility.1, "public unless said otherwise");
    assert_eq!(created["meta"]["createTime"], created["meta"]["updateTime"]);

    let read = ann.send(transport, kind.get(&id)).await;
    assert_eq!(read.ok()[kind.one], *created);
    let listed = ann.send(transport, kind.list_of(ann)).await;
    assert_eq!(listed.ok()[kind.many], json!([created]));

    let renamed = ann.send(transport, kind.rename(&id, "second")).await;
    let renamed = &renamed.ok()[kind.one];
    assert_eq!(renamed[kind.name], "second");
    assert_eq!(renamed["description"], "first");
    assert_ne!(renamed["meta"]["etag"], created["meta"]["etag"]);
    assert_eq!(kind.current(ann, &id).await, *renamed);

    let deleted = ann.send(transport, kind.delete(&id)).await;
    let meta = &deleted.ok()[kind.one]["meta"];
    assert!(meta["deleteTime"].is_string() && meta["purgeTime"].is_string(), "{meta}");
    for call in [kind.get(&id), kind.rename(&id, "third"), kind.delete(&id)] {
        ann.send(transport, call).await.refused("NOT_FOUND", "NOT_FOUND");
    }
    assert_eq!(kind.count(ann).await, 0);
}

#[tokio::test]
async fn api_10_a_retry_with_the_same_request_id_answers_the_first_result() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for kind in KINDS {
            let mut request = kind.draft("once");
            request["requestId"] = unique_uuid().into();
            let first = ann.everywhere(Call::to(kind.create, request.clone())).await;
            let again = ann.call(Transport::Rest, kind.create, request).await;
            assert_eq!(again.ok(), first.ok());
            assert_eq!(kind.count(&ann).await, 1);
        }
    }
}

#[tokio::test]
async fn api_10_requests_with_one_id_at_the_same_time_make_one_resource() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for kind in KINDS {
            let mut request = kind.draft("once");
            request["requestId"] = unique_uuid().into();
            let retries = (0..16)
                .map(|number| ann.call(Transport::ALL[number % 4], kind.create, request.clone()));
            let replies = join_all(retries).await;
            let ids: Vec<_> = replies.iter().map(|reply| &reply.ok()[kind.one]["id"]).collect();
            assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
            assert_eq!(kind.count(&ann).await, 1);
        }
    }
}

#[tokio::test]
async fn api_10_the_header_idempotency_key_is_a_request_id() {
    let app = App::start();
    for kind in KINDS {
        let ann = app.user("ann").await;
        let call = Call::to(kind.create, kind.draft("once"));
        let call = call.header("idempotency-key", &unique_uuid());
        ann.everywhere(call).await.ok();
        assert_eq!(kind.count(&ann).await, 1);
    }
}

#[tokio::test]
async fn api_10_an_idempotency_key_in_quotes_is_the_same_key() {
    let app = App::start();
    for kind in KINDS {
        let ann = app.user("ann").await;
        let key = unique_uuid();
        let with_key =
            |key: &str| Call::to(kind.create, kind.draft("once")).header("idempotency-key", key);
        for value in [key.clone(), format!("\"{key}\"")] {
            ann.everywhere(with_key(&value)).await.ok();
        }
        assert_eq!(kind.count(&ann).await, 1);
        for broken in [format!("\"{key}"), format!("\"{key}\"x")] {
            ann.everywhere(with_key(&broken)).await.invalid("idempotency-key");
        }
        assert_eq!(kind.count(&ann).await, 1);
    }
}

#[tokio::test]
async fn api_10_an_empty_idempotency_key_is_none_and_a_long_one_is_refused() {
    let app = App::start();
    for kind in KINDS {
        let ann = app.user("ann").await;
        let with_key = |name: &str, key: &str| {
            Call::to(kind.create, kind.draft(name)).header("idempotency-key", key)
        };
        for name in ["one", "two"] {
            ann.send(Transport::Rest, with_key(name, "")).await.ok();
        }
        assert_eq!(kind.count(&ann).await, 2);
        ann.everywhere(with_key("three", &"x".repeat(101))).await.invalid("request_id");
        assert_eq!(kind.count(&ann).await, 2);
    }
}

#[tokio::test]
async fn api_10_a_request_id_is_good_for_one_request_only() {
    let app = App::start();
    for kind in KINDS {
        let ann = app.user("ann").await;
        let mut request = kind.draft("once");
        request["requestId"] = unique_uuid().into();
        ann.call(Transport::Grpc, kind.create, request.clone()).await.ok();
        request[kind.one][kind.name] = "another".into();
        let reply = ann.everywhere(Call::to(kind.create, request)).await;
        reply.refused("ALREADY_EXISTS", "REQUEST_ID_REUSED");
        assert_eq!(kind.count(&ann).await, 1);
    }
}

#[tokio::test]
async fn api_10_request_ids_of_different_callers_never_meet() {
    let app = App::start();
    for kind in KINDS {
        let mut request = kind.draft("once");
        request["requestId"] = unique_uuid().into();
        for name in ["ann", "bob"] {
            let person = app.user(name).await;
            let created = kind.created(&person, request.clone()).await;
            assert_eq!(created["ownerId"], person.id.as_str());
        }
    }
}

#[tokio::test]
async fn a_mask_names_the_fields_that_change() {
    let app = App::start();
    let ann = app.user("ann").await;
    for (kind, transport) in everything() {
        let id = kind.public(&ann).await;
        let fields = json!({ "id": id, kind.name: "ignored", "description": "" });
        let request = json!({ kind.one: fields, "updateMask": "description" });
        let changed = ann.call(transport, kind.update, request).await;
        let changed = &changed.ok()[kind.one];
        assert_eq!(changed["description"], "", "a mask can clear a field");
        assert_eq!(changed[kind.name], "everyone's");
    }
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_whole() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        for transport in Transport::ALL {
            let id = kind.public(&ann).await;
            let mut sent = kind.current(&ann, &id).await;
            sent[kind.name] = "renamed".into();
            sent["ownerId"] = unique_uuid().into();
            let reply = ann.call(transport, kind.update, json!({ kind.one: sent })).await;
            assert_eq!(reply.ok()[kind.one][kind.name], "renamed");
            assert_eq!(reply.ok()[kind.one]["ownerId"], ann.id.as_str(), "ignored");
        }
    }
}

#[tokio::test]
async fn authz_05_a_mask_changes_no_field_that_only_the_server_sets() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let id = kind.public(&ann).await;
        let before = kind.current(&ann, &id).await;
        for path in ["ownerId", "meta.createTime", "id"] {
            let meta = json!({ "createTime": "2001-02-03T04:05:06Z" });
            let fields = json!({ "id": id, "ownerId": unique_uuid(), "meta": meta });
            let request = json!({ kind.one: fields, "updateMask": path });
            ann.everywhere(Call::to(kind.update, request)).await.ok();
        }
        assert_eq!(kind.current(&ann, &id).await, before);
    }
}

#[tokio::test]
async fn put_replaces_every_field_that_can_be_changed() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let id = kind.public(&ann).await;
        let put = kind.rename(&id, "replaced").verb(Verb::PUT);
        let replaced = ann.send(Transport::Rest, put).await;
        let replaced = &replaced.ok()[kind.one];
        assert_eq!(replaced[kind.name], "replaced");
        assert_eq!(replaced["description"], "", "what a PUT leaves out is cleared");
        assert_eq!(replaced["ownerId"], ann.id.as_str());
    }
}

#[tokio::test]
async fn patch_changes_the_fields_in_its_body_even_to_nothing() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let id = kind.public(&ann).await;
        let patch = kind.rename(&id, "ignored").malformed(&[], r#"{"description":""}"#);
        let patched = ann.send(Transport::Rest, patch).await;
        let patched = &patched.ok()[kind.one];
        assert_eq!(patched["description"], "");
        assert_eq!(patched[kind.name], "everyone's");
    }
}

#[tokio::test]
async fn a_stale_etag_is_refused_and_a_current_one_is_not() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let id = kind.public(&ann).await;
        let stale = text(&kind.current(&ann, &id).await["meta"]["etag"]);
        ann.send(Transport::Grpc, kind.rename(&id, "newer")).await.ok();
        let fields = json!({ "id": id, kind.name: "overwritten" });
        let update = Call::to(kind.update, json!({ kind.one: fields, "etag": stale }));
        let delete = Call::to(kind.delete, json!({ "id": id, "etag": stale }));
        for call in [update, delete] {
            ann.everywhere(call).await.refused("ABORTED", "STALE_ETAG");
        }
        let current = kind.current(&ann, &id).await;
        assert_eq!(current[kind.name], "newer");

        let request = json!({ "id": id, "etag": current["meta"]["etag"] });
        ann.call(Transport::Grpc, kind.delete, request).await.ok();
    }
}

#[tokio::test]
async fn of_changes_made_from_one_version_at_the_same_time_one_wins() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        for kind in KINDS {
            let id = kind.public(&ann).await;
            let etag = kind.current(&ann, &id).await["meta"]["etag"].clone();
            let changes = (0..16).map(|number| {
                let fields = json!({ "id": id, kind.name: format!("number {number}") });
                let request = json!({ kind.one: fields, "etag": etag });
                ann.call(Transport::ALL[number % 4], kind.update, request)
            });
            let replies = join_all(changes).await;
            let (won, lost): (Vec<_>, Vec<_>) =
                replies.iter().partition(|reply| reply.code == "OK");
            assert_eq!(won.len(), 1);
            for reply in lost {
                reply.refused("ABORTED", "STALE_ETAG");
            }
            assert_eq!(kind.current(&ann, &id).await, won[0].ok()[kind.one]);
        }
    }
}

#[tokio::test]
async fn if_match_is_an_etag_and_fails_with_412() {
    let app = App::start();
    let ann = app.user("ann").await;
    for kind in KINDS {
        let id = kind.public(&ann).await;
        let read = ann.send(Transport::Rest, kind.get(&id)).await;
        let etag = read.header("etag").to_owned();
        assert!(etag.contains(read.ok()[kind.one]["meta"]["etag"].as_str().unwrap()), "{read:#?}");

        let rename = |name| kind.rename(&id, name).header("if-match", &etag);
        ann.send(Transport::Rest, rename("second")).await.ok();
        let stale = ann.send(Transport::Rest, rename("third")).await;
        stale.refused("ABORTED", "STALE_ETAG");
        assert_eq!(stale.http_status, 412);
        assert_eq!(kind.current(&ann, &id).await[kind.name], "second");
    }
}

#[tokio::test]
async fn authz_03_what_is_private_looks_unknown_to_everyone_else() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for kind in KINDS {
        let id = kind.private(&ann).await;
        for call in [Kind::get, Kind::delete] {
            let hidden = bob.everywhere(call(&kind, &id)).await;
            let unknown = bob.everywhere(call(&kind, &unique_uuid())).await;
            hidden.refused("NOT_FOUND", "NOT_FOUND");
            assert_eq!((&hidden.message, &hidden.details), (&unknown.message, &unknown.details));
        }
        bob.everywhere(kind.rename(&id, "bob's")).await.refused("NOT_FOUND", "NOT_FOUND");
        let listed = bob.everywhere(kind.list_of(&ann)).await;
        assert_eq!(listed.ok()[kind.many], json!([]));
        assert_eq!(kind.current(&ann, &id).await[kind.name], "mine");
    }
}

#[tokio::test]
async fn authz_03_only_the_owner_changes_what_everyone_finds() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for kind in KINDS {
        let id = kind.public(&ann).await;
        for call in [kind.rename(&id, "bob's"), kind.delete(&id)] {
            bob.everywhere(call).await.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        }
        assert_eq!(kind.current(&bob, &id).await[kind.name], "everyone's");
    }
}

#[tokio::test]
async fn what_becomes_private_is_gone_for_everyone_else_at_once() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for (kind, transport) in everything() {
        let id = kind.public(&ann).await;
        bob.send(transport, kind.get(&id)).await.ok();
        let (field, _, private) = kind.visibility;
        let request = json!({ kind.one: { "id": id, field: private } });
        ann.call(transport, kind.update, request).await.ok();
        bob.send(transport, kind.get(&id)).await.refused("NOT_FOUND", "NOT_FOUND");
    }
}

/// Every kind over every transport.
fn everything() -> impl Iterator<Item = (Kind, Transport)> {
    KINDS.into_iter().flat_map(|kind| Transport::ALL.map(|transport| (kind, transport)))
}
