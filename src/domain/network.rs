//! Networks that calls may come from.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use super::{Error, Result};

/// A network, or the network that one address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Parses what a client sent in `field`.
    ///
    /// # Errors
    /// [`Error::InvalidFields`] naming `field` when it is neither a network nor an address.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            let expected = "must be a network or an address, as `203.0.113.0/24` or `2001:db8::1`";
            Error::invalid_field(field, expected)
        })
    }

    /// The network of this text, if it is one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let network: IpNet = match text.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().into(),
            Err(_) => text.parse().ok()?,
        };
        Some(Self(network.trunc()))
    }

    /// Whether an address belongs to it; an IPv4 address does however it is written.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        for (network, shown, inside, outside) in [
            ("10.1.2.3/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7/32", "::ffff:192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32", "2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::ffff:192.0.2.7", "192.0.2.7/32", "192.0.2.7", "::1"),
        ] {
            let read = Network::read(network).unwrap();
            assert_eq!(read.to_string(), shown);
            assert!(read.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!read.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0", "example.com", "10.0.0.1/8 "] {
            assert!(Network::read(bad).is_none(), "{bad}");
        }
    }
}
