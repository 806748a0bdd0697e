//! Without a mail server: what the log has, and what it must not have.

use serde_json::{Value, json};

use super::{PENDING, list, on_each_database, sign_in_on};
use crate::support::{app::App, client::Transport, server::Environment};

/// The line that tells of the mail to somebody.
fn logged(app: &App) -> Value {
    let line = app.server.log.find(|line| (line["event"] == "mail_logged").then(|| line.clone()));
    line.expect("a line")
}

#[tokio::test]
async fn a_developer_reads_mails_in_the_log_and_in_the_list() {
    let app = App::alone(Environment::new());
    let ann = app.user("ann").await;
    sign_in_on(&app, &ann, Transport::Grpc, "phone").await;
    let line = logged(&app);
    assert_eq!(line["to"], ann.email.as_str());
    assert_eq!(line["subject"], "New sign-in – Veza");
    let text = line["text"].as_str().unwrap();
    assert!(text.contains(&format!("go to http://{}", app.server.environment.get("LISTEN_ADDR"))));
    app.until_metric(PENDING, 0.0).await;
    let kept = list(&app.server.environment).pop().unwrap();
    assert_eq!((&kept["state"], &kept["text"]), (&json!("LOGGED"), &json!(text)), "{kept:#}");
    let shown = app.server.environment.run(&["mail", "list"], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains(&ann.email) && shown.contains("New sign-in"), "{shown}");
}

#[tokio::test]
async fn log_02_where_others_can_reach_the_server_the_log_has_no_address_and_no_text() {
    let [embedded, on_postgres] = on_each_database(Environment::new()).await;
    let public = embedded.set("PUBLIC_URL", "https://app.example.com");
    for (environment, is_embedded) in [(public, true), (on_postgres, false)] {
        let app = App::alone(environment);
        let ann = app.user("ann").await;
        sign_in_on(&app, &ann, Transport::Grpc, "canary").await;
        let line = logged(&app);
        app.until_metric(PENDING, 0.0).await;
        let kept = list(&app.server.environment).pop().unwrap();
        assert_eq!(line["mail_id"], kept["id"]);
        assert_eq!(kept["recipient"], ann.email.as_str());
        // On SQLite whoever has the file can read the letter; elsewhere it is gone.
        assert_eq!(kept["text"].is_string(), is_embedded, "{kept:#}");
        let output = app.server.output();
        for secret in [&*ann.email, "Hello", "canary"] {
            assert!(!output.contains(secret), "{secret}: {output}");
        }
    }
}
