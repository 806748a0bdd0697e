//! Who is at the other end: the peer, or whoever a trusted proxy says it calls for.

use std::net::IpAddr;

use http::HeaderMap;

use crate::config::Config;

/// The address of the client: going back from the peer through `X-Forwarded-For`, the first that is not a trusted proxy.
pub fn client_ip(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.to_canonical();
    if !config.trusts(client) {
        return client;
    }
    let values = headers.get_all("x-forwarded-for").iter();
    let hops = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    for hop in hops.collect::<Vec<_>>().into_iter().rev() {
        let hop = str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse::<IpAddr>().ok());
        // Whatever stands before something that is no address was written by nobody we trust.
        let Some(ip) = hop else { break };
        client = ip.to_canonical();
        if !config.trusts(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    fn seen(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let config = Line::parse_from(["veza", "--trusted-proxies", trusted]).config;
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client_ip(&config, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn api_08_only_trusted_proxies_are_believed_and_only_as_far_as_they_go() {
        let proxies = "10.0.0.0/8";
        assert_eq!(seen(proxies, "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen(proxies, "10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            seen(proxies, "10.0.0.1", &["1.1.1.1, 198.51.100.1", "10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(seen(proxies, "10.0.0.1", &["198.51.100.1, junk"]), "10.0.0.1");
        assert_eq!(seen(proxies, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen(proxies, "::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
    }
}
