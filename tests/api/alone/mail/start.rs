//! Settings of mails that are wrong, and that are right.

use crate::support::{server::Environment, smtp::PUBLIC_URL};

const SMTP_URL: &str = "smtps://ann:s3cret@mail.example";

/// What the server and `veza config` say when they do not start.
fn refusal(environment: &Environment) -> String {
    let [started, shown] = [environment.run(&[], ""), environment.run(&["config"], "")];
    let expected = if started.status.code() == Some(2) { 2 } else { 1 };
    assert_eq!((started.status.code(), shown.status.code()), (Some(expected), Some(expected)));
    let said = String::from_utf8([started.stdout, started.stderr].concat()).unwrap();
    let shown = String::from_utf8([shown.stdout, shown.stderr].concat()).unwrap();
    assert!(!said.contains("s3cret") && !shown.contains("s3cret"), "{said}{shown}");
    said
}

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_a_line_that_names_it() {
    let complete = || {
        Environment::new()
            .set("SMTP_URL", SMTP_URL)
            .set("MAIL_FROM", "no-reply@example.com")
            .set("PUBLIC_URL", PUBLIC_URL)
    };
    for (environment, named) in [
        (complete().unset("MAIL_FROM"), "MAIL_FROM is not set"),
        (complete().unset("PUBLIC_URL"), "PUBLIC_URL is not set"),
        (complete().set("MAIL_FROM", "nobody"), "MAIL_FROM cannot be read"),
        (complete().set("SMTP_URL", "http://ann:s3cret@mail.example"), "SMTP_URL cannot be read"),
        (complete().set("SMTP_URL", "smtp://s3cret@mail.example"), "SMTP_URL cannot be read"),
        (complete().set("PUBLIC_URL", "app.example.com"), "PUBLIC_URL"),
        (complete().set("PASSWORD_RESET_PATH", "//evil.example"), "PASSWORD_RESET_PATH"),
        (complete().set("SMTP_TIMEOUT", "soon"), "SMTP_TIMEOUT"),
        (Environment::new().set("MAIL_FROM", "nobody"), "MAIL_FROM cannot be read"),
    ] {
        let said = refusal(&environment);
        assert!(said.contains(named), "{said}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_without_who_signs_in() {
    let environment = Environment::new()
        .set("SMTP_URL", SMTP_URL)
        .set("MAIL_FROM", "Veza <no-reply@example.com>")
        .set("PUBLIC_URL", "https://app.example.com/");
    let shown = environment.run(&["config"], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in [
        "SMTP_URL=smtps://<hidden>@mail.example",
        "MAIL_FROM=Veza <no-reply@example.com>",
        "PUBLIC_URL=https://app.example.com",
        "PASSWORD_RESET_PATH=/reset-password",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
}
