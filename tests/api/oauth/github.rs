//! GitHub, which speaks no OpenID Connect.

use serde_json::{Value, json};

use super::{
    address,
    browser::{Browser, parameters},
    start,
};
use crate::support::{
    app::{Person, text, unique},
    client::Transport,
    rpc::LIST_IDENTITIES,
};

const GITHUB: &str = "github";

#[tokio::test]
async fn oauth_06_somebody_signs_in_through_github_by_their_number_there() {
    let (provider, app) = start();
    for (number, transport) in (7_000_001..).zip(Transport::ALL) {
        let (login, email) = (unique("octo"), address("octo"));
        provider.vouch_as_github(number, &login, &email);
        let mut browser = Browser::new(&app, &provider);
        let asked = parameters(&browser.begin(GITHUB).await);
        // OAUTH-09
        assert_eq!(asked["scope"], "read:user user:email");
        assert_eq!(asked["code_challenge_method"], "S256");
        let first = browser.sign_in(GITHUB, transport).await;
        assert_eq!(first.ok()["result"]["created"], true);
        let octo = Person::of(&app, &first);
        assert_eq!((&octo.username, &octo.email), (&login, &email));
        // The name is given to others there, the number never is.
        provider.vouch_as_github(number, "renamed", &address("renamed"));
        let again = Person::of(&app, &browser.sign_in(GITHUB, transport).await);
        assert_eq!(again.id, octo.id);
        let listed = octo.call(transport, LIST_IDENTITIES, json!({})).await;
        assert_eq!(text(&listed.ok()["identities"][0]["subject"]), number.to_string());
    }
}

#[tokio::test]
async fn oauth_06_only_the_primary_address_counts_and_only_when_it_is_verified() {
    let (provider, app) = start();
    let primary = address("primary");
    let one = |primary: bool, verified: bool| json!({ "email": address("octo"), "primary": primary, "verified": verified });
    let emails = |list: Value| json!({ "github": { "user": { "id": 42, "login": "octo" }, "emails": list } });
    for list in [json!([one(true, false), one(false, true)]), json!([one(false, true)]), json!([])]
    {
        provider.rule(&emails(list.clone()));
        let found = Browser::new(&app, &provider).travel(GITHUB).await;
        assert_eq!(found, "error=PROVIDER_EMAIL_UNVERIFIED", "{list}");
    }
    let good = json!([one(false, true), { "email": primary, "primary": true, "verified": true }]);
    provider.rule(&emails(good));
    let signed_in = Browser::new(&app, &provider).sign_in(GITHUB, Transport::Rest).await;
    assert_eq!(signed_in.ok()["result"]["user"]["email"], primary);
}

#[tokio::test]
async fn oauth_06_what_github_cannot_mean_lets_nobody_in() {
    let (provider, app) = start();
    let emails = json!([{ "email": address("octo"), "primary": true, "verified": true }]);
    // AC-047
    for user in [
        json!({}),
        json!({ "id": null }),
        json!({ "id": "" }),
        json!({ "id": 0 }),
        json!({ "id": 1.5 }),
        json!({ "id": -1 }),
        json!({ "id": "1" }),
        json!({ "message": "Bad credentials" }),
        json!([]),
        json!(null),
    ] {
        provider.rule(&json!({ "github": { "user": user, "emails": emails } }));
        let found = Browser::new(&app, &provider).travel(GITHUB).await;
        assert_eq!(found, "error=PROVIDER_UNTRUSTED", "{user}");
    }
    let user = json!({ "id": 1, "login": "octo" });
    for emails in
        [json!({}), json!([{ "email": address("octo"), "primary": true, "verified": "true" }])]
    {
        provider.rule(&json!({ "github": { "user": user, "emails": emails } }));
        let found = Browser::new(&app, &provider).travel(GITHUB).await;
        assert_eq!(found, "error=PROVIDER_UNTRUSTED", "{emails}");
    }
}

#[tokio::test]
async fn oauth_04_a_code_of_one_provider_is_worth_nothing_at_another() {
    let (provider, app) = start();
    provider.vouch_as_github(42, "octo", &address("octo"));
    let mut browser = Browser::new(&app, &provider);
    let of_corp = {
        let there = browser.begin("corp").await;
        parameters(&browser.visit(&there).await)
    };
    let there = browser.begin(GITHUB).await;
    let state = text(&parameters(&there)["state"]);
    let mixed =
        format!("/api/v1/auth/oauth/github/callback?code={}&state={state}", text(&of_corp["code"]));
    assert_eq!(browser.follow(&mixed).await, "error=PROVIDER_UNTRUSTED");
    let there = browser.begin(GITHUB).await;
    let foreign = format!("{}&iss=https%3A%2F%2Fevil.example", browser.visit(&there).await);
    assert_eq!(browser.follow(&foreign).await, "error=PROVIDER_UNTRUSTED");
}
