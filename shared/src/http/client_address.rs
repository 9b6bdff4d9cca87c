//! Who asks, as far as the network tells.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The address a request came from, as whoever accepted the connection saw it. It is never read from a header, where anybody
/// could write anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// A name to count by: no address is kept. Of an IPv6 address only the network counts, since everybody has a network of
    /// them.
    #[must_use]
    pub fn counted_as(&self) -> String {
        let address = match self.0 {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address @ IpAddr::V4(_) => address,
        };
        let mut name = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("office365-sync client {address}")));
        name.truncate(22);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_a_network_of_their_own_count_as_one() {
        let name = |address: &str| ClientAddress(address.parse().unwrap()).counted_as();
        assert_eq!(name("2001:db8::1"), name("2001:db8::2"));
        assert_ne!(name("2001:db8::1"), name("2001:db8:0:1::1"));
        assert_ne!(name("192.0.2.1"), name("192.0.2.2"));
        assert!(!name("192.0.2.1").contains("192"));
    }
}
