//! Hands mails to a mail server, or, where there is none, to the log.

mod address;
mod log;
mod message;
mod smtp;

use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};

pub use self::{log::Log, smtp::Smtp};

use self::address::Address;
use crate::domain::{Error, Result};

/// Which mail server, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Options {
    /// `smtp://USER:PASSWORD@HOST:PORT` or `smtps://...`.
    pub url: SecretString,
    /// Whom mails are from, as `Veza <no-reply@example.com>`.
    pub from: String,
    /// The name that the server is greeted with, if there is one.
    pub hello: Option<String>,
    /// How long the server may take for each of its answers.
    pub timeout: Duration,
}

/// Whether the settings can be read; connects to nothing.
///
/// # Errors
/// A sentence that says what is wrong and what to do.
pub fn check(options: &Options) -> Result<()> {
    Address::parse(options.url.expose_secret())?;
    sender(&options.from).map(drop)
}

/// The name in `MAIL_FROM`, if it has one.
///
/// # Errors
/// A sentence that says how to write it.
pub fn sender_name(from: &str) -> Result<Option<String>> {
    sender(from).map(|mailbox| mailbox.name)
}

fn sender(from: &str) -> Result<Mailbox> {
    from.parse().map_err(|_| {
        Error::internal(
            "MAIL_FROM cannot be read: write an address, as no-reply@example.com, or a name before it, as \
             Veza <no-reply@example.com>",
        )
    })
}
