//! Settings of signing in through others: halves that end the start, secrets from files, and what is shown of them.

use super::{CORP, browser::Browser};
use crate::support::{app::App, identity::Provider, server::Environment};

/// Why a server would not start.
fn complaint(environment: &Environment) -> String {
    let output = environment.run(&["config"], "");
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_provider_that_is_half_set_up_ends_the_start_with_a_sentence() {
    let set = |pairs: &[(&str, &str)]| {
        pairs.iter().fold(Environment::new(), |all, (name, value)| all.set(name, value))
    };
    for (pairs, told) in [
        (&[("OAUTH_GOOGLE_CLIENT_ID", "veza")][..], "OAUTH_GOOGLE_CLIENT_SECRET"),
        (&[("OAUTH_GITHUB_CLIENT_SECRET", "s3cret")], "OAUTH_GITHUB_CLIENT_ID"),
        (&[("OAUTH_OIDC_ISSUER", "https://login.example.com")], "OAUTH_OIDC_CLIENT_ID"),
        (
            &[("OAUTH_OIDC_CLIENT_ID", "veza"), ("OAUTH_OIDC_CLIENT_SECRET", "s3cret")],
            "OAUTH_OIDC_ISSUER",
        ),
        (&[("OAUTH_OIDC_ISSUER", "login.example.com")], "OAUTH_OIDC_ISSUER"),
        (&[("OAUTH_OIDC_NAME", "google")], "OAUTH_OIDC_NAME"),
        (&[("OAUTH_RETURN_TO", "https://app.example.com/#in")], "OAUTH_RETURN_TO"),
        (&[("OAUTH_PRIVATE_NETWORKS", "intranet")], "OAUTH_PRIVATE_NETWORKS"),
        (&[("OAUTH_GOOGLE_CLIENT_SECRET_FILE", "not-there")], "OAUTH_GOOGLE_CLIENT_SECRET_FILE"),
        (
            &[
                ("LISTEN_ADDR", "0.0.0.0:0"),
                ("OAUTH_GOOGLE_CLIENT_ID", "veza"),
                ("OAUTH_GOOGLE_CLIENT_SECRET", "s3cret"),
            ],
            "PUBLIC_URL",
        ),
    ] {
        let why = complaint(&set(pairs));
        assert!(why.contains(told) && !why.contains("s3cret"), "{pairs:?}: {why}");
    }
}

#[tokio::test]
async fn conf_01_a_secret_comes_from_a_file_and_is_not_shown() {
    let provider = Provider::start();
    let environment = provider.environment().unset("OAUTH_OIDC_CLIENT_SECRET");
    let file = environment.folder().join("secret");
    std::fs::write(&file, "from-a-f1le\n").unwrap();
    let file = file.display().to_string();
    let environment = environment.set("OAUTH_OIDC_CLIENT_SECRET_FILE", &file);
    let shown = environment.run(&["config"], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("OAUTH_GITHUB_CLIENT_SECRET=<hidden>"), "{shown}");
    assert!(!shown.contains("s3cret") && !shown.contains("f1le\n"), "{shown}");
    let app = App::alone(environment);
    let mut browser = Browser::new(&app, &provider);
    browser.travel(CORP).await;
    assert_eq!(provider.exchanged()["client_secret"], "from-a-f1le");
}
