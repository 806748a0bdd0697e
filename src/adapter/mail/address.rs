//! What `SMTP_URL` says: the server, how the way to it is protected, and who signs in.

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode_str;

use crate::domain::{Error, Result};

/// How the URL is written; it is never repeated, because it may hold a password.
const USAGE: &str = "SMTP_URL cannot be read: write smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT, \
                     characters such as @ in the password percent-encoded";

/// The port that mails are submitted on, with STARTTLS (RFC 6409).
const SUBMISSION: u16 = 587;

/// The port that mails are submitted on over TLS (RFC 8314).
const SUBMISSIONS: u16 = 465;

/// How the way to a server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    None,
    /// By TLS that is begun within SMTP, without which nothing else is said.
    StartTls,
    /// By TLS from the first byte.
    Tls,
}

/// Where a mail server is, and who signs in.
pub struct Address {
    pub host: String,
    pub port: u16,
    pub protection: Protection,
    /// Name and password.
    pub login: Option<(String, String)>,
}

impl Address {
    /// Reads the URL.
    pub fn parse(url: &str) -> Result<Self> {
        parse(url).ok_or_else(|| Error::internal(USAGE))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

fn parse(url: &str) -> Option<Address> {
    let (scheme, rest) = url.split_once("://")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, server) =
        rest.rsplit_once('@').map_or((None, rest), |(login, server)| (Some(login), server));
    let (host, port) = split_port(server)?;
    let protection = match (scheme, query) {
        ("smtps", "" | "tls=required") => Protection::Tls,
        ("smtp", "tls=none") => Protection::None,
        ("smtp", "") if is_loopback(&host) => Protection::None,
        ("smtp", "" | "tls=required") => Protection::StartTls,
        _ => return None,
    };
    let standard = if protection == Protection::Tls { SUBMISSIONS } else { SUBMISSION };
    let decode = |text| percent_decode_str(text).decode_utf8().map(String::from).ok();
    let login = match login.map(|login| login.split_once(':')) {
        None => None,
        Some(Some((name, password))) if !name.is_empty() && !password.is_empty() => {
            Some((decode(name)?, decode(password)?))
        }
        Some(_) => return None,
    };
    Some(Address { host, port: port.unwrap_or(standard), protection, login })
}

/// A host and its port; an IPv6 address stands in brackets.
fn split_port(server: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => server.split_at(server.find(':').unwrap_or(server.len())),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return None,
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (!host.is_empty() && host.chars().all(fits)).then(|| (host.to_owned(), port))
}

/// Whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_left_out_only_on_this_machine_or_when_it_is_said() {
        use Protection::{None, StartTls, Tls};
        for (url, shown, protection) in [
            ("smtp://mail.example", "mail.example:587", StartTls),
            ("smtp://mail.example:25/?tls=required", "mail.example:25", StartTls),
            ("smtp://mail.example:25?tls=none", "mail.example:25", None),
            ("smtps://mail.example", "mail.example:465", Tls),
            ("smtps://[2001:db8::1]:4650", "[2001:db8::1]:4650", Tls),
            ("smtp://127.0.0.1:1025", "127.0.0.1:1025", None),
            ("smtp://localhost:1025/", "localhost:1025", None),
            ("smtp://[::1]:1025", "[::1]:1025", None),
            ("smtp://localhost?tls=required", "localhost:587", StartTls),
            ("smtp://127.0.0.1.example", "127.0.0.1.example:587", StartTls),
        ] {
            let address = Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!((address.to_string().as_str(), address.protection), (shown, protection));
            assert_eq!(address.login, Option::None);
        }
    }

    #[test]
    fn a_login_is_decoded() {
        let address = Address::parse("smtps://ann%40example.com:p%40s%3As/@mail.example").unwrap();
        assert_eq!(address.login, Some(("ann@example.com".into(), "p@s:s/".into())));
        assert_eq!(address.host, "mail.example");
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for bad in [
            "",
            "canary",
            "smtp://",
            "http://canary",
            "smtp://canary:port",
            "smtp://canary:0",
            "smtp://canary@mail.example",
            "smtp://ann:@canary",
            "smtp://ann:canary@",
            "smtp://mail.example/canary",
            "smtp://mail.example?tls=canary",
            "smtps://canary?tls=none",
            "smtp://[canary]:25",
            "smtp://[::1]canary",
        ] {
            let Err(Error::Internal(why)) = Address::parse(bad) else { panic!("{bad:?}") };
            assert!(why.to_string().starts_with("SMTP_URL"), "{why}");
            assert!(!why.to_string().contains("canary"), "{why}");
        }
    }
}
