//! Settings of signing in through providers of identities.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use secrecy::SecretString;

use super::{
    Config, Error, Line,
    mail::public_url,
    secret::{environment, read_text},
    value::{List, Network, Setting, list, optional},
};

/// The providers, and where browsers go in between.
#[derive(Debug, Clone, Args)]
pub struct OAuth {
    /// The id that Google has given to this server; with `OAUTH_GOOGLE_CLIENT_SECRET` people sign in through it
    #[arg(
        long = "oauth-google-client-id",
        env = "OAUTH_GOOGLE_CLIENT_ID",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "ID"
    )]
    oauth_google_client_id: Setting<String>,

    /// A file that holds `OAUTH_GOOGLE_CLIENT_SECRET`
    #[arg(
        long = "oauth-google-client-secret-file",
        env = "OAUTH_GOOGLE_CLIENT_SECRET_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    oauth_google_client_secret_file: Setting<PathBuf>,

    /// Who Google is, as an issuer of OpenID Connect
    #[arg(long = "oauth-google-issuer", env = "OAUTH_GOOGLE_ISSUER", global = true,
          default_value = "https://accounts.google.com", value_name = "URL", value_parser = issuer)]
    oauth_google_issuer: String,

    /// The id that GitHub has given to this server; with `OAUTH_GITHUB_CLIENT_SECRET` people sign in through it
    #[arg(
        long = "oauth-github-client-id",
        env = "OAUTH_GITHUB_CLIENT_ID",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "ID"
    )]
    oauth_github_client_id: Setting<String>,

    /// A file that holds `OAUTH_GITHUB_CLIENT_SECRET`
    #[arg(
        long = "oauth-github-client-secret-file",
        env = "OAUTH_GITHUB_CLIENT_SECRET_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    oauth_github_client_secret_file: Setting<PathBuf>,

    /// Where GitHub is, or a GitHub Enterprise Server
    #[arg(long = "oauth-github-url", env = "OAUTH_GITHUB_URL", global = true,
          default_value = "https://github.com", value_name = "URL", value_parser = public_url)]
    oauth_github_url: String,

    /// Where its API is; that of a GitHub Enterprise Server ends in /api/v3
    #[arg(long = "oauth-github-api-url", env = "OAUTH_GITHUB_API_URL", global = true,
          default_value = "https://api.github.com", value_name = "URL", value_parser = public_url)]
    oauth_github_api_url: String,

    /// The name of another provider, which stands in addresses and with every identity
    #[arg(long = "oauth-oidc-name", env = "OAUTH_OIDC_NAME", global = true,
          default_value = "oidc", value_name = "NAME", value_parser = name)]
    oauth_oidc_name: String,

    /// What people call it, as `Keycloak`; its name when not set
    #[arg(
        long = "oauth-oidc-label",
        env = "OAUTH_OIDC_LABEL",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    oauth_oidc_label: Setting<String>,

    /// Its issuer, as OpenID Connect knows it
    #[arg(long = "oauth-oidc-issuer", env = "OAUTH_OIDC_ISSUER", global = true, default_value = "",
          hide_default_value = true, value_name = "URL", value_parser = optional(issuer))]
    oauth_oidc_issuer: Setting<String>,

    /// The id that it has given to this server
    #[arg(
        long = "oauth-oidc-client-id",
        env = "OAUTH_OIDC_CLIENT_ID",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "ID"
    )]
    oauth_oidc_client_id: Setting<String>,

    /// A file that holds `OAUTH_OIDC_CLIENT_SECRET`
    #[arg(
        long = "oauth-oidc-client-secret-file",
        env = "OAUTH_OIDC_CLIENT_SECRET_FILE",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "FILE"
    )]
    oauth_oidc_client_secret_file: Setting<PathBuf>,

    /// Where browsers reach this server, to come back to from a provider; `PUBLIC_URL` when not set
    #[arg(long = "oauth-base-url", env = "OAUTH_BASE_URL", global = true, default_value = "",
          hide_default_value = true, value_name = "URL", value_parser = optional(public_url))]
    oauth_base_url: Setting<String>,

    /// The pages of the front end that browsers may come back to in the end, separated by commas; `PUBLIC_URL` when not set
    #[arg(
        long = "oauth-return-to",
        env = "OAUTH_RETURN_TO",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "URL,..."
    )]
    oauth_return_to: List<Page>,

    /// Whether an identity that is new is linked with the account of the same e-mail address, if both know it to be theirs
    #[arg(long = "oauth-link-by-email", env = "OAUTH_LINK_BY_EMAIL", global = true, default_value_t = false,
          value_name = "BOOL", action = clap::ArgAction::Set)]
    pub oauth_link_by_email: bool,

    /// Networks that providers may be in although they are private, separated by commas; there also without TLS
    #[arg(
        long = "oauth-private-networks",
        env = "OAUTH_PRIVATE_NETWORKS",
        global = true,
        default_value = "",
        hide_default_value = true,
        value_name = "CIDR,..."
    )]
    pub oauth_private_networks: List<Network>,
}

/// A page that browsers may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Page(String);

impl FromStr for Page {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let base = text.split('?').next().unwrap_or_default();
        let fits = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if fits && !text.contains('#') && public_url(base).is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is no page; write https://app.example.com/signed-in"))
    }
}

/// A provider that is set up.
#[derive(Debug)]
pub struct Provider {
    /// Its name, as `google`.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// The id that it has given to this server.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: SecretString,
    /// What it speaks, and where.
    pub dialect: Dialect,
}

/// What a provider speaks.
#[derive(Debug)]
pub enum Dialect {
    /// OpenID Connect.
    OpenId {
        /// Who it is.
        issuer: String,
    },
    /// That of GitHub.
    GitHub {
        /// Where its pages are.
        url: String,
        /// Where its API is.
        api_url: String,
    },
}

impl OAuth {
    /// The providers that are set up.
    ///
    /// # Errors
    /// [`Error::Half`], [`Error::File`].
    pub fn providers(&self) -> Result<Vec<Provider>, Error> {
        let google = client(
            ("OAUTH_GOOGLE_CLIENT_ID", &self.oauth_google_client_id),
            ("OAUTH_GOOGLE_CLIENT_SECRET", "OAUTH_GOOGLE_CLIENT_SECRET_FILE"),
            &self.oauth_google_client_secret_file,
        )?;
        let github = client(
            ("OAUTH_GITHUB_CLIENT_ID", &self.oauth_github_client_id),
            ("OAUTH_GITHUB_CLIENT_SECRET", "OAUTH_GITHUB_CLIENT_SECRET_FILE"),
            &self.oauth_github_client_secret_file,
        )?;
        let other = client(
            ("OAUTH_OIDC_CLIENT_ID", &self.oauth_oidc_client_id),
            ("OAUTH_OIDC_CLIENT_SECRET", "OAUTH_OIDC_CLIENT_SECRET_FILE"),
            &self.oauth_oidc_client_secret_file,
        )?;
        let issuer = &self.oauth_oidc_issuer.0;
        if issuer.is_some() != other.is_some() {
            return Err(Error::Half("OAUTH_OIDC_ISSUER", "OAUTH_OIDC_CLIENT_ID"));
        }
        let provider = |name: &str, label: &str, client, dialect| {
            let (client_id, client_secret) = client;
            Provider { name: name.into(), label: label.into(), client_id, client_secret, dialect }
        };
        let mut providers = Vec::new();
        if let Some(client) = google {
            let issuer = self.oauth_google_issuer.clone();
            providers.push(provider("google", "Google", client, Dialect::OpenId { issuer }));
        }
        if let Some(client) = github {
            let (url, api_url) = (self.oauth_github_url.clone(), self.oauth_github_api_url.clone());
            providers.push(provider("github", "GitHub", client, Dialect::GitHub { url, api_url }));
        }
        if let (Some(client), Some(issuer)) = (other, issuer.clone()) {
            let name = &self.oauth_oidc_name;
            let label = self.oauth_oidc_label.0.as_ref().unwrap_or(name);
            providers.push(provider(name, label, client, Dialect::OpenId { issuer }));
        }
        Ok(providers)
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        let text = |text: &Setting<String>| text.0.clone().unwrap_or_default();
        let file = |file: &Setting<PathBuf>| {
            file.0.as_ref().map_or_else(String::new, |file| file.display().to_string())
        };
        let hidden =
            |name| if environment(name).is_some() { "<hidden>".to_owned() } else { String::new() };
        let pages = self.oauth_return_to.0.iter().map(|page| page.0.clone()).collect::<Vec<_>>();
        vec![
            ("OAUTH_GOOGLE_CLIENT_ID", text(&self.oauth_google_client_id)),
            ("OAUTH_GOOGLE_CLIENT_SECRET", hidden("OAUTH_GOOGLE_CLIENT_SECRET")),
            ("OAUTH_GOOGLE_CLIENT_SECRET_FILE", file(&self.oauth_google_client_secret_file)),
            ("OAUTH_GOOGLE_ISSUER", self.oauth_google_issuer.clone()),
            ("OAUTH_GITHUB_CLIENT_ID", text(&self.oauth_github_client_id)),
            ("OAUTH_GITHUB_CLIENT_SECRET", hidden("OAUTH_GITHUB_CLIENT_SECRET")),
            ("OAUTH_GITHUB_CLIENT_SECRET_FILE", file(&self.oauth_github_client_secret_file)),
            ("OAUTH_GITHUB_URL", self.oauth_github_url.clone()),
            ("OAUTH_GITHUB_API_URL", self.oauth_github_api_url.clone()),
            ("OAUTH_OIDC_NAME", self.oauth_oidc_name.clone()),
            ("OAUTH_OIDC_LABEL", text(&self.oauth_oidc_label)),
            ("OAUTH_OIDC_ISSUER", text(&self.oauth_oidc_issuer)),
            ("OAUTH_OIDC_CLIENT_ID", text(&self.oauth_oidc_client_id)),
            ("OAUTH_OIDC_CLIENT_SECRET", hidden("OAUTH_OIDC_CLIENT_SECRET")),
            ("OAUTH_OIDC_CLIENT_SECRET_FILE", file(&self.oauth_oidc_client_secret_file)),
            ("OAUTH_BASE_URL", text(&self.oauth_base_url)),
            ("OAUTH_RETURN_TO", pages.join(",")),
            ("OAUTH_LINK_BY_EMAIL", self.oauth_link_by_email.to_string()),
            ("OAUTH_PRIVATE_NETWORKS", list(&self.oauth_private_networks.0)),
        ]
    }
}

impl Config {
    /// Where browsers reach this server, to come back to from a provider; none when nobody has said.
    #[must_use]
    pub fn oauth_base_url(&self) -> Option<String> {
        let set = self.oauth.oauth_base_url.0.clone();
        set.or_else(|| self.mail.public_url.0.clone())
            .or_else(|| self.is_local().then(|| self.public_url()))
    }

    /// The pages that browsers may come back to in the end, the default first.
    #[must_use]
    pub fn oauth_return_to(&self) -> Vec<String> {
        match self.oauth.oauth_return_to.0.as_slice() {
            [] => vec![self.public_url()],
            pages => pages.iter().map(|page| page.0.clone()).collect(),
        }
    }
}

/// The id and the secret of a provider, where it is set up.
fn client(
    (id_name, id): (&'static str, &Setting<String>),
    (name, file_name): (&'static str, &'static str),
    file: &Setting<PathBuf>,
) -> Result<Option<(String, SecretString)>, Error> {
    let secret = match (environment(name), &file.0) {
        (Some(secret), _) => Some(secret),
        (None, Some(path)) => Some(read_text(file_name, path)?).filter(|text| !text.is_empty()),
        (None, None) => None,
    };
    match (id.0.clone(), secret) {
        (Some(id), Some(secret)) => Ok(Some((id, secret.into()))),
        (None, None) => Ok(None),
        _ => Err(Error::Half(id_name, name)),
    }
}

/// Who issues identities, letter by letter: a slash at the end is a part of it.
fn issuer(text: &str) -> Result<String, String> {
    let usage =
        "write the address that the provider calls its issuer, as https://login.example.com";
    public_url(text).map(|_| text.to_owned()).map_err(|_| usage.to_owned())
}

/// What stands in addresses and with every identity.
fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_own = ["google", "github"].contains(&text);
    if (1..=32).contains(&text.len()) && text.bytes().all(fits) && !is_own {
        return Ok(text.to_owned());
    }
    Err("write 1 to 32 small letters, digits and dashes, but neither google nor github".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_05_a_page_to_come_back_to_is_whole_and_has_no_fragment() {
        for good in
            ["https://app.example.com", "https://app.example.com/in?a=b", "http://localhost:3000/"]
        {
            assert_eq!(good.parse(), Ok(Page(good.to_owned())));
        }
        for bad in [
            "",
            "/in",
            "app.example.com",
            "https://app.example.com/#a",
            "https://ann@app.example.com",
            "javascript:alert(1)",
            "https://app.example.com/\\evil",
            "https://app.exämple.com",
            "//evil.example",
        ] {
            assert!(bad.parse::<Page>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_stands_for_itself_in_an_address_and_is_nobody_elses() {
        for good in ["oidc", "keycloak", "corp-1"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "Keycloak", "a/b", "a b", "google", "github", &"x".repeat(33)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            issuer("https://login.example.com/").as_deref(),
            Ok("https://login.example.com/")
        );
        assert!(issuer("login.example.com").is_err());
    }
}
