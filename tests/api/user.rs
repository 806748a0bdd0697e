//! Accounts: who sees what of them, and who changes them.

use http::Method as Verb;
use serde_json::{Value, json};

use crate::support::{
    app::{App, PASSWORD, Person, text, unique, unique_uuid},
    client::{Call, Transport},
    database::on_every_database,
    rpc::{
        DELETE_USER, GET_ME, GET_USER, LIST_USERS, LOGIN, REFRESH_TOKEN, SUSPEND_USER,
        UNSUSPEND_USER, UPDATE_USER,
    },
    server::Environment,
};

/// A call that changes fields of an account.
fn update(id: &str, mut fields: Value) -> Call {
    fields["id"] = id.into();
    Call::to(UPDATE_USER, json!({ "user": fields }))
}

fn get(id: &str) -> Call {
    Call::to(GET_USER, json!({ "id": id }))
}

fn delete(id: &str) -> Call {
    Call::to(DELETE_USER, json!({ "id": id }))
}

/// An account as its owner sees it.
async fn current(person: &Person) -> Value {
    person.call(Transport::Grpc, GET_ME, json!({})).await.ok()["user"].clone()
}

#[tokio::test]
async fn an_account_lives_from_its_registration_to_its_deletion() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let (ann, bob) = (app.user("ann").await, app.user("bob").await);
            let call = update(&ann.id, json!({ "displayName": "Ann", "locale": "pt-BR" }));
            let changed = ann.send(transport, call).await;
            let changed = &changed.ok()["user"];
            assert_eq!(
                (&changed["displayName"], &changed["locale"]),
                (&json!("Ann"), &json!("pt-BR"))
            );
            assert_eq!(current(&ann).await, *changed);
            assert_eq!(bob.send(transport, get(&ann.id)).await.ok()["user"]["displayName"], "Ann");

            let deleted = ann.send(transport, delete(&ann.id)).await;
            let deleted = &deleted.ok()["user"];
            assert_eq!(deleted["state"], "USER_STATE_DELETED");
            assert!(deleted["meta"]["purgeTime"].is_string());
            bob.send(transport, get(&ann.id)).await.refused("NOT_FOUND", "NOT_FOUND");
            assert_eq!(usernames(&bob, transport, &ann.username).await, Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn authz_05_an_email_address_is_shown_to_oneself_and_to_administrators_only() {
    let app = App::start();
    let (ann, bob, root) = (app.user("ann").await, app.user("bob").await, app.admin("root").await);
    for (reader, shown) in [(&ann, ann.email.as_str()), (&root, &ann.email), (&bob, "")] {
        let read = reader.everywhere(get(&ann.id)).await;
        assert_eq!(read.ok()["user"]["email"], shown);
        let request = json!({ "filter": format!("username : \"{}\"", ann.username) });
        let listed = reader.everywhere(Call::to(LIST_USERS, request)).await;
        assert_eq!(listed.ok()["users"][0]["email"], shown);
    }
}

#[tokio::test]
async fn people_sign_in_with_the_username_they_changed_to() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let new = unique("Anna");
            ann.send(transport, update(&ann.id, json!({ "username": new }))).await.ok();
            assert_eq!(app.sign_in(&new).await.id, ann.id);
        }
    }
}

#[tokio::test]
async fn a_username_in_use_cannot_be_changed_to() {
    for app in on_every_database().await {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let taken = update(&ann.id, json!({ "username": bob.username.to_uppercase() }));
        ann.everywhere(taken).await.refused("ALREADY_EXISTS", "USERNAME_TAKEN");
        assert_eq!(current(&ann).await["username"], ann.username);
    }
}

#[tokio::test]
async fn a_mask_clears_a_field_and_leaves_the_others() {
    let app = App::start();
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        ann.send(transport, update(&ann.id, json!({ "displayName": "Ann", "bio": "hi" })))
            .await
            .ok();
        let request = json!({ "user": { "id": ann.id, "displayName": "no" }, "updateMask": "bio" });
        let changed = ann.call(transport, UPDATE_USER, request).await;
        let changed = &changed.ok()["user"];
        assert_eq!((&changed["bio"], &changed["displayName"]), (&json!(""), &json!("Ann")));
    }
}

#[tokio::test]
async fn put_replaces_what_people_say_of_themselves() {
    let app = App::start();
    let ann = app.user("ann").await;
    let fields = json!({ "displayName": "Ann", "bio": "hi", "locale": "en" });
    ann.send(Transport::Rest, update(&ann.id, fields)).await.ok();
    let put = update(&ann.id, json!({ "username": ann.username, "bio": "only" })).verb(Verb::PUT);
    let replaced = ann.send(Transport::Rest, put).await;
    let replaced = &replaced.ok()["user"];
    assert_eq!(replaced["bio"], "only");
    assert_eq!((&replaced["displayName"], &replaced["locale"]), (&json!(""), &json!("")));
    assert_eq!(replaced["email"], ann.email.as_str(), "what cannot be changed stays");
}

#[tokio::test]
async fn a_stale_etag_keeps_an_account_as_it_is() {
    let app = App::start();
    let ann = app.user("ann").await;
    let stale = text(&current(&ann).await["meta"]["etag"]);
    ann.send(Transport::Grpc, update(&ann.id, json!({ "bio": "newer" }))).await.ok();
    let user = json!({ "id": ann.id, "bio": "overwritten" });
    let update = Call::to(UPDATE_USER, json!({ "user": user, "etag": stale }));
    let delete = Call::to(DELETE_USER, json!({ "id": ann.id, "etag": stale }));
    for call in [update, delete] {
        ann.everywhere(call).await.refused("ABORTED", "STALE_ETAG");
    }
    assert_eq!(current(&ann).await["bio"], "newer");
}

#[tokio::test]
async fn authz_05_nobody_gives_themselves_a_role() {
    let app = App::start();
    let ann = app.user("ann").await;
    let before = current(&ann).await;
    for fields in [
        json!({ "roles": ["admin"] }),
        json!({ "state": "USER_STATE_SUSPENDED" }),
        json!({ "email": "other@example.com" }),
        json!({ "emailVerified": true }),
    ] {
        for transport in Transport::ALL {
            let masked = {
                let mut call = update(&ann.id, fields.clone());
                call.request["updateMask"] =
                    fields.as_object().unwrap().keys().next().unwrap().as_str().into();
                call
            };
            for call in [update(&ann.id, fields.clone()), masked] {
                let reply = ann.send(transport, call).await;
                assert!(["OK", "INVALID_ARGUMENT"].contains(&reply.code.as_str()), "{reply:#?}");
            }
        }
    }
    assert_eq!(current(&ann).await, before);
}

#[tokio::test]
async fn authz_03_nobody_but_administrators_changes_the_account_of_another() {
    let app = App::start();
    let (ann, bob, root) = (app.user("ann").await, app.user("bob").await, app.admin("root").await);
    for id in [ann.id.clone(), unique_uuid()] {
        for call in [update(&id, json!({ "bio": "bob was here" })), delete(&id)] {
            bob.everywhere(call).await.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        }
    }
    assert_eq!(current(&ann).await["bio"], "");
    root.everywhere(update(&ann.id, json!({ "bio": "edited" }))).await.ok();
    assert_eq!(current(&ann).await["bio"], "edited");
    root.send(Transport::Rest, delete(&ann.id)).await.ok();
    root.everywhere(get(&ann.id)).await.refused("NOT_FOUND", "NOT_FOUND");
}

#[tokio::test]
async fn authz_06_the_last_administrator_cannot_be_deleted() {
    let app = App::with(Environment::new());
    let root = app.admin("root").await;
    let refused = root.everywhere(delete(&root.id)).await;
    refused.refused("FAILED_PRECONDITION", "LAST_ADMINISTRATOR");
    let second = app.admin("second").await;
    second.send(Transport::Rest, delete(&root.id)).await.ok();
}

/// A call that suspends an account, or ends that.
fn set_suspended(id: &str, suspended: bool) -> Call {
    let method = if suspended { SUSPEND_USER } else { UNSUSPEND_USER };
    Call::to(method, json!({ "id": id }))
}

#[tokio::test]
async fn sess_04_suspending_an_account_ends_its_sessions_until_it_is_lifted_and_one_signs_in_anew()
{
    for app in on_every_database().await {
        let (root, bob) = (app.admin("root").await, app.user("bob").await);
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            current(&ann).await;
            let suspended = root.send(transport, set_suspended(&ann.id, true)).await;
            assert_eq!(suspended.ok()["user"]["state"], "USER_STATE_SUSPENDED");
            let me = ann.everywhere(Call::to(GET_ME, json!({}))).await;
            me.refused("UNAUTHENTICATED", "SESSION_ENDED");
            let seen = bob.send(transport, get(&ann.id)).await;
            assert_eq!(seen.ok()["user"]["state"], "USER_STATE_SUSPENDED");

            let lifted = root.send(transport, set_suspended(&ann.id, false)).await;
            assert_eq!(lifted.ok()["user"]["state"], "USER_STATE_ACTIVE");
            let me = ann.everywhere(Call::to(GET_ME, json!({}))).await;
            me.refused("UNAUTHENTICATED", "SESSION_ENDED");
            assert_eq!(app.sign_in(&ann.username).await.id, ann.id);
        }
    }
}

#[tokio::test]
async fn authn_05_signing_in_to_a_suspended_account_fails_as_with_a_wrong_password() {
    for app in on_every_database().await {
        let (ann, root) = (app.user("ann").await, app.admin("root").await);
        root.send(Transport::Rest, set_suspended(&ann.id, true)).await.ok();
        for (name, password) in [(&ann.username, PASSWORD), (&ann.email, "not the right one")] {
            let request = json!({ "identifier": name, "password": password });
            let refused = app.everywhere(&Call::to(LOGIN, request)).await;
            refused.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        }
        let refresh = Call::to(REFRESH_TOKEN, json!({ "refreshToken": ann.refresh_token }));
        let refused = app.everywhere(&refresh).await;
        refused.refused("UNAUTHENTICATED", "INVALID_REFRESH_TOKEN");
    }
}

#[tokio::test]
async fn authz_06_the_last_administrator_cannot_be_suspended() {
    let app = App::with(Environment::new());
    let root = app.admin("root").await;
    let refused = root.everywhere(set_suspended(&root.id, true)).await;
    refused.refused("FAILED_PRECONDITION", "LAST_ADMINISTRATOR");
    let second = app.admin("second").await;
    second.send(Transport::Rest, set_suspended(&root.id, true)).await.ok();
    // One who is suspended does not count.
    let refused = second.everywhere(set_suspended(&second.id, true)).await;
    refused.refused("FAILED_PRECONDITION", "LAST_ADMINISTRATOR");
    second.send(Transport::Rest, delete(&root.id)).await.ok();
}

#[tokio::test]
async fn accounts_are_listed_in_pages_by_filter_and_order() {
    for app in on_every_database().await {
        let stem = unique("Listed");
        let mut expected = Vec::new();
        for letter in ["c", "a", "b"] {
            expected.push(app.user(&format!("{stem}-{letter}-")).await.username);
        }
        let reader = app.user("reader").await;
        expected.reverse();
        for transport in Transport::ALL {
            assert_eq!(usernames(&reader, transport, &stem.to_lowercase()).await, expected);
        }
        let filter = format!("username : \"{stem}\" AND state = \"ACTIVE\"");
        let mut request = json!({ "filter": filter, "orderBy": "username", "pageSize": 2 });
        let first = reader.everywhere(Call::to(LIST_USERS, request.clone())).await;
        assert_eq!(first.ok()["users"].as_array().unwrap().len(), 2);
        request["pageToken"] = first.ok()["nextPageToken"].clone();
        let second = reader.everywhere(Call::to(LIST_USERS, request)).await;
        assert_eq!(second.ok()["nextPageToken"], "");
        assert!(text(&second.ok()["users"][0]["username"]).starts_with(&format!("{stem}-c-")));
    }
}

/// The usernames that have this in them, in the order of the list.
async fn usernames(reader: &Person, transport: Transport, stem: &str) -> Vec<String> {
    let request = json!({ "filter": format!("username : \"{stem}\"") });
    let reply = reader.call(transport, LIST_USERS, request).await;
    let users = reply.ok()["users"].as_array().expect("a list").clone();
    users.iter().map(|user| text(&user["username"])).collect()
}
