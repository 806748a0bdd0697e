//! A mail server, spoken to by SMTP (RFC 5321), which says at which step what went wrong: only what is said of the
//! recipient or of the message has to do with a mail.

use std::{fmt::Display, panic::AssertUnwindSafe, time::Duration};

use async_trait::async_trait;
use futures::FutureExt;
use lettre::{
    message::Mailbox,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Quit, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::{Response, Severity},
    },
};
use secrecy::ExposeSecret;
use tokio::time;

use super::{
    Options,
    address::{Address, Protection},
    message, sender,
};
use crate::{
    domain::{Error, Result},
    port::mailer::{Envelope, Failure, Handed, Line, Mailer},
};

/// How long taking leave may take.
const LEAVE: Duration = Duration::from_secs(1);

/// How much is repeated of what a server says, in characters.
const ANSWER_MAX: usize = 300;

/// What a server answers that wants its client to sign in first (RFC 4954), to whichever command.
const SIGN_IN_FIRST: u16 = 530;

/// Hands mails to a mail server.
pub struct Smtp {
    address: Address,
    /// The address, for people.
    server: String,
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    hello: ClientId,
    from: Mailbox,
    timeout: Duration,
}

impl Smtp {
    /// Prepares to speak to a server; connects to nothing.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to do.
    pub fn new(options: &Options) -> Result<Self> {
        let address = Address::parse(options.url.expose_secret())?;
        let tls = match address.protection {
            Protection::None => None,
            Protection::StartTls | Protection::Tls => {
                let parameters = TlsParameters::builder(address.host.clone()).build_rustls();
                Some(parameters.map_err(|error| Error::internal(format!("SMTP_URL: {error}")))?)
            }
        };
        let login = address.login.clone();
        Ok(Self {
            server: address.to_string(),
            tls,
            login: login.map(|(name, password)| Credentials::new(name, password)),
            hello: options.hello.clone().map_or_else(ClientId::default, ClientId::Domain),
            from: sender(&options.from)?,
            timeout: options.timeout,
            address,
        })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let at_once = self.tls.clone().filter(|_| self.address.protection == Protection::Tls);
        let server = (self.address.host.as_str(), self.address.port);
        let timeout = Some(self.timeout);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, timeout, &self.hello, at_once, None)
                .await?;
        if self.address.protection == Protection::StartTls
            && let Some(tls) = &self.tls
        {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }
}

#[async_trait]
impl Mailer for Smtp {
    fn server(&self) -> Option<&str> {
        Some(&self.server)
    }

    async fn open(&self) -> Result<Box<dyn Line>, Failure> {
        let connected = within(self.timeout, self.connect()).await;
        let connection = connected.map_err(|trouble| Failure::Away(trouble.why))?;
        Ok(Box::new(Conversation { connection, from: self.from.clone(), timeout: self.timeout }))
    }
}

/// A conversation with a mail server.
struct Conversation {
    connection: AsyncSmtpConnection,
    from: Mailbox,
    timeout: Duration,
}

#[async_trait]
impl Line for Conversation {
    async fn send(&mut self, mail: &Envelope) -> Result<Handed, Failure> {
        let (recipient, message) = message::compose(mail, &self.from).map_err(Failure::Never)?;
        let mut parameters = Vec::new();
        if ![self.from.email.as_ref(), recipient.as_ref()].iter().all(|text: &&str| text.is_ascii())
        {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why =
                    "the mail server takes no addresses with other letters than those of ASCII";
                return Err(Failure::Never(why.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let sender = Some(self.from.email.clone());
        // What is said of the sender is said of every mail.
        let began = self.command(Mail::new(sender, parameters)).await;
        began.map_err(|trouble| Failure::Away(trouble.why))?;
        self.command(Rcpt::new(recipient, Vec::new())).await.map_err(Trouble::of_mail)?;
        let go_on = self.command(Data).await.map_err(Trouble::of_mail)?;
        expect(&go_on, Severity::PositiveIntermediate)?;
        let answer = within(self.timeout, self.connection.message(&message)).await;
        let answer = answer.map_err(Trouble::of_mail)?;
        expect(&answer, Severity::PositiveCompletion)?;
        Ok(Handed::Sent(show(&answer)))
    }

    async fn close(mut self: Box<Self>) {
        time::timeout(LEAVE, self.connection.command(Quit)).await.ok();
    }
}

impl Conversation {
    async fn command(&mut self, command: impl Display + Send) -> Result<Response, Trouble> {
        within(self.timeout, self.connection.command(command)).await
    }
}

/// What went wrong between us and a mail server.
struct Trouble {
    why: String,
    /// The code that the server answered, if it did.
    code: Option<u16>,
}

impl Trouble {
    /// What it means for a mail that the server was told of.
    fn of_mail(self) -> Failure {
        match self.code {
            Some(SIGN_IN_FIRST) => Failure::Away(self.why),
            Some(500..) => Failure::Never(self.why),
            _ => Failure::Later(self.why),
        }
    }
}

/// Does a part of a conversation in bounded time. The library panics at some answers that make no sense, which must
/// not be the end of the server.
async fn within<T>(
    timeout: Duration,
    part: impl Future<Output = Result<T, SmtpError>>,
) -> Result<T, Trouble> {
    let broken = |why: &str| Trouble { why: why.to_owned(), code: None };
    match time::timeout(timeout, AssertUnwindSafe(part).catch_unwind()).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(Trouble {
            why: on_one_line(&error.to_string()),
            code: error.status().map(u16::from),
        }),
        Ok(Err(_)) => Err(broken("the mail server says what makes no sense")),
        Err(_) => Err(broken("the mail server does not answer in time")),
    }
}

/// Demands the kind of answer that belongs to a command. Another one belongs to another command, as when somebody has put
/// an answer before those of the server.
fn expect(answer: &Response, severity: Severity) -> Result<(), Failure> {
    if answer.code().severity == severity {
        return Ok(());
    }
    Err(Failure::Later(format!("the mail server answers out of turn: {}", show(answer))))
}

/// What a server answered.
fn show(answer: &Response) -> String {
    let words: Vec<_> = answer.message().collect();
    on_one_line(&format!("{} {}", answer.code(), words.join(" ")))
}

fn on_one_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(ANSWER_MAX).collect()
}
