//! Mails: written within the change that they tell of, sealed, and sent after it.

mod page;
mod words;

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::change::Change;
use crate::{
    domain::{
        Error, Result, Timestamp,
        caller::{Origin, Transport},
        device::Device,
        id::Id,
        mail::{HOURLY_MAX, KEPT, Letter, Mail, Recipient, State},
    },
    port::{
        crypto::{Kept, Vault},
        mailer::{Envelope, Post},
        store::KeptMail,
    },
};

/// What [`HOURLY_MAX`] is counted over.
const HOUR: Duration = Duration::from_hours(1);

/// Where the links of mails lead. All of it is configured, and nothing is taken from a call.
#[derive(Debug, Clone)]
pub struct Links {
    /// The address of the front end, as `https://app.example.com`; no slash at its end.
    pub public_url: String,
    /// The path of its page that verifies addresses.
    pub email_verification: String,
    /// The path of its page that takes new passwords.
    pub password_reset: String,
}

/// Finds the words of mails.
#[derive(Debug, Clone)]
pub struct Writer {
    /// Where their links lead.
    pub links: Links,
    /// What the service is called in them.
    pub sender: String,
}

impl Writer {
    /// What a mail says about something that was done in these circumstances.
    #[must_use]
    pub fn write(&self, to: &Recipient, mail: &Mail, origin: &Origin, now: Timestamp) -> Letter {
        let circumstances = Circumstances::of(origin, mail, now);
        words::of(mail, &circumstances, &self.links).letter(&to.name, &self.sender, &self.links)
    }
}

/// Records mails, and reads those that are kept.
pub struct Mails {
    /// Writes them.
    pub writer: Writer,
    /// Encrypts them.
    pub vault: Arc<dyn Vault>,
    /// Whoever sends them.
    pub post: Arc<dyn Post>,
}

/// When and from where something was done that a mail tells of.
struct Circumstances {
    time: Timestamp,
    ip: Option<IpAddr>,
    /// What it was done with, in words.
    device: String,
}

impl Circumstances {
    fn of(origin: &Origin, mail: &Mail, time: Timestamp) -> Self {
        let client_name = match mail {
            Mail::NewDevice { client_name } => client_name.clone(),
            _ => String::new(),
        };
        let device = match origin.transport {
            Transport::CommandLine => "the command line of the server".to_owned(),
            _ => Device { client_name, user_agent: origin.user_agent.clone() }.describe(),
        };
        Self { time, ip: origin.ip, device }
    }
}

impl Mails {
    /// What a mail says that is kept; none when that is no longer known.
    ///
    /// # Errors
    /// `Internal` when it was sealed under another secret.
    pub fn read(&self, mail: &KeptMail) -> Result<Option<Letter>> {
        let Some(sealed) = &mail.sealed_letter else { return Ok(None) };
        let plain = self.vault.open(Kept::Letter, mail.id.uuid().as_bytes(), sealed)?;
        serde_json::from_slice(&plain).map(Some).map_err(Error::internal)
    }

    /// A mail that is kept, as it is handed over.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn open(&self, mail: &KeptMail) -> Result<Envelope> {
        let letter = self.read(mail)?.ok_or_else(|| Error::internal("the mail has no letter"))?;
        Ok(Envelope {
            id: mail.id,
            kind: mail.kind.clone(),
            time: mail.record_time,
            recipient: mail.recipient.clone(),
            letter,
        })
    }

    fn seal(&self, id: Id<Mail>, letter: &Letter) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(letter).map_err(Error::internal)?;
        self.vault.seal(Kept::Letter, id.uuid().as_bytes(), &plain)
    }
}

impl Change<'_> {
    /// Whether a mail of this kind would be recorded: not when the account has had so many of them lately that one more would
    /// say nothing new.
    pub async fn may_mail(&mut self, to: &Recipient, kind: &str) -> Result<bool> {
        let since = self.now - HOUR;
        Ok(self.tx.count_mails(to.user_id, kind, since).await? < HOURLY_MAX)
    }

    /// Records a mail, to be sent after the commit; unless the account has had so many of its kind lately that one more
    /// would say nothing new.
    pub async fn mail(&mut self, to: &Recipient, mail: &Mail) -> Result<()> {
        let (now, kind) = (self.now, mail.kind());
        if !self.may_mail(to, kind).await? {
            return Ok(());
        }
        let mails = &self.world().mails;
        let letter = mails.writer.write(to, mail, &self.caller().origin, now);
        let id = self.new_id();
        let expire_time = mail.expire_time(now);
        let kept = KeptMail {
            id,
            user_id: to.user_id,
            kind: kind.to_owned(),
            recipient: to.email.clone(),
            sealed_letter: Some(mails.seal(id, &letter)?),
            state: State::Pending,
            record_time: now,
            expire_time,
            purge_time: expire_time + KEPT,
            attempts: 0,
            error: String::new(),
            end_time: None,
        };
        self.tx.insert_mail(&kept).await?;
        self.has_mail = true;
        Ok(())
    }
}
