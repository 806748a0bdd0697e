//! Identities that nobody has signed in by before: whose account they belong to, and whose they do not.

use serde_json::{Value, json};

use super::{CORP, address, browser::Browser, start};
use crate::support::{
    app::{App, Person, unique},
    client::Transport,
    database::on_database,
    identity::Provider,
    rpc::{GET_ME, LIST_IDENTITIES, SUSPEND_USER},
};

/// Somebody whose address was verified here.
async fn verified(app: &App, name: &str) -> Person {
    let person = app.user(name).await;
    let id: uuid::Uuid = person.id.parse().unwrap();
    on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query("UPDATE users SET email_verified = TRUE WHERE id = $1").bind(id);
        query.execute(&mut connection).await.unwrap();
    });
    person
}

/// What becomes of a sign-in with these claims: what the page of the front end gets.
async fn outcome(app: &App, provider: &Provider, claims: &Value) -> String {
    provider.rule(&json!({ "claims": claims, "userinfo": { "sub": claims["sub"] } }));
    Browser::new(app, provider).travel(CORP).await
}

#[tokio::test]
async fn oauth_01_an_identity_is_known_by_its_subject_and_never_by_its_address() {
    let (provider, app) = start();
    let (subject, email) = (unique("subject"), address("zoe"));
    provider.vouch(&subject, &email);
    let mut browser = Browser::new(&app, &provider);
    let zoe = Person::of(&app, &browser.sign_in(CORP, Transport::Rest).await);
    // The same subject with another address is the same person, whose account keeps its own.
    let other = address("other");
    provider.vouch(&subject, &other);
    let again = Person::of(&app, &browser.sign_in(CORP, Transport::Rest).await);
    assert_eq!((&again.id, &again.email), (&zoe.id, &email));
    let listed = zoe.call(Transport::Grpc, LIST_IDENTITIES, json!({})).await;
    assert_eq!(listed.ok()["identities"][0]["email"], other);
    // The same address with another subject is somebody else.
    let claims = json!({ "sub": unique("subject"), "email": email, "email_verified": true });
    assert_eq!(outcome(&app, &provider, &claims).await, "error=LINK_REQUIRED");
    // Subjects are compared letter by letter.
    let claims =
        json!({ "sub": subject.to_uppercase(), "email": address("zoe"), "email_verified": true });
    let fragment = outcome(&app, &provider, &claims).await;
    assert!(fragment.starts_with("code="), "{fragment}");
}

#[tokio::test]
async fn oauth_02_an_account_is_not_linked_by_its_address_unless_the_operator_says_so() {
    let (provider, app) = start();
    let victim = verified(&app, "victim").await;
    let claims = json!({ "sub": unique("subject"), "email": victim.email, "email_verified": true });
    assert_eq!(outcome(&app, &provider, &claims).await, "error=LINK_REQUIRED");
    let listed = victim.call(Transport::Grpc, LIST_IDENTITIES, json!({})).await;
    assert_eq!(listed.ok()["identities"], json!([]));
}

#[tokio::test]
async fn oauth_02_an_account_is_linked_by_its_address_only_when_both_know_it_to_be_theirs() {
    let provider = Provider::start();
    let app = App::with(provider.environment().set("OAUTH_LINK_BY_EMAIL", "true"));
    let (ann, bob) = (verified(&app, "ann").await, app.user("bob").await);
    // AC-044: what is not the value true does not vouch for the address; and nobody learns whether there is an account.
    for email in [&ann.email, &bob.email, &address("nobody")] {
        for word in [json!(false), json!("true"), json!(1), Value::Null] {
            let claims =
                json!({ "sub": unique("subject"), "email": email, "email_verified": word });
            let found = outcome(&app, &provider, &claims).await;
            assert_eq!(found, "error=PROVIDER_EMAIL_UNVERIFIED", "{claims}");
        }
    }
    let of = |person: &Person| json!({ "sub": unique("subject"), "email": person.email.to_uppercase(), "email_verified": true });
    assert_eq!(outcome(&app, &provider, &of(&bob)).await, "error=LINK_REQUIRED");
    let fragment = outcome(&app, &provider, &of(&ann)).await;
    assert!(fragment.starts_with("code="), "{fragment}");
    let listed = ann.call(Transport::Grpc, LIST_IDENTITIES, json!({})).await;
    assert_eq!(listed.ok()["identities"].as_array().unwrap().len(), 1);
    // Another one of the same provider does not push it aside.
    assert_eq!(outcome(&app, &provider, &of(&ann)).await, "error=IDENTITY_TAKEN");
}

#[tokio::test]
async fn a_new_account_needs_an_address_that_the_provider_vouches_for() {
    let (provider, app) = start();
    for claims in [
        json!({ "sub": unique("subject") }),
        json!({ "sub": unique("subject"), "email": "no address", "email_verified": true }),
    ] {
        let found = outcome(&app, &provider, &claims).await;
        assert_eq!(found, "error=PROVIDER_EMAIL_UNVERIFIED", "{claims}");
    }
}

#[tokio::test]
async fn usernames_that_are_taken_are_told_apart() {
    let (provider, app) = start();
    let name = unique("zoe");
    let mut names = Vec::new();
    for domain in ["a", "b", "c"] {
        provider.vouch(&unique("subject"), &format!("{name}@{domain}.example.com"));
        let mut browser = Browser::new(&app, &provider);
        let zoe = Person::of(&app, &browser.sign_in(CORP, Transport::Rest).await);
        assert!(zoe.username.starts_with(&name), "{}", zoe.username);
        names.push(zoe.username);
    }
    assert_eq!(names[0], name);
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test]
async fn oauth_03_an_account_that_cannot_be_used_lets_nobody_in() {
    let (provider, app) = start();
    let root = app.admin("root").await;
    provider.vouch(&unique("subject"), &address("zoe"));
    let mut browser = Browser::new(&app, &provider);
    let zoe = Person::of(&app, &browser.sign_in(CORP, Transport::Rest).await);
    // AC-056: also while they are on their way.
    let code = browser.code(CORP).await;
    root.call(Transport::Grpc, SUSPEND_USER, json!({ "id": zoe.id })).await.ok();
    for transport in Transport::ALL {
        let refused = app.send(transport, &super::exchange(CORP, &code, &browser.cookie)).await;
        refused.refused("PERMISSION_DENIED", "ACCOUNT_UNUSABLE");
    }
    assert_eq!(browser.travel(CORP).await, "error=ACCOUNT_UNUSABLE");
    zoe.call(Transport::Grpc, GET_ME, json!({})).await.refused("UNAUTHENTICATED", "SESSION_ENDED");
}
