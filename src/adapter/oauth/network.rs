//! Which addresses providers may have: public ones, and those that an operator lists. A server in a network of its own must not
//! be made to call what only that network should (OWASP API7, server-side request forgery).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use ipnet::IpNet;

/// The networks that are not the internet, by the registries of IANA for special purposes.
static SPECIAL: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    const SPECIAL: [&str; 26] = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    ];
    SPECIAL.iter().filter_map(|network| network.parse().ok()).collect()
});

/// The networks that providers may be in although they are not public.
#[derive(Debug, Clone, Default)]
pub struct Private(pub Vec<IpNet>);

impl Private {
    /// Whether something at this address may be called: anything that is listed, and over TLS anything public.
    pub fn allows(&self, ip: IpAddr, over_tls: bool) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|listed| listed.contains(&ip)) || (over_tls && is_public(ip))
    }
}

fn is_public(ip: IpAddr) -> bool {
    let is_special = |ip: IpAddr| SPECIAL.iter().any(|network| network.contains(&ip));
    let within = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => embedded(ip).map(IpAddr::V4),
    };
    !is_special(ip) && !within.is_some_and(is_special)
}

/// The IPv4 address that packets to an IPv6 address end up at: of translators (RFC 6052, RFC 8215), 6to4 (RFC 3056), and the
/// form that was compatible once (RFC 4291).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = ip.to_bits();
    let low = || Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32);
    match ip.segments() {
        [0x64, 0xff9b, ..] | [0, 0, 0, 0, 0, 0, ..] => Some(low()),
        [0x2002, a, b, ..] => Some(Ipv4Addr::from_bits((u32::from(a) << 16) | u32::from(b))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oauth_08_only_public_addresses_and_listed_ones_are_called() {
        assert_eq!(SPECIAL.len(), 26);
        let nobody = Private::default();
        for private in [
            "0.0.0.0",
            "127.0.0.1",
            "127.1.2.3",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2001:db8::1",
            "fec0::1",
        ] {
            assert!(!nobody.allows(private.parse().unwrap(), true), "{private}");
        }
        for public in
            ["8.8.8.8", "140.82.121.4", "2607:f8b0::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
        {
            assert!(nobody.allows(public.parse().unwrap(), true), "{public}");
            assert!(!nobody.allows(public.parse().unwrap(), false), "{public} without TLS");
        }
        let listed = Private(vec!["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()]);
        for ip in ["10.1.2.3", "::ffff:10.1.2.3", "::1"] {
            assert!(listed.allows(ip.parse().unwrap(), false), "{ip}");
        }
        assert!(!listed.allows("10.2.0.1".parse().unwrap(), true));
    }
}
