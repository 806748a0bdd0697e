//! The policy of the contract, enforced: role by role, method by method, and the same over every transport.

use std::collections::HashMap;

use prost_reflect::{Kind as FieldKind, MethodDescriptor};
use serde_json::{Map, Value, json};

use crate::{
    kind::{ROOM, STREAM},
    support::{
        app::{App, Person, unique_uuid},
        client::{Call, Transport},
        contract::{self, Policy, bindings, policy},
        reply::Reply,
        rpc::DELETE_USER,
    },
};

/// What the built-in roles may do. Rights over one's own things come from owning them.
pub const ROLES: [(&str, &[&str]); 5] = [
    (
        "admin",
        &[
            "users.read",
            "users.read_private",
            "users.update",
            "users.delete",
            "users.suspend",
            "sessions.read_any",
            "sessions.revoke_any",
            "api_keys.own",
            "api_keys.any",
            "rooms.read",
            "rooms.create",
            "rooms.update_any",
            "rooms.delete_any",
            "streams.read",
            "streams.create",
            "streams.update_any",
            "streams.delete_any",
            "tokens.validate",
        ],
    ),
    (
        "moderator",
        &[
            "users.read",
            "api_keys.own",
            "rooms.read",
            "rooms.create",
            "rooms.update_any",
            "rooms.delete_any",
            "streams.read",
            "streams.create",
            "streams.update_any",
            "streams.delete_any",
        ],
    ),
    (
        "user",
        &[
            "users.read",
            "api_keys.own",
            "rooms.read",
            "rooms.create",
            "streams.read",
            "streams.create",
        ],
    ),
    (
        "auditor",
        &[
            "users.read",
            "users.read_private",
            "sessions.read_any",
            "api_keys.own",
            "rooms.read",
            "streams.read",
        ],
    ),
    ("service", &["users.read", "api_keys.own", "rooms.read", "streams.read", "tokens.validate"]),
];

#[test]
fn authz_01_every_method_says_who_may_call_it() {
    for method in contract::methods() {
        let Policy { access, permission, .. } = policy(&method);
        let name = contract::name(&method);
        match access.as_str() {
            "ACCESS_PUBLIC" | "ACCESS_AUTHENTICATED" => assert_eq!(permission, "", "{name}"),
            "ACCESS_PERMISSION" | "ACCESS_OWNER" => assert_ne!(permission, "", "{name}"),
            other => panic!("{name}: {other}"),
        }
    }
}

#[tokio::test]
async fn authz_02_every_role_may_call_what_the_policy_says_over_every_transport() {
    let app = App::start();
    for (role, permissions) in ROLES {
        let person = app.person_with_role(role).await;
        for (method, transport) in every_method_and_transport() {
            let policy = policy(&method);
            let allowed = policy.access != "ACCESS_PERMISSION"
                || permissions.contains(&policy.permission.as_str());
            let reply = person.send(transport, harmless(&method)).await;
            if allowed {
                assert_passed(role, &reply);
            } else {
                reply.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
            }
        }
    }
}

#[tokio::test]
async fn authz_02_nobody_may_call_what_is_not_public_without_a_token() {
    let app = App::start();
    for (method, transport) in every_method_and_transport() {
        let reply = app.send(transport, &harmless(&method)).await;
        if policy(&method).access == "ACCESS_PUBLIC" {
            assert_passed("nobody", &reply);
        } else {
            reply.refused("UNAUTHENTICATED", "MISSING_TOKEN");
        }
    }
}

#[tokio::test]
async fn authz_02_owners_and_holders_of_the_permission_change_a_resource_and_nobody_else() {
    let app = App::start();
    let owner = app.user("owner").await;
    let resources = HashMap::from([
        ("veza.user.v1.UserService", owner.id.clone()),
        ("veza.chat.v1.ChatService", ROOM.public(&owner).await),
        ("veza.stream.v1.StreamService", STREAM.public(&owner).await),
    ]);
    for (role, permissions) in ROLES {
        let person = app.person_with_role(role).await;
        for (method, transport) in every_method_and_transport() {
            let policy = policy(&method);
            // What has no version, such as a session, is tested where it is at home.
            let is_versioned = method.input().get_field_by_name("etag").is_some();
            if policy.access != "ACCESS_OWNER" || !is_versioned {
                continue;
            }
            let id = &resources[method.parent_service().full_name()];
            let call = outdated(&method, id);
            let reply = person.send(transport, call.clone()).await;
            if permissions.contains(&policy.permission.as_str()) {
                reply.refused("ABORTED", "STALE_ETAG");
            } else {
                reply.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
            }
            owner.send(transport, call).await.refused("ABORTED", "STALE_ETAG");
        }
    }
}

#[tokio::test]
async fn authz_02_a_refusal_names_the_permission_that_is_missing() {
    let app = App::start();
    let auditor: Person = app.person_with_role("auditor").await;
    let call = Call::to(ROOM.create, ROOM.draft("never made"));
    let refused = auditor.everywhere(call).await;
    refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
    assert!(refused.message.contains("rooms.create"), "{refused:#?}");
}

#[tokio::test]
async fn authz_02_a_refusal_names_the_relation_that_would_do_too() {
    let app = App::start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for (call, resource, permission) in [
        (ROOM.rename(&ROOM.public(&ann).await, "mine now"), "room", "rooms.update_any"),
        (STREAM.rename(&STREAM.public(&ann).await, "mine now"), "stream", "streams.update_any"),
        (Call::to(DELETE_USER, json!({ "id": ann.id })), "account", "users.delete"),
        (Call::to(DELETE_USER, json!({ "id": unique_uuid() })), "account", "users.delete"),
    ] {
        let refused = bob.everywhere(call).await;
        refused.refused("PERMISSION_DENIED", "PERMISSION_DENIED");
        let said = format!("only the owner of this {resource}");
        assert!(refused.message.contains(&said), "{refused:#?}");
        assert!(refused.message.contains(permission), "{refused:#?}");
        let info = refused.detail("google.rpc.ErrorInfo").unwrap();
        let expected =
            json!({ "relation": "owner", "resource": resource, "permission": permission });
        assert_eq!(info["metadata"], expected);
    }
    let hidden = ROOM.private(&ann).await;
    bob.everywhere(ROOM.rename(&hidden, "mine now")).await.refused("NOT_FOUND", "NOT_FOUND");
}

/// Every method of the contract over every transport that has it.
pub fn every_method_and_transport() -> impl Iterator<Item = (MethodDescriptor, Transport)> {
    contract::methods()
        .flat_map(|method| Transport::of(&method).map(move |transport| (method.clone(), transport)))
}

/// A call that changes nothing whoever makes it: every text in it is too long, which is only looked at after the
/// caller was let in.
pub fn harmless(method: &MethodDescriptor) -> Call {
    let too_long = Value::from("x".repeat(600));
    let message = method.input();
    let texts = contract::fields_at_once(&message).filter(|field| {
        matches!(field.kind(), FieldKind::String) && !field.is_list() && !field.is_map()
    });
    let mut request: Map<_, _> =
        texts.map(|field| (field.name().to_owned(), too_long.clone())).collect();
    if let Some((message, field)) = nested_variable(method) {
        request.insert(message, json!({ field: too_long }));
    }
    Call::to(&contract::name(method), request.into())
}

/// A call that changes nothing whoever makes it, because it was made from a version that never was.
fn outdated(method: &MethodDescriptor, id: &str) -> Call {
    let request = match nested_variable(method) {
        Some((message, field)) => json!({ message: { field: id }, "etag": "never" }),
        None => json!({ "id": id, "etag": "never" }),
    };
    Call::to(&contract::name(method), request)
}

/// The message and its field that the path of a method has, as `room` and `id` in `{room.id}`.
fn nested_variable(method: &MethodDescriptor) -> Option<(String, String)> {
    let template = bindings(method).first()?.template.clone();
    let (_, variable) = template.split_once('{')?;
    let (message, field) = variable.split_once('}')?.0.split_once('.')?;
    Some((message.into(), field.into()))
}

/// Demands that a call got past the question whether its caller may make it.
#[track_caller]
pub fn assert_passed(who: &str, reply: &Reply) {
    // Some change nothing because there is nothing to change.
    let passed = ["OK", "INVALID_ARGUMENT", "FAILED_PRECONDITION"].contains(&reply.code.as_str());
    assert!(passed, "{who}: {reply:#?}");
}
