//! What carries a sign-in through others on: for how long it is good, and that nothing else is.

use std::time::Duration;

use serde_json::json;
use veza::domain::one_time_token::Kind;

use super::{CORP, address, answer, assert_expired, browser::Browser, exchange, start_world};
use crate::support::{app::unique, client::Transport, identity::FRONT_END};

const ONE_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn oauth_03_an_answer_counts_for_ten_minutes() {
    let (provider, world) = start_world().await;
    provider.vouch(&unique("subject"), &address("zoe"));
    for transport in Transport::ALL {
        let mut browser = Browser::of(&world.client, &provider);
        let there = browser.begin(CORP).await;
        let slow = answer(CORP, &browser.visit(&there).await, &browser.cookie);
        world.wait(ONE_SECOND);
        let there = browser.begin(CORP).await;
        let fast = answer(CORP, &browser.visit(&there).await, &browser.cookie);
        world.wait(Duration::from_secs(599));
        assert_expired(&world.client.send(transport, &slow).await);
        let reply = world.client.send(transport, &fast).await;
        assert!(reply.header("location").starts_with(&format!("{FRONT_END}#code=")), "{reply:#?}");
    }
}

#[tokio::test]
async fn oauth_07_a_code_is_good_for_a_minute() {
    let (provider, world) = start_world().await;
    provider.vouch(&unique("subject"), &address("zoe"));
    for transport in Transport::ALL {
        let mut browser = Browser::of(&world.client, &provider);
        let slow = browser.code(CORP).await;
        world.wait(ONE_SECOND);
        let fast = browser.code(CORP).await;
        world.wait(Duration::from_secs(59));
        let late = exchange(CORP, &slow, &browser.cookie);
        assert_expired(&world.client.send(transport, &late).await);
        let in_time = exchange(CORP, &fast, &browser.cookie);
        world.client.send(transport, &in_time).await.ok();
    }
}

#[tokio::test]
async fn oauth_03_a_token_of_another_kind_is_neither_state_nor_code() {
    let (provider, world) = start_world().await;
    let mut browser = Browser::of(&world.client, &provider);
    browser.begin(CORP).await;
    for kind in Kind::ALL {
        for transport in Transport::ALL {
            let token = world.issue(kind, "", &json!({ "provider": CORP })).await;
            if kind != Kind::OAuthState {
                let call = answer(CORP, &format!("?code=a&state={token}"), &browser.cookie);
                assert_expired(&world.client.send(transport, &call).await);
            }
            if kind != Kind::OAuthCode {
                let call = exchange(CORP, &token, &browser.cookie);
                assert_expired(&world.client.send(transport, &call).await);
            }
        }
    }
}
