//! Private mail servers, and what they have received.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{process::Process, server::Environment};

/// How long something may take to come about. Only what never does uses it up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Where the links of mails lead in these tests.
pub const PUBLIC_URL: &str = "https://app.example.com";

/// A running mail server.
pub struct Server {
    process: Process,
    inbox: TempDir,
    scheme: &'static str,
    query: &'static str,
    login: &'static str,
}

/// A mail that was received.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// Who sent it.
    pub from: String,
    /// For whom.
    pub to: Vec<String>,
    /// How the sender introduced itself.
    pub hello: String,
    /// Whether it came over TLS.
    pub is_encrypted: bool,
    /// Who had signed in.
    pub login: Option<String>,
    /// Its headers, decoded.
    pub headers: BTreeMap<String, String>,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
    /// All of it, as it came.
    pub raw: String,
}

impl Received {
    /// The id that is the same in every copy.
    pub fn id(&self) -> &str {
        &self.headers["Message-ID"]
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        &self.headers["Subject"]
    }
}

impl Server {
    /// A server that anybody may send mails through, in plain text.
    pub fn start() -> Self {
        Self::with("plain", "")
    }

    /// A server that is spoken to in this way (`plain`, `starttls` or `tls`), by whoever has this login, as
    /// `USER:PASSWORD`.
    pub fn with(security: &'static str, login: &'static str) -> Self {
        let inbox = TempDir::new().expect("a temporary folder");
        let folder = inbox.path().display().to_string();
        let script = include_str!("smtp.sh");
        let process = Process::start("the mail server", script, &[&folder, security, login]);
        let scheme = if security == "tls" { "smtps" } else { "smtp" };
        // On this machine it would be done without.
        let query = if security == "starttls" { "?tls=required" } else { "" };
        Self { process, inbox, scheme, query, login }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.url_for(self.login)
    }

    /// Where it is, for somebody with a login.
    pub fn url_for(&self, login: &str) -> String {
        let at = if login.is_empty() { "" } else { "@" };
        format!("{}://{login}{at}localhost:{}{}", self.scheme, self.process.port, self.query)
    }

    /// The certificate of who vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.inbox.path().join("ca.crt")
    }

    /// Settings of a server that sends its mails here.
    pub fn environment(&self) -> Environment {
        Environment::new()
            .set("SMTP_URL", &self.url())
            .set("MAIL_FROM", "Veza <no-reply@example.com>")
            .set("PUBLIC_URL", PUBLIC_URL)
    }

    /// Has it do what its script knows, as `crash` and `start`.
    pub fn tell(&self, command: &str) {
        self.process.tell(command).unwrap_or_else(|said| panic!("{command}: {said}"));
    }

    /// Has it go by these rules, as `smtp.py` has them.
    pub fn rule(&self, rules: &Value) {
        let (rules, written) = (rules.to_string(), self.inbox.path().join("rules.part"));
        std::fs::write(&written, rules).expect("a file");
        std::fs::rename(written, self.inbox.path().join("rules")).expect("a file");
    }

    /// Returns when it is about to keep somebody waiting, as a rule says.
    pub async fn until_silent(&self) {
        let silent = self.inbox.path().join("silent");
        until("silence", || silent.exists()).await;
        std::fs::remove_file(silent).expect("a file");
    }

    /// What it has received, in order.
    pub fn received(&self) -> Vec<Received> {
        let files = std::fs::read_dir(self.inbox.path()).expect("a folder");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "mail"));
        files.sort();
        let read = |file: &PathBuf| std::fs::read(file).expect("a file");
        files.iter().map(|file| serde_json::from_slice(&read(file)).expect("a mail")).collect()
    }

    /// What it has received for somebody, once it is at least so much.
    pub async fn received_for(&self, address: &str, at_least: usize) -> Vec<Received> {
        self.received_that(address, at_least, |_| true).await
    }

    /// What it has received for somebody and is of this kind, once it is at least so much; in the order in which it was
    /// written, because mails overtake each other.
    pub async fn received_that(
        &self,
        address: &str,
        at_least: usize,
        is_wanted: impl Fn(&Received) -> bool,
    ) -> Vec<Received> {
        let look = || {
            let mut mails = self.received();
            mails.retain(|mail| mail.to == [address] && is_wanted(mail));
            mails.sort_by_key(|mail| mail.id().to_owned());
            mails
        };
        until(&format!("{at_least} mails for {address}"), || look().len() >= at_least).await;
        look()
    }
}

/// Returns when something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let look = async {
        while !is_so() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never: {what}"));
}
