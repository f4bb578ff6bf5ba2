//! Where a plugin may connect by a socket, as the operator writes it: a transport, a
//! pattern for the host, and a port. Owns how that is read, and what fits it.
//! Resolves no name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::destination::{HostPattern, host_pattern, split_port};

/// What a socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// connections
    Tcp,
    /// datagrams
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// An entry of `connect`, such as `tcp://db.example.org:5432`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    transport: Transport,
    host: HostPattern,
    port: u16,
}

/// What an entry of `connect` must be, to follow "it must be".
pub(super) const PEER_EXPECTED: &str =
    "such as \"tcp://db.example.org:5432\", \"udp://10.0.0.53:53\" or \"tcp://*.example.org:443\"";

/// A text is no entry of `connect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a transport, a host and a port")]
pub struct NotAPeer;

impl Peer {
    /// Whether it is about this port of this transport.
    pub fn is_at(&self, transport: Transport, port: u16) -> bool {
        self.transport == transport && self.port == port
    }

    /// Whether it allows an address by itself, whatever name leads there.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        match &self.host {
            HostPattern::Any => true,
            HostPattern::Below(_) => false,
            HostPattern::Exact(host) => host.parse() == Ok(address),
        }
    }

    /// Whether it allows what a name leads to. `name` is as
    /// [`normal_host`](super::normal_host) gives it.
    pub fn allows_name(&self, name: &str) -> bool {
        self.host.allows(name)
    }

    /// The one name that it is about, if it is one.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            HostPattern::Exact(host) if host.parse::<IpAddr>().is_err() => Some(host),
            _ => None,
        }
    }

    /// Whether everything that `other` allows is allowed by this too.
    pub fn covers(&self, other: &Self) -> bool {
        self.is_at(other.transport, other.port) && self.host.covers(&other.host)
    }
}

impl FromStr for Peer {
    type Err = NotAPeer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, authority) = text.split_once("://").ok_or(NotAPeer)?;
        let transport = match scheme {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => return Err(NotAPeer),
        };
        let (host, port) = split_port(authority).ok_or(NotAPeer)?;
        Ok(Self {
            transport,
            host: host_pattern(host).ok_or(NotAPeer)?,
            port: port.ok_or(NotAPeer)?,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.transport, self.host, self.port)
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

impl TryFrom<String> for Peer {
    type Error = NotAPeer;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_transport_a_host_and_a_port() {
        for text in [
            "tcp://db.example.org:5432",
            "udp://10.0.0.53:53",
            "tcp://*.example.org:443",
            "tcp://*:443",
            "udp://[::1]:53",
        ] {
            assert_eq!(text.parse::<Peer>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tcp://a",
            "tcp://a:0",
            "tcp://a:*",
            "tcp://a:65536",
            "tcp://:80",
            "a:80",
            "http://a:80",
            "TCP://a:80",
            "tcp://a:80/",
            "tcp://u@a:80",
            "tcp://*a:80",
            " tcp://a:80",
            "tcp://[::1:80",
        ] {
            assert_eq!(text.parse::<Peer>(), Err(NotAPeer), "{text}");
        }
    }

    #[test]
    fn an_address_fits_by_itself_only_where_no_name_is_meant() {
        let check = |rule: &str, address: &str, expected: bool| {
            let rule: Peer = rule.parse().unwrap();
            let fits = rule.allows_address(address.parse().unwrap());
            assert_eq!(fits, expected, "{rule} {address}");
        };
        check("tcp://10.0.0.1:1", "10.0.0.1", true);
        check("tcp://10.0.0.1:1", "10.0.0.2", false);
        check("tcp://[0:0::1]:1", "::1", true);
        check("tcp://*:1", "10.0.0.1", true);
        check("tcp://localhost:1", "127.0.0.1", false);
        // A name of digits is a name.
        check("tcp://*.1:1", "10.0.0.1", false);
    }

    #[test]
    fn a_name_fits_by_its_pattern() {
        let check = |rule: &str, name: &str, expected: bool| {
            let rule: Peer = rule.parse().unwrap();
            assert_eq!(rule.allows_name(name), expected, "{rule} {name}");
        };
        check("tcp://db.example.org:1", "db.example.org", true);
        check("tcp://db.example.org:1", "a.db.example.org", false);
        check("tcp://*.example.org:1", "db.example.org", true);
        check("tcp://*.example.org:1", "example.org", false);
        check("tcp://*:1", "anything", true);
        let name = |text: &str| text.parse::<Peer>().unwrap().name().map(str::to_owned);
        assert_eq!(
            name("tcp://DB.example.org:1"),
            Some("db.example.org".to_owned())
        );
        assert_eq!(name("tcp://10.0.0.1:1"), None);
        assert_eq!(name("tcp://*.example.org:1"), None);
    }

    #[test]
    fn what_covers_another_has_its_transport_and_port() {
        let check = |one: &str, other: &str, expected: bool| {
            let [one, other] = [one, other].map(|text| text.parse::<Peer>().unwrap());
            assert_eq!(one.covers(&other), expected, "{one} {other}");
        };
        check("tcp://*.a.org:1", "tcp://x.a.org:1", true);
        check("tcp://*:1", "tcp://10.0.0.1:1", true);
        check("tcp://x.a.org:1", "tcp://*.a.org:1", false);
        check("tcp://x.a.org:1", "tcp://x.a.org:2", false);
        check("tcp://x.a.org:1", "udp://x.a.org:1", false);
    }
}
