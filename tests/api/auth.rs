//! Signing up, in and out.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    app::{App, PASSWORD, Person, unique, unique_uuid},
    client::{Call, Transport},
    database::on_every_database,
    rpc::{CHANGE_PASSWORD, GET_ME, LIST_USERS, LOGIN, REGISTER},
    server::Environment,
};

/// A request to sign up under a name.
pub fn registration(username: &str) -> Value {
    json!({ "email": format!("{username}@example.com"), "username": username, "password": PASSWORD })
}

/// How many accounts have a username with this in it.
pub async fn accounts_named(app: &App, username: &str) -> usize {
    let reader = app.user("reader").await;
    let request = json!({ "filter": format!("username : \"{username}\"") });
    let reply = reader.call(Transport::Grpc, LIST_USERS, request).await;
    reply.ok()["users"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn registering_makes_an_account_and_signs_it_in() {
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let username = unique("Ann");
            let reply = app.call(transport, REGISTER, registration(&username), None).await;
            let result = &reply.ok()["result"];
            assert_eq!(result["created"], true);
            assert_eq!(result["tokens"]["tokenType"], "Bearer");
            let user = &result["user"];
            assert_eq!(user["username"], username);
            assert_eq!(user["email"], format!("{username}@example.com"));
            assert_eq!(user["state"], "USER_STATE_ACTIVE");
            assert_eq!(user["roles"], json!(["user"]));

            let ann = Person::of(&app, &reply);
            assert_eq!(&ann.call(transport, GET_ME, json!({})).await.ok()["user"], user);
        }
    }
}

#[tokio::test]
async fn people_sign_in_by_username_or_email_in_any_case() {
    for app in on_every_database().await {
        let ann = app.user("Ann").await;
        for identifier in [ann.username.to_uppercase(), ann.email.to_lowercase()] {
            for transport in Transport::ALL {
                let request = json!({ "identifier": identifier, "password": PASSWORD });
                let reply = app.call(transport, LOGIN, request, None).await;
                let result = &reply.ok()["result"];
                assert_eq!(result["user"]["id"], ann.id.as_str());
                assert_eq!(result["created"], false);
                assert_ne!(result["tokens"]["sessionId"], ann.session_id.as_str());
            }
        }
    }
}

#[tokio::test]
async fn authn_01_a_password_is_used_exactly_as_it_was_given() {
    let app = App::start();
    let passwords = [
        "  spaces on both sides  ".to_owned(),
        "CASE matters in passwords".to_owned(),
        "pässwörter 密码 🔑🔑🔑🔑".to_owned(),
        PASSWORD.repeat(13)[..256].to_owned(),
    ];
    for password in passwords {
        let mut request = registration(&unique("ann"));
        request["password"] = password.as_str().into();
        let ann = Person::of(&app, &app.call(Transport::Rest, REGISTER, request, None).await);
        let login = |password: &str| {
            Call::to(LOGIN, json!({ "identifier": ann.username, "password": password }))
        };
        for transport in Transport::ALL {
            app.send(transport, &login(&password)).await.ok();
        }
        let mut shorter = password.clone();
        shorter.pop();
        let almost =
            [password.trim(), &password.to_lowercase(), &password.to_uppercase(), &shorter]
                .map(str::to_owned);
        for almost in almost.iter().filter(|almost| **almost != password) {
            let reply = app.send(Transport::Grpc, &login(almost)).await;
            reply.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        }
    }
}

#[tokio::test]
async fn authn_01_a_password_has_15_characters_at_least_and_256_bytes_at_most() {
    let app = App::start();
    let name = unique("ann");
    for (bad, allowed) in [
        ("short".to_owned(), "at least 15 characters"),
        ("fourteen chars".to_owned(), "at least 15 characters"),
        ("ä".repeat(14), "at least 15 characters"),
        ("x".repeat(257), "at most 256 bytes"),
        ("ä".repeat(129), "at most 256 bytes"),
    ] {
        let mut request = registration(&name);
        request["password"] = bad.as_str().into();
        let refused = app.everywhere(&Call::to(REGISTER, request)).await;
        assert!(refused.invalid("password").description().contains(allowed), "{refused:#?}");
    }
    assert_eq!(accounts_named(&app, &name).await, 0);
    let mut request = registration(&name);
    request["password"] = "fifteen letters".into();
    app.call(Transport::Grpc, REGISTER, request, None).await.ok();
}

#[tokio::test]
async fn the_operator_says_how_long_a_password_is_and_the_refusal_repeats_it() {
    let app = App::with(Environment::new().set("PASSWORD_LENGTH_MIN", "8"));
    let mut request = registration(&unique("ann"));
    request["password"] = "seven7!".into();
    let refused = app.everywhere(&Call::to(REGISTER, request.clone())).await;
    assert!(refused.invalid("password").description().contains("at least 8"), "{refused:#?}");
    request["password"] = "eight 8!".into();
    app.call(Transport::Rest, REGISTER, request, None).await.ok();
}

#[tokio::test]
async fn authn_05_a_wrong_password_and_an_unknown_account_look_alike() {
    let app = App::start();
    let ann = app.user("ann").await;
    let wrong = json!({ "identifier": ann.username, "password": "not the right one" });
    let unknown = json!({ "identifier": unique("nobody"), "password": "not the right one" });
    let wrong = app.everywhere(&Call::to(LOGIN, wrong)).await;
    let unknown = app.everywhere(&Call::to(LOGIN, unknown)).await;
    wrong.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    unknown.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
    assert_eq!((&wrong.message, &wrong.details), (&unknown.message, &unknown.details));
}

#[tokio::test]
async fn an_email_and_a_username_belong_to_one_account() {
    for app in on_every_database().await {
        let ann = app.user("ann").await;
        let other = unique("other");

        let mut request = registration(&other);
        request["email"] = ann.email.to_uppercase().into();
        let reply = app.everywhere(&Call::to(REGISTER, request)).await;
        reply.refused("ALREADY_EXISTS", "EMAIL_TAKEN");

        let mut request = registration(&ann.username.to_uppercase());
        request["email"] = format!("{other}@example.com").into();
        let reply = app.everywhere(&Call::to(REGISTER, request)).await;
        reply.refused("ALREADY_EXISTS", "USERNAME_TAKEN");

        assert_eq!(accounts_named(&app, &other).await, 0);
        app.call(Transport::Grpc, REGISTER, registration(&other), None).await.ok();
    }
}

#[tokio::test]
async fn of_registrations_of_one_name_at_the_same_time_one_wins() {
    for app in on_every_database().await {
        let name = unique("ann");
        let registrations = (0..8).map(|number| {
            let mut request = registration(&name);
            request["email"] = format!("{name}-{number}@example.com").into();
            app.call(Transport::ALL[number % 4], REGISTER, request, None)
        });
        let replies = join_all(registrations).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.code == "OK");
        assert_eq!(won.len(), 1);
        for reply in lost {
            reply.refused("ALREADY_EXISTS", "USERNAME_TAKEN");
        }
        assert_eq!(accounts_named(&app, &name).await, 1);
    }
}

#[tokio::test]
async fn api_10_a_retried_registration_makes_no_second_account() {
    for app in on_every_database().await {
        let mut request = registration(&unique("ann"));
        request["requestId"] = unique_uuid().into();
        let first =
            Person::of(&app, &app.call(Transport::Grpc, REGISTER, request.clone(), None).await);
        for transport in Transport::ALL {
            let reply = app.call(transport, REGISTER, request.clone(), None).await;
            let again = Person::of(&app, &reply);
            assert_eq!(again.id, first.id);
            assert_eq!(again.session_id, first.session_id);
            again.call(transport, GET_ME, json!({})).await.ok();
        }
        request["displayName"] = "Another".into();
        let reply = app.everywhere(&Call::to(REGISTER, request)).await;
        reply.refused("ALREADY_EXISTS", "REQUEST_ID_REUSED");
    }
}

#[tokio::test]
async fn sess_04_a_retried_registration_signs_nobody_in_by_the_password_of_before() {
    for app in on_every_database().await {
        let mut request = registration(&unique("ann"));
        request["requestId"] = unique_uuid().into();
        let ann =
            Person::of(&app, &app.call(Transport::Grpc, REGISTER, request.clone(), None).await);
        let change = json!({ "newPassword": "another one, and as long" });
        ann.call(Transport::Grpc, CHANGE_PASSWORD, change).await.ok();
        let reply = app.everywhere(&Call::to(REGISTER, request)).await;
        reply.refused("UNAUTHENTICATED", "SESSION_ENDED");
        ann.call(Transport::Grpc, GET_ME, json!({})).await.ok();
    }
}

#[tokio::test]
async fn api_10_a_registration_has_the_header_idempotency_key_too() {
    let app = App::start();
    let call = Call::to(REGISTER, registration(&unique("ann")));
    let call = call.header("idempotency-key", &unique_uuid());
    let mut ids = Vec::new();
    for transport in Transport::ALL {
        ids.push(Person::of(&app, &app.send(transport, &call).await).id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn authz_05_nobody_signs_up_with_a_role() {
    let app = App::start();
    let name = unique("ann");
    for field in ["roles", "role", "is_admin", "id", "state", "emailVerified"] {
        let mut request = registration(&name);
        request[field] = json!(["admin"]);
        let call = Call::to(REGISTER, registration(&name)).malformed(&[], &request.to_string());
        let reply = app.send(Transport::Rest, &call).await;
        reply.refused("INVALID_ARGUMENT", "INVALID_FIELDS");
    }
    assert_eq!(accounts_named(&app, &name).await, 0);
}
