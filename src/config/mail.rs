//! Settings of mails.

use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret;

use super::{
    Config, Line, choice, smtp_url,
    value::{Setting, optional, positive_duration, show},
};

/// Whether whoever signs up is asked to show that their e-mail address is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmailVerification {
    /// Not unless they ask for it.
    Off,
    /// They are sent a link, which they may follow.
    Optional,
    /// They have no account before they have followed the link.
    Required,
}

/// How mails are sent, and where their links lead.
#[derive(Debug, Clone, Args)]
pub struct Mail {
    /// The address of the front end, which links in mails lead to, as `https://app.example.com`; needed with `SMTP_URL`
    #[arg(id = "public_url", long = "public-url", env = "PUBLIC_URL", global = true, default_value = "",
          hide_default_value = true, value_name = "URL", value_parser = optional(public_url))]
    pub public_url: Setting<String>,

    /// Whether whoever signs up is asked to verify their e-mail address, or has to before they have an account
    #[arg(
        id = "email_verification",
        long = "email-verification",
        env = "EMAIL_VERIFICATION",
        global = true,
        default_value = "optional",
        value_name = "WHETHER"
    )]
    pub email_verification: EmailVerification,

    /// The path of the page that verifies e-mail addresses; it finds its token after `#token=`
    #[arg(id = "email_verification_path", long = "email-verification-path", env = "EMAIL_VERIFICATION_PATH",
          global = true, default_value = "/verify-email", value_name = "PATH", value_parser = path)]
    pub email_verification_path: String,

    /// The path of the page that takes new passwords; it finds its token after `#token=`
    #[arg(id = "password_reset_path", long = "password-reset-path", env = "PASSWORD_RESET_PATH",
          global = true, default_value = "/reset-password", value_name = "PATH", value_parser = path)]
    pub password_reset_path: String,

    /// Whom mails are from, as `Veza <no-reply@example.com>`; needed with `SMTP_URL`
    #[arg(
        id = "mail_from",
        long = "mail-from",
        env = "MAIL_FROM",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "ADDRESS"
    )]
    pub from: Setting<String>,

    /// How long the mail server may take for each of its answers
    #[arg(id = "smtp_timeout", long = "smtp-timeout", env = "SMTP_TIMEOUT", global = true,
          default_value = "30s", value_name = "DURATION", value_parser = positive_duration)]
    pub smtp_timeout: Duration,
}

impl Mail {
    pub(super) fn lines(&self) -> Vec<Line> {
        let url = smtp_url().map(|url| without_login(url.expose_secret()));
        let text = |text: &Setting<String>| text.0.clone().unwrap_or_default();
        vec![
            ("PUBLIC_URL", text(&self.public_url)),
            ("EMAIL_VERIFICATION", choice(Some(&self.email_verification))),
            ("EMAIL_VERIFICATION_PATH", self.email_verification_path.clone()),
            ("PASSWORD_RESET_PATH", self.password_reset_path.clone()),
            ("SMTP_URL", url.unwrap_or_default()),
            ("MAIL_FROM", text(&self.from)),
            ("SMTP_TIMEOUT", show(self.smtp_timeout)),
        ]
    }
}

impl Config {
    /// Where links lead; on the machine itself where nothing is set.
    #[must_use]
    pub fn public_url(&self) -> String {
        let scheme = if self.tls_cert.0.is_some() { "https" } else { "http" };
        let here = || format!("{scheme}://{}", self.listen_addr);
        self.mail.public_url.0.clone().unwrap_or_else(here)
    }

    /// The host in [`Self::public_url`], unless it is an address.
    #[must_use]
    pub fn public_host(&self) -> Option<String> {
        let host = host(&self.public_url())?;
        (host.parse::<std::net::IpAddr>().is_err() && !host.starts_with('[')).then_some(host)
    }

    /// Whether links lead to this machine only, and nobody else can reach the server: as for a developer.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match &self.mail.public_url.0 {
            None => self.listen_addr.ip().is_loopback(),
            Some(url) => host(url).is_some_and(|host| {
                let ip = host.trim_matches(['[', ']']).parse();
                host == "localhost" || ip.is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }),
        }
    }
}

/// A URL without who signs in: some services take one secret as name and as password.
fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, server))) => format!("{scheme}://<hidden>@{server}"),
        (None, Some((_, server))) => format!("<hidden>@{server}"),
        (_, None) => url.to_owned(),
    }
}

fn host(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    uri.host().map(str::to_lowercase)
}

/// An address that paths can be put after: without a slash at its end.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let uri: Option<http::Uri> = text.parse().ok();
    let fits = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.query().is_none()
    });
    if fits && !text.contains('#') {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err("write the address of the front end, as https://app.example.com".to_owned())
}

/// The path of a page.
fn path(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"#?<>\"\\^`{|}".contains(&byte);
    if text.starts_with('/') && !text.starts_with("//") && text.bytes().all(fits) {
        return Ok(text.to_owned());
    }
    Err("write a path, as /reset-password".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_shown_without_who_signs_in() {
        for (url, shown) in [
            ("smtp://127.0.0.1:1025", "smtp://127.0.0.1:1025"),
            ("smtps://t0ken:t0ken@mail.example", "smtps://<hidden>@mail.example"),
            ("smtp://ann:s3@cr:et@mail.example?tls=none", "smtp://<hidden>@mail.example?tls=none"),
            ("ann:s3cret@mail.example", "<hidden>@mail.example"),
        ] {
            assert_eq!(without_login(url), shown);
        }
    }

    #[test]
    fn a_public_url_is_one_that_paths_can_be_put_after() {
        for (good, read) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://app.example.com/", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://example.com/app/", "https://example.com/app"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(public_url(good).as_deref(), Ok(read));
        }
        for bad in [
            "app.example.com",
            "/app",
            "ftp://app.example.com",
            "https://",
            "https://ann:pw@app.example.com",
            "https://app.example.com?a=b",
            "https://app.example.com/#a",
            "javascript:alert(1)",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_stays_on_the_host() {
        for good in ["/", "/reset-password", "/account/reset"] {
            assert_eq!(path(good).as_deref(), Ok(good));
        }
        for bad in ["", "reset", "//evil.example", "/a b", "/a#b", "/a?b", "https://evil.example"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }
}
