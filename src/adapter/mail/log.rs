//! The log in place of a mail server.

use async_trait::async_trait;

use crate::port::mailer::{Envelope, Failure, Handed, Line, Mailer};

/// Writes mails to the log.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Whether all of it is written, links included: for a developer, who is the only one to read this log. Otherwise it
    /// says only that there was a mail, because whoever reads it could follow the links.
    pub shows_letters: bool,
}

#[async_trait]
impl Mailer for Log {
    fn server(&self) -> Option<&str> {
        None
    }

    async fn open(&self) -> Result<Box<dyn Line>, Failure> {
        Ok(Box::new(*self))
    }
}

#[async_trait]
impl Line for Log {
    async fn send(&mut self, mail: &Envelope) -> Result<Handed, Failure> {
        let (id, kind) = (mail.id, &mail.kind);
        if self.shows_letters {
            tracing::info!(
                mail_id = %id,
                kind,
                to = mail.recipient.as_str(),
                subject = mail.letter.subject,
                text = mail.letter.text,
                event = "mail_logged",
                "a mail, which SMTP_URL would send"
            );
        } else {
            tracing::info!(
                mail_id = %id,
                kind,
                event = "mail_logged",
                "a mail was not sent, because SMTP_URL is not set"
            );
        }
        Ok(Handed::Logged)
    }

    async fn close(self: Box<Self>) {}
}
