//! Which adapter stands behind a port, by what is configured.

use std::sync::Arc;

use secrecy::SecretString;

use crate::{
    adapter::{
        mail::{self, Log, Smtp},
        memory::bus::Broadcast,
        nats::{self, JetStream},
        oauth::{GitHub, OpenId, Outbound, Registration},
    },
    config::{Config, Dialect, EmailVerification, Secrets},
    domain,
    port::{bus::Bus, mailer::Mailer, provider::Provider},
    service::mail::{Links, Writer},
};

/// Carries events: to NATS where it is configured, within this process otherwise.
///
/// # Errors
/// A sentence when NATS cannot be used, and waiting would not help.
pub async fn bus(config: &Config, secrets: &Secrets) -> Result<Arc<dyn Bus>, String> {
    match nats(config, secrets.nats_url.as_ref())? {
        None => Ok(Arc::new(Broadcast::default())),
        Some(options) => {
            let bus = JetStream::connect(&options).await;
            bus.map(|bus| Arc::new(bus) as _).map_err(explain)
        }
    }
}

/// How to reach NATS, where it is configured.
///
/// # Errors
/// A sentence when a setting cannot be read, or a file that it names.
pub fn nats(config: &Config, url: Option<&SecretString>) -> Result<Option<nats::Options>, String> {
    let Some(url) = url else { return Ok(None) };
    let settings = &config.nats;
    let identity = settings.identity().map_err(|error| error.to_string())?;
    let options = nats::Options {
        url: url.clone(),
        credentials: settings.credentials.0.clone(),
        authority: settings.authority.0.clone(),
        identity: identity.map(|(certificate, key)| (certificate.to_owned(), key.to_owned())),
        stream: nats::StreamOptions {
            name: settings.stream.clone(),
            replicas: settings.replicas,
            age_max: settings.age_max,
            duplicate_window: settings.duplicate_window,
        },
    };
    nats::check(&options).map_err(explain)?;
    Ok(Some(options))
}

/// Delivers mails: to a mail server where one is configured, to the log otherwise.
///
/// # Errors
/// A sentence when a setting cannot be used.
pub fn mailer(config: &Config, secrets: &Secrets) -> Result<Arc<dyn Mailer>, String> {
    if let Some(options) = smtp(config, secrets.smtp_url.as_ref())? {
        return Ok(Arc::new(Smtp::new(&options).map_err(explain)?));
    }
    let is_embedded = Config::is_embedded(&secrets.database_url);
    Ok(Arc::new(Log { shows_letters: is_embedded && config.is_local() }))
}

/// Whether everybody whose address has to be verified can be written to.
///
/// # Errors
/// A sentence when nobody could sign up.
pub fn check_verification(
    config: &Config,
    database_url: &SecretString,
    has_smtp: bool,
) -> Result<(), String> {
    let is_required = config.mail.email_verification == EmailVerification::Required;
    // A developer reads the mails in the log.
    let is_shown = Config::is_embedded(database_url) && config.is_local();
    if is_required && !has_smtp && !is_shown {
        return Err(
            "EMAIL_VERIFICATION=required needs a mail server, or nobody can sign up: set SMTP_URL"
                .into(),
        );
    }
    Ok(())
}

/// How to reach the mail server, where one is configured.
///
/// # Errors
/// A sentence when a setting cannot be read, or one is missing.
pub fn smtp(config: &Config, url: Option<&SecretString>) -> Result<Option<mail::Options>, String> {
    let settings = &config.mail;
    let Some(url) = url else {
        let from = settings.from.0.as_deref();
        return from
            .map_or(Ok(None), |from| mail::sender_name(from).map(|_| None))
            .map_err(explain);
    };
    let Some(from) = settings.from.0.clone() else {
        return Err("MAIL_FROM is not set: with SMTP_URL, say whom mails are from, as Veza <no-reply@example.com>".into());
    };
    if settings.public_url.0.is_none() {
        return Err("PUBLIC_URL is not set: with SMTP_URL, say where the links of mails lead, as https://app.example.com".into());
    }
    let options = mail::Options {
        url: url.clone(),
        from,
        hello: config.public_host(),
        timeout: settings.smtp_timeout,
    };
    mail::check(&options).map_err(explain)?;
    Ok(Some(options))
}

/// Through whom people can sign in.
///
/// # Errors
/// A sentence when a setting cannot be read, or one is missing.
pub fn providers(config: &Config) -> Result<Vec<Arc<dyn Provider>>, String> {
    let settings = config.oauth.providers().map_err(|error| error.to_string())?;
    if settings.is_empty() {
        return Ok(Vec::new());
    }
    let Some(base) = config.oauth_base_url() else {
        return Err("PUBLIC_URL is not set: with a provider to sign in through, say where browsers come back to, as https://app.example.com".into());
    };
    let private = config.oauth.oauth_private_networks.0.iter().map(|network| network.0).collect();
    let http = Outbound::new(private).map_err(explain)?;
    let provider = |settings: crate::config::Provider| -> domain::Result<Arc<dyn Provider>> {
        let registration = Registration {
            redirect_uri: format!("{base}/api/v1/auth/oauth/{}/callback", settings.name),
            name: settings.name,
            label: settings.label,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
            // What is left of a call is for what has to be said about it.
            timeout: config.call_timeout * 4 / 5,
        };
        let http = http.for_another();
        Ok(match settings.dialect {
            Dialect::OpenId { issuer } => Arc::new(OpenId::new(registration, issuer, http)),
            Dialect::GitHub { url, api_url } => {
                Arc::new(GitHub::new(registration, url, api_url, http)?)
            }
        })
    };
    settings.into_iter().map(provider).collect::<Result<_, _>>().map_err(explain)
}

/// Who writes mails.
///
/// # Errors
/// `Internal` with a sentence when a setting cannot be read.
pub fn writer(config: &Config) -> domain::Result<Writer> {
    let name = config.mail.from.0.as_deref().map_or(Ok(None), mail::sender_name)?;
    Ok(Writer {
        links: Links {
            public_url: config.public_url(),
            email_verification: config.mail.email_verification_path.clone(),
            password_reset: config.mail.password_reset_path.clone(),
        },
        sender: name.unwrap_or_else(|| "Veza".to_owned()),
    })
}

/// The sentence for people that an adapter has put into an error.
#[expect(clippy::needless_pass_by_value, reason = "it maps the error of a result")]
fn explain(error: domain::Error) -> String {
    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
}
