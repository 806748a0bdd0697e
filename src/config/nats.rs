//! Settings of NATS.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use secrecy::ExposeSecret;

use super::{
    Error, Line, Setting, nats_url, pair,
    value::{positive_duration, show, whole},
};

/// How NATS is reached, and the stream that events go to.
#[derive(Debug, Clone, Args)]
pub struct Nats {
    /// The credentials of a NATS user, as `nsc` makes them
    #[arg(
        id = "nats_creds_file",
        long = "nats-creds-file",
        env = "NATS_CREDS_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub credentials: Setting<PathBuf>,

    /// The certificates of who may vouch for NATS, in PEM; with them it is spoken to over TLS only
    #[arg(
        id = "nats_ca_file",
        long = "nats-ca-file",
        env = "NATS_CA_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub authority: Setting<PathBuf>,

    /// The certificate to show to NATS, in PEM; with --nats-key-file
    #[arg(
        id = "nats_cert_file",
        long = "nats-cert-file",
        env = "NATS_CERT_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub certificate: Setting<PathBuf>,

    /// The key of that certificate, in PEM
    #[arg(
        id = "nats_key_file",
        long = "nats-key-file",
        env = "NATS_KEY_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    pub key: Setting<PathBuf>,

    /// The stream that events go to; made if it is not there
    #[arg(
        id = "nats_stream",
        long = "nats-stream",
        env = "NATS_STREAM",
        global = true,
        default_value = "VEZA",
        value_name = "NAME"
    )]
    pub stream: String,

    /// On how many servers of a NATS cluster the stream is made to keep each event
    #[arg(id = "nats_stream_replicas", long = "nats-stream-replicas", env = "NATS_STREAM_REPLICAS", global = true,
          default_value_t = 1, value_name = "N", value_parser = whole(1..=5_usize))]
    pub replicas: usize,

    /// How long the stream is made to keep events
    #[arg(id = "nats_stream_max_age", long = "nats-stream-max-age", env = "NATS_STREAM_MAX_AGE", global = true,
          default_value = "7d", value_name = "DURATION", value_parser = positive_duration)]
    pub age_max: Duration,

    /// How long the stream is made to remember the ids of events, and to drop those that come again
    #[arg(id = "nats_stream_duplicate_window", long = "nats-stream-duplicate-window",
          env = "NATS_STREAM_DUPLICATE_WINDOW", global = true, default_value = "2m", value_name = "DURATION",
          value_parser = positive_duration)]
    pub duplicate_window: Duration,

    /// How many events may wait to be published before changes that make more are answered UNAVAILABLE
    #[arg(
        id = "outbox_pending_max",
        long = "outbox-pending-max",
        env = "OUTBOX_PENDING_MAX",
        global = true,
        default_value_t = 1_000_000,
        value_name = "N",
        value_parser = whole(1..=1_000_000_000_i64)
    )]
    pub outbox_pending_max: i64,
}

impl Nats {
    /// The certificate to show and its key, where they are set.
    ///
    /// # Errors
    /// [`Error::Half`].
    pub fn identity(&self) -> Result<Option<(&Path, &Path)>, Error> {
        pair(("NATS_CERT_FILE", &self.certificate), ("NATS_KEY_FILE", &self.key))
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        let path = |path: &Setting<PathBuf>| {
            path.0.as_ref().map_or_else(String::new, |path| path.display().to_string())
        };
        let url = nats_url();
        vec![
            ("NATS_URL", url.map_or_else(String::new, |url| without_login(url.expose_secret()))),
            ("NATS_CREDS_FILE", path(&self.credentials)),
            ("NATS_CA_FILE", path(&self.authority)),
            ("NATS_CERT_FILE", path(&self.certificate)),
            ("NATS_KEY_FILE", path(&self.key)),
            ("NATS_STREAM", self.stream.clone()),
            ("NATS_STREAM_REPLICAS", self.replicas.to_string()),
            ("NATS_STREAM_MAX_AGE", show(self.age_max)),
            ("NATS_STREAM_DUPLICATE_WINDOW", show(self.duplicate_window)),
            ("OUTBOX_PENDING_MAX", self.outbox_pending_max.to_string()),
        ]
    }
}

/// The addresses, without passwords and tokens.
fn without_login(urls: &str) -> String {
    let shown = urls.split(',').map(|url| {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let login = match rest.rsplit_once('@') {
            None => String::new(),
            Some((login, _)) => {
                let user = login.split_once(':').map(|(user, _)| format!("{user}:"));
                format!("{}<hidden>@", user.unwrap_or_default())
            }
        };
        let mark = if scheme.is_empty() { "" } else { "://" };
        format!("{scheme}{mark}{login}{host}")
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_passwords_and_tokens() {
        for (url, shown) in [
            ("nats://a:4222", "nats://a:4222"),
            ("nats://ann:s3cr@et@a,tls://bob:pw@b", "nats://ann:<hidden>@a,tls://bob:<hidden>@b"),
            ("nats://t0ken@a", "nats://<hidden>@a"),
            ("t0ken@a", "<hidden>@a"),
        ] {
            assert_eq!(without_login(url), shown);
        }
    }
}
