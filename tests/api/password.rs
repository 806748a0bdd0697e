//! Passwords: which may be chosen, that they are used as they are, and how they are kept.

use argon2::{Argon2, Params, PasswordHasher};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::{
    auth::{accounts_named, registration},
    support::{
        app::{App, PASSWORD, Person, unique},
        client::{Call, Transport},
        database::{on_database, on_every_database},
        rpc::{GET_ME, LOGIN, REGISTER},
        server::Environment,
    },
};

/// The cost that every hash is to have.
const COST: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// A source of numbers that are the same each time (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) % u64::from(end)).unwrap()
    }

    /// Any text of `bytes` bytes at most, and 15 characters at least, but for NUL.
    fn text(&mut self, bytes: usize) -> String {
        let mut text = String::new();
        loop {
            let most = [0x80, 0x800, 0x1_0000, 0x11_0000][self.below(4) as usize];
            let Some(character) = char::from_u32(self.below(most)).filter(|c| *c != '\0') else {
                continue;
            };
            if text.len() + character.len_utf8() > bytes {
                return text;
            }
            text.push(character);
        }
    }
}

fn login(username: &str, password: &str) -> Call {
    Call::to(LOGIN, json!({ "identifier": username, "password": password }))
}

/// The hash of somebody's password, as the database has it.
async fn hash_of(person: &Person) -> String {
    let id: Uuid = person.id.parse().unwrap();
    on_database!(person.app.server.environment.get("DATABASE_URL"), |connection| {
        let query = sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1");
        query.bind(id).fetch_one(&mut connection).await.unwrap()
    })
}

#[tokio::test]
async fn authn_01_any_text_is_a_password_and_no_other_text_is_the_same() {
    let app = App::start();
    let mut numbers = Numbers(1);
    for round in 0..12 {
        let transport = Transport::ALL[round % Transport::ALL.len()];
        // Four bytes for each of 15 characters, and what bcrypt would not read any more.
        let length = [60, 72, 73, 128, 255, 256][round % 6];
        let mut password = numbers.text(length);
        if round % 3 == 0 {
            password.truncate(password.floor_char_boundary(length - 2));
            password.push_str("  ");
        }
        let username = unique("ann");
        let mut request = registration(&username);
        request["password"] = password.as_str().into();
        app.call(transport, REGISTER, request, None).await.ok();
        for transport in Transport::ALL {
            app.send(transport, &login(&username, &password)).await.ok();
        }
        let mut other = password.clone();
        let last = other.pop().unwrap();
        let twin = format!("{other}{}", if last == 'x' { 'y' } else { 'x' });
        for wrong in [other.as_str(), &twin] {
            let reply = app.send(transport, &login(&username, wrong)).await;
            reply.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
        }
    }
}

#[tokio::test]
async fn authn_02_a_password_that_is_easy_to_guess_is_refused_with_a_reason() {
    let app = App::start();
    let username = unique("wolpertinger");
    for (weak, reason) in [
        ("1qaz2wsx3edc4rfv".to_owned(), "most common"),
        ("PasswordPassword".to_owned(), "most common"),
        ("QWERTYuiop12345".to_owned(), "most common"),
        ("x".repeat(256), "repeats"),
        ("abcdefghijklmnop".to_owned(), "counts"),
        ("wolpertinger-2026".to_owned(), "username"),
        ("Veza veza veza!".to_owned(), "name of the service"),
    ] {
        let mut request = registration(&username);
        request["password"] = weak.as_str().into();
        let refused = app.everywhere(&Call::to(REGISTER, request)).await;
        let description = refused.invalid("password").description();
        assert!(description.contains(reason), "{weak}: {description}");
        assert!(description.contains("a few words"), "{description}");
        assert!(!format!("{refused:?}").contains(&weak), "a password is not repeated");
    }
    assert_eq!(accounts_named(&app, &username).await, 0);
}

#[tokio::test]
async fn authn_02_nobody_makes_an_administrator_with_a_common_password() {
    let app = App::start();
    let username = unique("root");
    let create = ["admin", "create", "--username", &username, "--email", "root@example.com"];
    let refused = app.server.environment.run(&create, "passwordpassword");
    assert!(!refused.status.success());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("password: must not be easy to guess"), "{told}");
    assert_eq!(accounts_named(&app, &username).await, 0);
}

#[tokio::test]
async fn authn_03_a_hash_has_its_cost_in_it_and_a_salt_of_its_own() {
    for app in on_every_database().await {
        let (ann, bob) = (app.user("ann").await, app.user("bob").await);
        let hashes = [hash_of(&ann).await, hash_of(&bob).await];
        for hash in &hashes {
            assert!(hash.starts_with(COST), "{hash}");
        }
        let salts = hashes.each_ref().map(|hash| hash.split('$').nth(4).unwrap());
        assert_ne!(salts[0], salts[1]);
        assert!(salts[0].len() >= 22, "16 bytes in base64: {salts:?}");
    }
}

#[tokio::test]
async fn authn_03_a_hash_of_another_cost_is_replaced_when_its_owner_signs_in() {
    let cheap = Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        Params::new(8, 1, 1, None).unwrap(),
    );
    for app in on_every_database().await {
        for transport in Transport::ALL {
            let ann = app.user("ann").await;
            let old = cheap.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
            let id: Uuid = ann.id.parse().unwrap();
            on_database!(app.server.environment.get("DATABASE_URL"), |connection| {
                let query = sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2");
                query.bind(&old).bind(id).execute(&mut connection).await.unwrap().rows_affected()
            });
            let wrong = app.send(transport, &login(&ann.username, "not the right one")).await;
            wrong.refused("UNAUTHENTICATED", "WRONG_CREDENTIALS");
            assert_eq!(hash_of(&ann).await, old);
            for _ in 0..2 {
                app.send(transport, &login(&ann.username, PASSWORD)).await.ok();
            }
            assert!(hash_of(&ann).await.starts_with(COST));
        }
    }
}

#[tokio::test]
async fn authn_03_while_more_sign_in_than_can_be_hashed_other_calls_are_answered() {
    let app = App::with(Environment::new());
    let ann = app.user("ann").await;
    let logins = join_all((0..500).map(|number| {
        let call = login(&unique("nobody"), PASSWORD);
        let app = &app;
        async move { app.send(Transport::ALL[number % 4], &call).await }
    }));
    let others = async {
        for number in 0..100 {
            ann.call(Transport::ALL[number % 4], GET_ME, json!({})).await.ok();
        }
    };
    let (replies, ()) = tokio::join!(logins, others);
    let mut reasons: Vec<_> = replies.into_iter().filter_map(|reply| reply.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let expected = ["BUSY", "DEADLINE_EXCEEDED", "UNAVAILABLE", "WRONG_CREDENTIALS"];
    assert!(reasons.iter().all(|reason| expected.contains(&reason.as_str())), "{reasons:?}");
    app.send(Transport::Grpc, &login(&ann.username, PASSWORD)).await.ok();
}
