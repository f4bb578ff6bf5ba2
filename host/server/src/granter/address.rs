//! Which addresses are public. Owns the table of those that are not, by the
//! registries of special addresses for IPv4 and IPv6, and of how the operator lets one
//! be used all the same; resolves no name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::AddressRange;

/// What an address is, if it is not public and the operator has not named it either;
/// to follow "which is".
pub(super) fn refused(address: IpAddr, granted: &[AddressRange]) -> Option<&'static str> {
    let kind = special(address)?;
    let is_granted =
        |range: &AddressRange| range.contains(address) || range.contains(address.to_canonical());
    (!granted.iter().any(is_granted)).then_some(kind)
}

/// What an address is, if it is not one of the public network; to follow "which
/// is".
fn special(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, d] = address.octets();
    Some(match (a, b, c, d) {
        (0, ..) => "unspecified",
        (10, ..) | (172, 16..=31, ..) | (192, 168, ..) => "private",
        (100, 64..=127, ..) => "shared (RFC 6598)",
        (127, ..) => "loopback",
        (169, 254, 169, 254) => "link-local, and serves metadata of clouds",
        (169, 254, ..) => "link-local",
        (168, 63, 129, 16) => "for metadata of a cloud",
        (192, 0, 0, _) | (198, 18 | 19, ..) => "reserved",
        (192, 0, 2, _) | (198, 51, 100, _) | (203, 0, 113, _) => "for documentation",
        (192, 88, 99, _) => "reserved",
        (224..=239, ..) => "multicast",
        (240..=255, ..) => "reserved",
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let parts = address.segments();
    let v4_in = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        special_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // Ways to an address of IPv4 lead where that one leads.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4_in(high, low),
        [0x2002, high, low, ..] => v4_in(high, low),
        [0x2001, 0xdb8, ..] => Some("for documentation"),
        [0x3fff, second, ..] if second < 0x1000 => Some("for documentation"),
        // Teredo, ORCHID and others of the protocols themselves.
        [0x2001, second, ..] if second < 0x200 => Some("reserved"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some("private"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        // What is public is given out from 2000::/3 only.
        [0x2000..=0x3fff, ..] => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_not_special() {
        let check = |address: &str, expected: Option<&str>| {
            assert_eq!(special(address.parse().unwrap()), expected, "{address}");
        };
        for public in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "169.253.1.1",
            "192.167.1.1",
            "223.255.255.255",
            "2606:4700::1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "::ffff:1.1.1.1",
        ] {
            check(public, None);
        }
        for (address, kind) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("::", "unspecified"),
            ("10.0.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("::ffff:10.0.0.1", "private"),
            ("64:ff9b::a00:1", "private"),
            ("2002:a00:1::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fec0::1", "private"),
            ("127.0.0.1", "loopback"),
            ("127.255.0.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            (
                "169.254.169.254",
                "link-local, and serves metadata of clouds",
            ),
            ("169.254.0.1", "link-local"),
            ("fe80::1", "link-local"),
            ("168.63.129.16", "for metadata of a cloud"),
            ("100.100.100.200", "shared (RFC 6598)"),
            ("198.19.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::127.0.0.1", "reserved"),
            ("64:ff9b:1::1", "reserved"),
            ("2001::1", "reserved"),
            ("4000::1", "reserved"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("203.0.113.1", "for documentation"),
            ("2001:db8::1", "for documentation"),
        ] {
            check(address, Some(kind));
        }
    }
}
