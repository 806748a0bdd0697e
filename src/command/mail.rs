//! `veza mail`: which mails were written and what became of them, and whether they can be sent.

use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{explain, operator, print, use_cases};
use crate::{
    adapter::{
        mail::Smtp,
        system::{SystemClock, UuidV7},
    },
    app,
    config::{self, Config},
    domain::{
        Result as DomainResult, Timestamp,
        id::Id,
        mail::{Letter, Mail as Written, Recipient},
        text::Email,
    },
    port::{
        clock::{Clock, Ids},
        mailer::{Envelope, Failure, Handed, Mailer},
        store::KeptMail,
    },
};

/// What can be done about mails.
#[derive(Debug, Subcommand)]
pub enum Mail {
    /// Show the newest mails and what became of them; with SQLite also what they say, as long as that is kept
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Send a mail to this address now, and say how it went
    Test {
        /// Where to
        address: String,
    },
}

/// Does it.
///
/// # Errors
/// A sentence for the person at the terminal.
pub async fn run(config: &Config, command: Mail) -> Result<(), String> {
    match command {
        Mail::List { limit, json } => list(config, limit, json).await,
        Mail::Test { address } => test(config, address).await,
    }
}

/// Shows the newest mails, the newest last.
async fn list(config: &Config, limit: i64, json: bool) -> Result<(), String> {
    let core = use_cases(config).await?;
    // Whoever has the file has all that is in it. A database on another machine has other operators.
    let opens = Config::is_embedded(&config::database_url());
    let mails = async {
        let mails = core.world.store.read().await?.list_mails(limit).await?;
        let open = |mail: KeptMail| {
            let letter = if opens { core.world.mails.read(&mail)? } else { None };
            Ok((mail, letter))
        };
        mails.into_iter().rev().map(open).collect::<DomainResult<Vec<_>>>()
    };
    let mails = mails.await.map_err(explain);
    core.world.store.close().await;
    let mails = mails?;
    if mails.is_empty() && !json {
        return print("no mail was written lately\n");
    }
    for (mail, letter) in &mails {
        if json {
            print(&format!("{}\n", as_json(mail, letter.as_ref())))?;
        } else {
            print(&as_text(mail, letter.as_ref()))?;
        }
    }
    Ok(())
}

fn as_json(mail: &KeptMail, letter: Option<&Letter>) -> Value {
    json!({
        "id": mail.id.to_string(),
        "userId": mail.user_id.to_string(),
        "kind": mail.kind,
        "recipient": mail.recipient.as_str(),
        "state": mail.state.name(),
        "recordTime": show(mail.record_time),
        "expireTime": show(mail.expire_time),
        "endTime": mail.end_time.map(show),
        "attempts": mail.attempts,
        "error": mail.error,
        "subject": letter.map(|letter| &letter.subject),
        "text": letter.map(|letter| &letter.text),
    })
}

fn as_text(mail: &KeptMail, letter: Option<&Letter>) -> String {
    let mut text = format!(
        "{}  {:<8} {:<26} {}\n",
        show(mail.record_time),
        mail.state.name(),
        mail.kind,
        mail.recipient.as_str()
    );
    if !mail.error.is_empty() {
        let tries = match mail.attempts {
            0 => String::new(),
            attempts => format!(" ({attempts} tries)"),
        };
        text.extend(["    ", &mail.error, &tries, "\n"]);
    }
    if let Some(letter) = letter {
        text.extend(["\n    ", &letter.subject, "\n\n"]);
        for line in letter.text.lines() {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

async fn test(config: &Config, address: String) -> Result<(), String> {
    let recipient = Email::parse("address", address).map_err(explain)?;
    let Some(options) = app::smtp(config, config::smtp_url().as_ref())? else {
        return Err("SMTP_URL is not set, so there is nothing to send mails through".to_owned());
    };
    let smtp = Smtp::new(&options).map_err(explain)?;
    let server = smtp.server().unwrap_or_default().to_owned();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let (now, id) = (clock.now(), UuidV7::new(clock).uuid());
    let mail = Written::Test;
    let to =
        Recipient { user_id: Id::from(Uuid::nil()), email: recipient.clone(), name: String::new() };
    let writer = app::writer(config).map_err(explain)?;
    let letter = writer.write(&to, &mail, &operator().origin, now);
    let envelope =
        Envelope { id: Id::from(id), kind: mail.kind().to_owned(), time: now, recipient, letter };
    let sent = async {
        let mut line = smtp.open().await?;
        let handed = line.send(&envelope).await?;
        line.close().await;
        Ok(handed)
    };
    match sent.await {
        Ok(Handed::Sent(answer)) => print(&format!("{server} took the mail: {answer}\n")),
        Ok(Handed::Logged) => Ok(()),
        Err(failure) => Err(format!("{server} {}: {}", verb(&failure), failure.why())),
    }
}

fn verb(failure: &Failure) -> &'static str {
    match failure {
        Failure::Away(_) => "cannot be used",
        Failure::Later(_) => "did not take the mail, and may do so later",
        Failure::Never(_) => "does not take the mail",
    }
}

fn show(time: Timestamp) -> String {
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}
