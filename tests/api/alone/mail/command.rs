//! `veza mail` at the terminal.

use serde_json::json;

use crate::support::{server::Environment, smtp::Server};

#[tokio::test]
async fn an_operator_sends_a_test_and_is_told_how_it_went() {
    let smtp = Server::start();
    let sent = smtp.environment().run(&["mail", "test", "ann@example.com"], "");
    assert!(sent.status.success(), "{sent:?}");
    let said = String::from_utf8(sent.stdout).unwrap();
    assert!(
        said.starts_with("localhost:") && said.ends_with("took the mail: 250 2.0.0 taken\n"),
        "{said}"
    );
    let mail = &smtp.received_for("ann@example.com", 1).await[0];
    assert_eq!(mail.subject(), "A test – Veza");

    smtp.rule(&json!([{ "at": "rcpt", "answer": "550 5.1.1 no such user" }]));
    for (environment, address, why) in [
        (
            smtp.environment(),
            "ann@example.com",
            "does not take the mail: permanent error (550): 5.1.1 no such user",
        ),
        (smtp.environment(), "ann", "must be an e-mail address"),
        (Environment::new(), "ann@example.com", "SMTP_URL is not set"),
    ] {
        let refused = environment.run(&["mail", "test", address], "");
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(why), "{said}");
    }
    smtp.tell("crash");
    let refused = smtp.environment().run(&["mail", "test", "ann@example.com"], "");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("cannot be used: Connection error"), "{said}");
}

#[tokio::test]
async fn a_list_of_no_mails_says_so() {
    let listed = Environment::new().run(&["mail", "list"], "");
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "no mail was written lately\n");
}
