//! A mail as it goes over the wire (RFC 5322): its headers and both forms of what it says.

use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart, header},
};

use crate::{domain::device::plain, port::mailer::Envelope};

/// Says that no person wrote this, so that no machine answers (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The message, and whom it is for. Its id is made of that of the mail, so that it is the same at each attempt.
///
/// # Errors
/// A sentence when no such message can be made, as for an address that no mail server would know.
pub fn compose(mail: &Envelope, from: &Mailbox) -> Result<(Address, Vec<u8>), String> {
    let recipient: Address = mail
        .recipient
        .as_str()
        .parse()
        .map_err(|error| format!("the address of the recipient cannot be used: {error}"))?;
    let letter = &mail.letter;
    // The library panics at a name with control characters.
    let name = Some(plain(&letter.name)).filter(|name| !name.is_empty());
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, recipient.clone()))
        .subject(letter.subject.clone())
        .date(mail.time.into())
        .message_id(Some(format!("<{}@{}>", mail.id, from.email.domain())))
        .header(AutoSubmitted)
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(|error| format!("the mail cannot be written: {error}"))?;
    Ok((recipient, message.formatted()))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{id::Id, mail::Letter, text::Email};

    fn mail(name: &str, address: &str) -> Envelope {
        Envelope {
            id: Id::from(Uuid::from_u128(7)),
            kind: "test".into(),
            time: datetime!(2026-11-03 09:05:07.5 UTC),
            recipient: Email::trusted(address.into()),
            letter: Letter {
                name: name.into(),
                subject: "Grüße\r\nBcc: bob@example.com".into(),
                text: "A text\n.\nwith a dot".into(),
                html: "<p>A text</p>".into(),
            },
        }
    }

    #[test]
    fn no_name_and_no_subject_makes_another_header() {
        let from = "Veza <no-reply@example.com>".parse().unwrap();
        let mail = mail("Ann\r\nBcc: bob@example.com", "ann@example.com");
        let (recipient, message) = compose(&mail, &from).unwrap();
        assert_eq!(recipient.to_string(), "ann@example.com");
        let message = String::from_utf8(message).unwrap();
        let (head, _) = message.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split_once(": ").unwrap().0)
            .collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected, "{head}");
        assert!(head.contains("Message-ID: <00000000-0000-0000-0000-000000000007@example.com>"));
        assert!(head.contains("Date: Tue, 03 Nov 2026 09:05:07 +0000"), "{head}");
    }

    #[test]
    fn an_address_that_is_none_is_refused_before_anything_is_sent() {
        let from = "no-reply@example.com".parse().unwrap();
        for address in
            ["ann@exa mple.com", "a,b@", "ann>@example.com", "ann@-", "\"ann@example.com"]
        {
            let refused = compose(&mail("Ann", address), &from);
            assert!(refused.unwrap_err().starts_with("the address of the recipient"), "{address}");
        }
    }
}
