//! Hands mails over to whoever delivers them.

use async_trait::async_trait;

use crate::domain::{
    Timestamp,
    id::Id,
    mail::{Letter, Mail},
    text::Email,
};

/// A mail on its way.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Its id: the same at every attempt, so that one that arrives twice can be recognised.
    pub id: Id<Mail>,
    /// What it is about, as `reset_password`.
    pub kind: String,
    /// When it was written.
    pub time: Timestamp,
    /// Where it goes.
    pub recipient: Email,
    /// What it says.
    pub letter: Letter,
}

/// Where a mail is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// With a mail server, which answered this.
    Sent(String),
    /// In the log.
    Logged,
}

/// Why a mail was not handed over, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server cannot be used, which has nothing to do with this mail.
    Away(String),
    /// Not this mail, or not now; perhaps it has been taken all the same.
    Later(String),
    /// This mail will never be taken.
    Never(String),
}

impl Failure {
    /// The sentence.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Away(why) | Self::Later(why) | Self::Never(why) => why,
        }
    }
}

/// Hands mails over.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Where mails are handed over, as `HOST:PORT`; none within this process.
    fn server(&self) -> Option<&str>;

    /// Gets ready to hand mails over, one after the other.
    ///
    /// # Errors
    /// `Away`.
    async fn open(&self) -> Result<Box<dyn Line>, Failure>;
}

/// An open way to hand mails over. It takes a bounded time, whatever the server does.
#[async_trait]
pub trait Line: Send {
    /// Hands a mail over. After an error the line is of no more use.
    async fn send(&mut self, mail: &Envelope) -> Result<Handed, Failure>;

    /// Takes leave.
    async fn close(self: Box<Self>);
}

/// Sends what was recorded.
pub trait Post: Send + Sync {
    /// Tells it that there is something to send, after the commit that recorded it.
    fn wake(&self);
}
