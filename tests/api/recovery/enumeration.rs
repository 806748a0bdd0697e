//! What a stranger learns by asking: nothing.

use serde_json::json;

use super::{forgot, links, token_by_mail};
use crate::support::{
    app::App,
    client::Transport,
    rpc::{DELETE_USER, SUSPEND_USER},
    smtp::Server,
};

#[tokio::test]
async fn authn_05_the_answer_is_the_same_for_every_account_and_for_none() {
    let smtp = Server::start();
    let app = App::with(smtp.environment());
    let root = app.admin("root").await;
    let [known, barred, gone] =
        [app.user("ann").await, app.user("bob").await, app.user("eve").await];
    root.call(Transport::Grpc, SUSPEND_USER, json!({ "id": barred.id })).await.ok();
    gone.call(Transport::Grpc, DELETE_USER, json!({ "id": gone.id })).await.ok();
    for transport in Transport::ALL {
        let mut answers = Vec::new();
        for name in
            [&known.email, &known.username, &barred.email, &gone.email, "nobody@example.com"]
        {
            let reply = app.send(transport, &forgot(name)).await;
            let mut headers = reply.headers.clone();
            for own in ["date", "x-request-id", "ratelimit", "traceparent"] {
                headers.remove(own);
            }
            answers.push((reply.http_status, reply.code, reply.body, headers));
        }
        for answer in &answers[1..] {
            assert_eq!(answer, &answers[0]);
        }
    }
    let last = app.user("dan").await;
    token_by_mail(&app, &smtp, &last, 0).await;
    for nobody in [&barred, &gone] {
        assert_eq!(links(&smtp, nobody, 0).await.len(), 0);
    }
    assert_eq!(links(&smtp, &known, 8).await.len(), 8);
    let mails = smtp.received();
    assert!(mails.iter().all(|mail| mail.to != ["nobody@example.com"]));
}
