//! Private providers of identities, and browsers that sign in through them.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{process::Process, server::Environment};

/// Where the front end is in these tests, which nobody calls.
pub const FRONT_END: &str = "https://app.example.com/signed-in";

/// A running provider.
pub struct Provider {
    process: Process,
    folder: TempDir,
}

impl Provider {
    /// Starts one that vouches for nobody in particular.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let rules = folder.path().display().to_string();
        let script = include_str!("identity.sh");
        let process = Process::start("the provider of identities", script, &[&rules]);
        Self { process, folder }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.process.port)
    }

    /// Settings of a server that lets people sign in through it, as `corp` and as `github`.
    pub fn environment(&self) -> Environment {
        self.add_to(Environment::new())
    }

    /// These settings beside others.
    pub fn add_to(&self, environment: Environment) -> Environment {
        let settings = self.settings().into_iter();
        settings.fold(environment, |environment, (name, value)| environment.set(name, &value))
    }

    /// These settings, each with its name in the environment.
    pub fn settings(&self) -> [(&'static str, String); 12] {
        let (url, github) = (self.url(), format!("{}/github", self.url()));
        [
            ("PUBLIC_URL", "https://app.example.com"),
            ("OAUTH_RETURN_TO", FRONT_END),
            ("OAUTH_PRIVATE_NETWORKS", "127.0.0.1"),
            ("OAUTH_OIDC_NAME", "corp"),
            ("OAUTH_OIDC_LABEL", "Corporate"),
            ("OAUTH_OIDC_ISSUER", &url),
            ("OAUTH_OIDC_CLIENT_ID", "veza"),
            ("OAUTH_OIDC_CLIENT_SECRET", "corp-s3cret"),
            ("OAUTH_GITHUB_CLIENT_ID", "veza"),
            ("OAUTH_GITHUB_CLIENT_SECRET", "github-s3cret"),
            ("OAUTH_GITHUB_URL", &github),
            ("OAUTH_GITHUB_API_URL", &format!("{github}/api")),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    }

    /// Has it do what its script knows, as `crash` and `start`.
    pub fn tell(&self, command: &str) {
        self.process.tell(command).unwrap_or_else(|said| panic!("{command}: {said}"));
    }

    /// Has it go by these rules, as `identity.mjs` has them.
    pub fn rule(&self, rules: &Value) {
        let written = self.folder.path().join("rules.part");
        std::fs::write(&written, rules.to_string()).expect("a file");
        std::fs::rename(written, self.folder.path().join("rules")).expect("a file");
    }

    /// Has it vouch for somebody with this verified address.
    pub fn vouch(&self, subject: &str, email: &str) {
        let claims = json!({ "sub": subject, "email": email, "email_verified": true });
        self.rule(&json!({ "claims": claims }));
    }

    /// Has it vouch, as GitHub, for somebody with this verified address.
    pub fn vouch_as_github(&self, id: u64, login: &str, email: &str) {
        let user = json!({ "id": id, "login": login });
        let emails = json!([
            { "email": "other@example.com", "primary": false, "verified": true },
            { "email": email, "primary": true, "verified": true },
        ]);
        self.rule(&json!({ "github": { "user": user, "emails": emails } }));
    }

    /// What it was asked for at a path.
    pub fn requests(&self, path: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("requests")).unwrap_or_default();
        let requests = text.lines().map(|line| serde_json::from_str(line).expect("a request"));
        requests.filter(|request: &Value| request["path"] == path).collect()
    }

    /// What it was told when its last code was exchanged.
    pub fn exchanged(&self) -> Value {
        let told = self.requests("/token").into_iter().rfind(|request| !request["body"].is_null());
        told.expect("a code that was exchanged")["body"].clone()
    }
}
