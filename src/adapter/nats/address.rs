//! What `NATS_URL` says: the servers, and who signs in.

use std::fmt;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

use crate::domain::{Error, Result};

/// How the URL is written; it is never repeated, because it may hold a password.
const USAGE: &str = "NATS_URL cannot be read: write nats://HOST:PORT, or tls://HOST:PORT, several separated by commas, \
                     with a login as in nats://USER:PASSWORD@HOST or nats://TOKEN@HOST";

/// Where the servers are, and who signs in.
pub(super) struct Address {
    /// Without the login: the library may write them to the log.
    pub servers: Vec<ServerAddr>,
    pub login: Login,
}

/// Who signs in.
#[derive(PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

impl Address {
    /// Reads the URL. The login of the first server that has one is used for all.
    pub fn parse(url: &str) -> Result<Self> {
        let mut address = Self { servers: Vec::new(), login: Login::Nobody };
        for part in url.split(',').map(str::trim) {
            let (server, login) = parse_server(part).ok_or_else(|| Error::internal(USAGE))?;
            if address.login != Login::Nobody && login != Login::Nobody && address.login != login {
                return Err(Error::internal(
                    "NATS_URL: its servers have different logins; write the same for each, or only one",
                ));
            }
            if login != Login::Nobody {
                address.login = login;
            }
            address.servers.push(server);
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, server) in self.servers.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}:{}", server.host(), server.port())?;
        }
        Ok(())
    }
}

fn parse_server(text: &str) -> Option<(ServerAddr, Login)> {
    let (scheme, rest) = text.split_once("://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if !matches!(scheme, "nats" | "tls") || rest.contains(['/', '?', '#']) {
        return None;
    }
    let (login, host) =
        rest.rsplit_once('@').map_or((None, rest), |(login, host)| (Some(login), host));
    let server: ServerAddr = format!("{scheme}://{host}").parse().ok()?;
    let is_whole = !server.host().is_empty() && server.username().is_none();
    is_whole.then_some(())?;
    let decode = |text| percent_decode_str(text).decode_utf8().map(Into::into).ok();
    let login = match login.map(|login| login.split_once(':').ok_or(login)) {
        None => Login::Nobody,
        Some(Ok((name, password))) => {
            Login::User { name: decode(name)?, password: decode(password)? }
        }
        Some(Err(token)) => Login::Token(decode(token)?),
    };
    Some((server, login))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(url: &str) -> (String, Login) {
        let address = Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
        (address.to_string(), address.login)
    }

    #[test]
    fn servers_and_login_are_told_apart() {
        let user = || Login::User { name: "ann".into(), password: "p@ss".into() };
        for (url, servers, who) in [
            ("nats://127.0.0.1", "127.0.0.1:4222", Login::Nobody),
            ("tls://nats.example:5222/", "nats.example:5222", Login::Nobody),
            ("nats://t0ken@a", "a:4222", Login::Token("t0ken".into())),
            ("nats://ann:p%40ss@a:1, nats://b:2", "a:1, b:2", user()),
            ("nats://a,tls://ann:p%40ss@[::1]:9", "a:4222, ::1:9", user()),
            ("nats://ann:p%40ss@a,nats://ann:p@ss@b", "a:4222, b:4222", user()),
        ] {
            let (shown, found) = login(url);
            assert_eq!(shown, servers, "{url}");
            assert!(found == who, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for bad in [
            "",
            "canary",
            "nats://",
            "nats://ann:canary@",
            "http://canary",
            "nats://canary:port",
            "nats://a/canary",
            "nats://canary@a,",
            "nats://ann:canary@a,nats://bob:canary@b",
        ] {
            let Err(Error::Internal(why)) = Address::parse(bad) else { panic!("{bad:?}") };
            assert!(why.to_string().starts_with("NATS_URL"), "{why}");
            assert!(!why.to_string().contains("canary"), "{why}");
        }
    }
}
