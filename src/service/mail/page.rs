//! How a mail looks: the same blocks as plain text and as HTML, so that neither says what the other does not. Everything
//! that becomes HTML is escaped here, and nowhere else.

use super::Links;
use crate::domain::{device::plain, mail::Letter};

/// The frame of the HTML; mail programs know little of style sheets.
const FRAME: &str = include_str!("page.html");

/// A part of a mail.
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A link to follow, and what it does.
    Link(&'static str, String),
    /// Names and values.
    Facts(Vec<(&'static str, String)>),
}

/// What there is to say.
pub struct Page {
    /// The subject.
    pub subject: &'static str,
    /// What it says.
    pub blocks: Vec<Block>,
}

impl Page {
    /// The letter that says it to somebody of this name, from a service of that name.
    pub fn letter(self, name: &str, sender: &str, links: &Links) -> Letter {
        let name = plain(name);
        let greeting = match &*name {
            "" => "Hello,".to_owned(),
            name => format!("Hello {name},"),
        };
        let mut blocks = vec![Block::Text(greeting)];
        blocks.extend(self.blocks);
        let reason = format!(
            "You get this mail because this address is, or was, that of an account at {sender}, {url}.",
            url = links.public_url
        );
        let subject = format!("{} – {sender}", self.subject);
        let text: Vec<String> = blocks.iter().map(Block::text).collect();
        let html: Vec<String> = blocks.iter().map(Block::html).collect();
        Letter {
            name,
            text: format!("{}\n\n-- \n{reason}\n", text.join("\n\n")),
            html: FRAME
                .replace("{subject}", &escape(&subject))
                .replace("{reason}", &escape(&reason))
                .replace("{blocks}", &html.join("\n")),
            subject,
        }
    }
}

impl Block {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Link(label, url) => format!("{label}:\n{url}"),
            Self::Facts(facts) => {
                let lines = facts.iter().map(|(name, value)| format!("    {name}: {value}"));
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn html(&self) -> String {
        match self {
            Self::Text(text) => format!("<p>{}</p>", escape(text)),
            Self::Link(label, url) => {
                let url = escape(url);
                format!(
                    "<p><a href=\"{url}\" style=\"display:inline-block;padding:12px 20px;border-radius:6px;\
                     background:#1f4fd8;color:#ffffff;text-decoration:none\">{}</a></p>\n\
                     <p style=\"font-size:13px;color:#57606a;word-break:break-all\">{url}</p>",
                    escape(label)
                )
            }
            Self::Facts(facts) => {
                let row = |(name, value): &(&str, String)| {
                    format!(
                        "<tr><td style=\"padding:2px 16px 2px 0;color:#57606a\">{}</td><td>{}</td></tr>",
                        escape(name),
                        escape(value)
                    )
                };
                let rows: String = facts.iter().map(row).collect();
                format!("<table style=\"border-collapse:collapse\">{rows}</table>")
            }
        }
    }
}

/// A text within HTML, between tags or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_escaped_in_html_and_none_in_text() {
        let hostile = || "<script>alert('x')</script> & \"more\"".to_owned();
        let page = Page {
            subject: "Something < else",
            blocks: vec![
                Block::Text(hostile()),
                Block::Link("Do it", "https://a.example/?a=1&b=\"><b>".into()),
                Block::Facts(vec![("What", hostile())]),
            ],
        };
        let links = Links {
            public_url: "https://app.example.com".into(),
            email_verification: String::new(),
            password_reset: String::new(),
        };
        let letter = page.letter("Ann", "Veza & Co", &links);
        assert_eq!(letter.subject, "Something < else – Veza & Co");
        assert_eq!(letter.text.matches("<script>alert('x')</script> & \"more\"").count(), 2);
        assert!(!letter.html.contains("<script>"), "{}", letter.html);
        assert!(letter.html.contains("href=\"https://a.example/?a=1&amp;b=&quot;&gt;&lt;b&gt;\""));
        assert!(letter.html.contains("<title>Something &lt; else – Veza &amp; Co</title>"));
        for value in ["{subject}", "{reason}", "{blocks}"] {
            assert!(!letter.html.contains(value), "{value}");
        }
    }
}
