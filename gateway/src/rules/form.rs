//! The forms of strings that have a name: e-mail address, host name, IP address, URI and UUID.

use std::net::{IpAddr, Ipv6Addr};

/// A named form of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Email,
    Hostname,
    Ip,
    Uri,
    Uuid,
}

impl Form {
    /// The form of the rule `string.<name>`.
    pub(crate) fn from_rule(name: &str) -> Option<Self> {
        Some(match name {
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ip" => Self::Ip,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// The rule's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Hostname => "hostname",
            Self::Ip => "ip",
            Self::Uri => "uri",
            Self::Uuid => "uuid",
        }
    }

    /// What a value of the form is, for a phrase.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Email => "an e-mail address",
            Self::Hostname => "a host name",
            Self::Ip => "an IP address",
            Self::Uri => "an absolute URI",
            Self::Uuid => "a UUID",
        }
    }

    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ip => text.parse::<IpAddr>().is_ok(),
            Self::Uri => is_uri(text),
            Self::Uuid => is_uuid(text),
        }
    }
}

/// A valid e-mail address as the HTML standard defines it for `<input type=email>`.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !local.is_empty() && local.bytes().all(is_local) && domain.split('.').all(is_label)
}

/// A host name of RFC 1034 with the digits of RFC 1123; a last label of digits alone would be an IPv4 address.
fn is_hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// `scheme ":" hier-part [ "?" query ] [ "#" fragment ]` of RFC 3986.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = match hierarchy.strip_prefix("//") {
        Some(after) => after.split_at(after.find('/').unwrap_or(after.len())),
        None => ("", hierarchy),
    };
    is_scheme
        && is_authority(authority)
        && is_escaped(path, b"/:@")
        && is_escaped(query, b"/:@?")
        && is_escaped(fragment, b"/:@?")
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (is_host, port) = match host.strip_prefix('[').map(|inner| inner.split_once(']')) {
        Some(Some((address, port))) => (address.parse::<Ipv6Addr>().is_ok(), port),
        Some(None) => (false, ""),
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            (is_escaped(name, b""), port)
        }
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    is_host
        && is_escaped(user, b":")
        && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Whether all is unreserved, a sub-delimiter, one of `also`, or `%` and two hexadecimal digits.
fn is_escaped(text: &str, also: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let mut digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                digit() && digit()
            }
            _ => {
                byte.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&byte)
                    || also.contains(&byte)
            }
        };
        if !fits {
            return false;
        }
    }
    true
}

/// The 8-4-4-4-12 form of RFC 9562, in either case.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[track_caller]
    fn assert_form(form: Form, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(form.fits(text), "{text} should be {}", form.noun());
        }
        for text in bad {
            assert!(!form.fits(text), "{text} should not be {}", form.noun());
        }
    }

    #[test]
    fn an_email_address_is_that_of_the_html_standard() {
        let long = format!("a@{}.example", "x".repeat(64));
        assert_form(
            Form::Email,
            &["ann@example.com", "a.b+c@localhost", "!#$%@x-y.z", ".a@b"],
            &["", "ann", "@x", "ann@", "a b@x", "a@x..y", "a@-x", "a@x@y", "ä@x", "a@x.", &long],
        );
    }

    #[test]
    fn a_host_name_has_labels_and_no_address() {
        let long = vec!["abcdefg"; 40].join(".");
        assert_form(
            Form::Hostname,
            &["localhost", "a.b.example.", "1a.x2", "xn--bcher-kva.example"],
            &["", ".", "a..b", "-a", "a-", "a_b", "10.0.0.1", &long],
        );
    }

    #[test]
    fn an_address_is_of_either_version() {
        assert_form(
            Form::Ip,
            &["127.0.0.1", "::1", "fe80::1:2"],
            &["", "1.2.3", "01.2.3.4", "[::1]"],
        );
    }

    #[test]
    fn a_uri_is_absolute() {
        assert_form(
            Form::Uri,
            &[
                "https://example.com",
                "https://u:p@[::1]:8080/a%20b?c=d/e#f?g",
                "urn:isbn:0451450523",
                "mailto:a@b",
                "file:///etc/hosts",
            ],
            &[
                "",
                "/a",
                "a/b",
                "1a:b",
                "http://a b",
                "http://x/%2",
                "http://[::1",
                "http://x:y/",
                "a:#b#c",
            ],
        );
    }

    #[test]
    fn a_uuid_has_its_dashes() {
        assert_form(
            Form::Uuid,
            &["0190a6e0-1234-7abc-8def-0123456789ab", "0190A6E0-1234-7ABC-8DEF-0123456789AB"],
            &["", "0190a6e012347abc8def0123456789ab", "0190a6e0-1234-7abc-8def-0123456789ag"],
        );
    }
}
