//! The address and protocol of one listener, as it is written in the file and on
//! the command line. Opens no socket and resolves no name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Streamable HTTP (HTTP/1.1 and HTTP/2 without TLS), `/health` included.
    Http,
    /// The same with TLS.
    Https,
    /// JSON-RPC over TCP, one message on a line.
    Tcp,
    /// QUIC, on a UDP port: HTTP/3, and JSON-RPC with a session for each stream.
    Quic,
}

impl Scheme {
    /// The name in front of `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Quic => "quic",
        }
    }

    /// The schemes, in the order in which messages name them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Tcp, Self::Quic];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// Whether its listener shows a certificate.
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Https | Self::Quic)
    }

    /// Whether its port is one of UDP.
    pub fn is_udp(self) -> bool {
        self == Self::Quic
    }
}

/// Where to listen, and for what.
///
/// Written as `http://127.0.0.1:9999` or `quic://[::1]:9998`. Without a scheme it
/// is HTTP, and without a host 127.0.0.1: `9999` is the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Listener {
    /// The protocol.
    pub scheme: Scheme,
    /// The address to bind; port 0 takes any free one.
    pub addr: SocketAddr,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.addr)
    }
}

/// Why a text names no listener.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenerError {
    /// Some other protocol.
    #[error("unknown scheme `{0}`: use http://, https://, tcp:// or quic://")]
    Scheme(String),
    /// More than an address.
    #[error("a listener has no path: leave out `{0}` (`http.path` sets the path)")]
    Path(String),
    /// Not an IP address and a port.
    #[error("`{0}` is not an address: use IP:PORT, such as 127.0.0.1:9999 or [::1]:9999")]
    Address(String),
}

impl FromStr for Listener {
    type Err = ListenerError;

    fn from_str(text: &str) -> Result<Self, ListenerError> {
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Http, text),
            Some((name, rest)) => match Scheme::named(name) {
                Some(scheme) => (scheme, rest),
                None => return Err(ListenerError::Scheme(name.to_owned())),
            },
        };
        if let Some(slash) = rest.find('/') {
            return Err(ListenerError::Path(rest[slash..].to_owned()));
        }
        let addr = parse_address(rest).ok_or_else(|| ListenerError::Address(rest.to_owned()))?;
        Ok(Self { scheme, addr })
    }
}

fn parse_address(text: &str) -> Option<SocketAddr> {
    match text.rsplit_once(':') {
        None => Some(SocketAddr::new(
            Ipv4Addr::LOCALHOST.into(),
            parse_port(text)?,
        )),
        Some(("localhost", port)) => Some(SocketAddr::new(
            Ipv4Addr::LOCALHOST.into(),
            parse_port(port)?,
        )),
        Some(_) => text.parse().ok(),
    }
}

/// Digits alone: `u16::from_str` would take `+1` too.
fn parse_port(text: &str) -> Option<u16> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Reads the key `host`. `localhost` is 127.0.0.1; other names are refused,
/// because what they stand for can change between two starts.
pub(super) fn parse_host(text: &str) -> Option<IpAddr> {
    if text == "localhost" {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    text.parse().ok()
}

impl Serialize for Listener {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Listener {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match text.parse::<Listener>() {
            Ok(listener) => listener.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "for {text:?}");
    }

    #[test]
    fn listeners_are_read_with_and_without_scheme_and_host() {
        check("9999", "http://127.0.0.1:9999");
        check("0", "http://127.0.0.1:0");
        check("127.0.0.1:9999", "http://127.0.0.1:9999");
        check("0.0.0.0:80", "http://0.0.0.0:80");
        check("localhost:9999", "http://127.0.0.1:9999");
        check("[::1]:9999", "http://[::1]:9999");
        check("http://[::1]:9999", "http://[::1]:9999");
        check("http://9999", "http://127.0.0.1:9999");
        check("tcp://127.0.0.1:9998", "tcp://127.0.0.1:9998");
        check("tcp://localhost:0", "tcp://127.0.0.1:0");
        check("quic://127.0.0.1:9999", "quic://127.0.0.1:9999");
        check("https://[::1]:443", "https://[::1]:443");
    }

    #[test]
    fn what_is_no_listener_is_explained() {
        check(
            "udp://127.0.0.1:1",
            "unknown scheme `udp`: use http://, https://, tcp:// or quic://",
        );
        check(
            "http://127.0.0.1:9999/mcp",
            "a listener has no path: leave out `/mcp` (`http.path` sets the path)",
        );
        for (text, address) in [
            ("", ""),
            ("tcp://", ""),
            ("+99", "+99"),
            ("65536", "65536"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1:9999:", "::1:9999:"),
            ("example.com:80", "example.com:80"),
            ("localhost:", "localhost:"),
            ("http:// 127.0.0.1:80", " 127.0.0.1:80"),
        ] {
            check(
                text,
                &format!(
                    "`{address}` is not an address: use IP:PORT, such as 127.0.0.1:9999 or [::1]:9999"
                ),
            );
        }
    }

    #[test]
    fn a_host_is_an_ip_address_or_localhost() {
        assert_eq!(parse_host("localhost"), Some(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(parse_host("0.0.0.0"), Some(Ipv4Addr::UNSPECIFIED.into()));
        assert_eq!(parse_host("::1"), "::1".parse().ok());
        assert_eq!(parse_host("[::1]"), None);
        assert_eq!(parse_host("example.com"), None);
        assert_eq!(parse_host(""), None);
    }
}
