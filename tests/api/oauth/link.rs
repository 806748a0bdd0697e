//! Linking an account with an identity, and taking it away again.

use http::StatusCode;
use serde_json::json;

use super::{CORP, address, audited, browser::Browser, start};
use crate::{
    support::{
        app::{App, PASSWORD, Person, text, unique, unique_uuid},
        client::{Call, Transport},
        identity::{FRONT_END, Provider},
        rpc::{CHANGE_PASSWORD, GET_ME, LINK_IDENTITY, LIST_IDENTITIES, LOGOUT, UNLINK_IDENTITY},
        smtp::{Received, Server},
        world::World,
    },
    verification,
};

/// Begins to link; where at the provider the browser is sent.
async fn begin(person: &Person, browser: &mut Browser, transport: Transport) -> String {
    let call = Call::to(LINK_IDENTITY, json!({ "provider": CORP, "returnTo": FRONT_END }));
    let reply = person.send(transport, call.header("cookie", &browser.cookie)).await;
    browser.keep(reply.header("set-cookie"));
    text(&reply.ok()["authorizationUrl"])
}

/// Links all the way; what the page of the front end gets.
async fn link(person: &Person, browser: &mut Browser, transport: Transport) -> String {
    let there = begin(person, browser, transport).await;
    let callback = browser.visit(&there).await;
    browser.follow(&callback).await
}

/// Links an identity, signs in by it, and takes it away again.
pub async fn come_and_go(app: &App, provider: &Provider, ann: &Person, transport: Transport) {
    provider.vouch(&unique("subject"), &address("elsewhere"));
    let mut browser = Browser::new(app, provider);
    assert_eq!(link(ann, &mut browser, transport).await, "linked=corp");
    browser.sign_in(CORP, transport).await.ok();
    let listed = ann.call(transport, LIST_IDENTITIES, json!({})).await;
    let id = &listed.ok()["identities"][0]["id"];
    ann.call(transport, UNLINK_IDENTITY, json!({ "id": id })).await.ok();
}

/// The ids of somebody's identities.
async fn identities(person: &Person) -> Vec<String> {
    let listed = person.everywhere(Call::to(LIST_IDENTITIES, json!({}))).await;
    let listed = listed.ok()["identities"].as_array().unwrap().clone();
    listed.iter().map(|identity| text(&identity["id"])).collect()
}

#[tokio::test]
async fn an_account_is_linked_signed_in_to_and_unlinked_over_every_transport() {
    let (provider, app) = start();
    for transport in Transport::ALL {
        let ann = app.user("ann").await;
        // The address is somebody else's, which says nothing.
        provider.vouch(&unique("subject"), &address("elsewhere"));
        let mut browser = Browser::new(&app, &provider);
        assert_eq!(link(&ann, &mut browser, transport).await, "linked=corp");
        // Twice is no mistake.
        assert_eq!(link(&ann, &mut browser, transport).await, "linked=corp");
        let signed_in = browser.sign_in(CORP, transport).await;
        assert_eq!(signed_in.ok()["result"]["created"], false);
        let by_identity = Person::of(&app, &signed_in);
        assert_eq!(by_identity.id, ann.id);
        let [id] = <[String; 1]>::try_from(identities(&ann).await).unwrap();
        let gone = ann.call(transport, UNLINK_IDENTITY, json!({ "id": id })).await;
        assert_eq!(gone.ok()["identity"]["provider"], CORP);
        assert_eq!(identities(&ann).await, [""; 0]);
        // SESS-08: whoever got in by it is out, and whoever took it away is not.
        let ended = by_identity.call(transport, GET_ME, json!({})).await;
        ended.refused("UNAUTHENTICATED", "SESSION_ENDED");
        ann.call(transport, GET_ME, json!({})).await.ok();
        let again = ann.call(transport, UNLINK_IDENTITY, json!({ "id": id })).await;
        again.refused("NOT_FOUND", "NOT_FOUND");
    }
    let actions: Vec<_> = audited(&app).await.into_iter().map(|(action, ..)| action).collect();
    for action in ["identity.begin_link", "identity.link", "identity.unlink", "auth.oauth"] {
        assert!(actions.iter().any(|found| found == action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn an_identity_lets_nobody_in_whose_address_has_to_be_verified_first() {
    let (provider, smtp) = (Provider::start(), Server::start());
    let first = App::with(provider.add_to(smtp.environment()));
    let ann = first.user("ann").await;
    provider.vouch(&unique("subject"), &address("elsewhere"));
    let mut browser = Browser::new(&first, &provider);
    assert_eq!(link(&ann, &mut browser, Transport::Grpc).await, "linked=corp");
    first.server.stop();
    let strict = first.server.environment.clone().set("EMAIL_VERIFICATION", "required");
    let app = App::with(strict);
    for transport in Transport::ALL {
        let refused = Browser::new(&app, &provider).sign_in(CORP, transport).await;
        refused.refused("FAILED_PRECONDITION", "EMAIL_NOT_VERIFIED");
    }
    // Each of them was sent a link, of which the last is good.
    let links = verification::tokens(&smtp, &ann.email, Transport::ALL.len()).await;
    let link = links.last().unwrap();
    app.send(Transport::Rest, &verification::verify(link)).await.ok();
    let signed_in = Browser::new(&app, &provider).sign_in(CORP, Transport::Grpc).await;
    assert_eq!(Person::of(&app, &signed_in).id, ann.id);
}

#[tokio::test]
async fn authn_15_an_owner_is_told_that_an_identity_was_linked_and_unlinked() {
    let (provider, smtp) = (Provider::start(), Server::start());
    let environment = smtp.environment().set("EMAIL_VERIFICATION", "off");
    let app = App::with(provider.add_to(environment));
    let ann = app.user("ann").await;
    provider.vouch(&unique("subject"), &address("elsewhere"));
    link(&ann, &mut Browser::new(&app, &provider), Transport::Rest).await;
    let id = identities(&ann).await.remove(0);
    ann.call(Transport::Grpc, UNLINK_IDENTITY, json!({ "id": id })).await.ok();
    let mails = smtp.received_for(&ann.email, 2).await;
    let subjects: Vec<_> = mails.iter().map(Received::subject).collect();
    assert_eq!(
        subjects,
        ["A way to sign in was added – Veza", "A way to sign in was removed – Veza"]
    );
    assert!(mails.iter().all(|mail| mail.text.contains("Corporate")), "{mails:#?}");
}

#[tokio::test]
async fn oauth_03_a_link_is_made_for_the_session_and_the_browser_that_asked() {
    let (provider, app) = start();
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    provider.vouch(&unique("subject"), &address("elsewhere"));
    // AC-046: another browser.
    let (mut browser, mut other) = (Browser::new(&app, &provider), Browser::new(&app, &provider));
    let there = begin(&ann, &mut browser, Transport::Rest).await;
    begin(&eve, &mut other, Transport::Rest).await;
    let callback = browser.visit(&there).await;
    assert_eq!(other.open(&callback).await.status, StatusCode::BAD_REQUEST);
    // A session that has ended meanwhile.
    let brief = app.sign_in(&ann.username).await;
    let there = begin(&brief, &mut browser, Transport::Rest).await;
    let callback = browser.visit(&there).await;
    brief.call(Transport::Grpc, LOGOUT, json!({})).await.ok();
    assert_eq!(browser.follow(&callback).await, "error=SIGN_IN_EXPIRED");
    assert_eq!(identities(&ann).await, [""; 0]);
    // Nobody at all.
    let nobody = Call::to(LINK_IDENTITY, json!({ "provider": CORP }));
    app.everywhere(&nobody).await.refused("UNAUTHENTICATED", "MISSING_TOKEN");
}

#[tokio::test]
async fn oauth_01_an_identity_belongs_to_one_account_and_an_account_has_one_of_each_provider() {
    let (provider, app) = start();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mut browser = Browser::new(&app, &provider);
    provider.vouch(&unique("subject"), &address("elsewhere"));
    assert_eq!(link(&ann, &mut browser, Transport::Rest).await, "linked=corp");
    assert_eq!(link(&bob, &mut browser, Transport::Rest).await, "error=IDENTITY_TAKEN");
    provider.vouch(&unique("subject"), &address("elsewhere"));
    assert_eq!(link(&ann, &mut browser, Transport::Rest).await, "error=IDENTITY_TAKEN");
    let id = identities(&ann).await.remove(0);
    for (request, person) in [(json!({ "id": id }), &bob), (json!({ "id": unique_uuid() }), &ann)] {
        let call = Call::to(UNLINK_IDENTITY, request);
        person.everywhere(call).await.refused("NOT_FOUND", "NOT_FOUND");
    }
}

#[tokio::test]
async fn the_last_way_to_sign_in_cannot_be_taken_away() {
    let (provider, app) = start();
    provider.vouch(&unique("subject"), &address("zoe"));
    let mut browser = Browser::new(&app, &provider);
    let zoe = Person::of(&app, &browser.sign_in(CORP, Transport::Rest).await);
    let id = identities(&zoe).await.remove(0);
    let unlink = Call::to(UNLINK_IDENTITY, json!({ "id": id }));
    let refused = zoe.everywhere(unlink.clone()).await;
    refused.refused("FAILED_PRECONDITION", "LAST_WAY_TO_SIGN_IN");
    let password = json!({ "newPassword": PASSWORD });
    zoe.call(Transport::Grpc, CHANGE_PASSWORD, password).await.ok();
    zoe.send(Transport::Grpc, unlink).await.ok();
    app.sign_in(&zoe.username).await.call(Transport::Grpc, GET_ME, json!({})).await.ok();
}

#[tokio::test]
async fn of_two_identities_that_are_taken_away_at_once_one_stays() {
    let (provider, app) = start();
    for _ in 0..5 {
        provider.vouch(&unique("subject"), &address("zoe"));
        let mut browser = Browser::new(&app, &provider);
        let zoe = Person::of(&app, &browser.sign_in(CORP, Transport::Rest).await);
        let number = unique("").parse::<u64>().unwrap() + 1;
        provider.vouch_as_github(number, "zoe", &address("zoe"));
        let call = Call::to(LINK_IDENTITY, json!({ "provider": "github" }));
        let reply = zoe.send(Transport::Rest, call.header("cookie", &browser.cookie)).await;
        let callback = browser.visit(&text(&reply.ok()["authorizationUrl"])).await;
        assert_eq!(browser.follow(&callback).await, "linked=github");
        let ids = identities(&zoe).await;
        let unlink = |id: &String| Call::to(UNLINK_IDENTITY, json!({ "id": id }));
        let calls: Vec<_> = ids.iter().map(unlink).collect();
        let replies = calls.iter().map(|call| zoe.send(Transport::Grpc, call.clone()));
        let replies = futures::future::join_all(replies).await;
        let good = replies.iter().filter(|reply| reply.code == "OK").count();
        assert_eq!(good, 1, "{replies:#?}");
        assert_eq!(identities(&zoe).await.len(), 1);
    }
}

#[tokio::test]
async fn authn_11_linking_and_unlinking_take_a_fresh_proof() {
    let world = World::start().await;
    let request = crate::auth::registration("ann");
    let call = Call::to(crate::support::rpc::REGISTER, request);
    let reply = world.client.send(Transport::Grpc, &call).await;
    let token = text(&reply.ok()["result"]["tokens"]["accessToken"]);
    world.wait(std::time::Duration::from_mins(5));
    for (method, request) in [
        (LINK_IDENTITY, json!({ "provider": CORP })),
        (UNLINK_IDENTITY, json!({ "id": unique_uuid() })),
    ] {
        for transport in Transport::ALL {
            let call = Call::to(method, request.clone()).token(&token);
            let stale = world.client.send(transport, &call).await;
            stale.refused("UNAUTHENTICATED", "REAUTHENTICATION_REQUIRED");
        }
    }
}
