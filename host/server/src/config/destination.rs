//! Where a plugin may send a request, as the operator writes it: an origin with a
//! pattern for the host, and ranges of addresses. Owns how both are read, and what
//! fits them. Resolves no name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An entry of `allow`, such as `GET,HEAD https://*.example.org:8443`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    /// In capitals; none: every one.
    methods: Vec<String>,
    /// Whether it is HTTPS.
    encrypted: bool,
    host: HostPattern,
    port: u16,
}

/// Which hosts an entry means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostPattern {
    /// `*`
    Any,
    /// `*.example.org`, without the star
    Below(String),
    Exact(String),
}

/// What an entry of `allow` must be, to follow "it must be".
pub(super) const DESTINATION_EXPECTED: &str =
    "such as \"https://api.example.org\" or \"GET,POST http://*.example.org:8080\", without a path";

/// A text is no entry of `allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin with or without methods before it")]
pub struct NotADestination;

impl Destination {
    /// Whether a request goes where this allows. `host` is as
    /// [`normal_host`] gives it.
    pub fn allows(&self, method: &str, encrypted: bool, host: &str, port: u16) -> bool {
        let method_fits = self.methods.is_empty() || self.methods.iter().any(|one| one == method);
        method_fits && self.host.allows(host) && self.encrypted == encrypted && self.port == port
    }
}

impl Destination {
    /// Whether everything that `other` allows is allowed by this too.
    pub fn covers(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty()
            || (!other.methods.is_empty()
                && other.methods.iter().all(|one| self.methods.contains(one)));
        let same = self.encrypted == other.encrypted && self.port == other.port;
        methods && same && self.host.covers(&other.host)
    }
}

impl HostPattern {
    pub(super) fn allows(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == host,
            Self::Below(suffix) => {
                let rest = host.strip_suffix(suffix.as_str());
                rest.is_some_and(|rest| !rest.is_empty())
            }
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (Self::Below(suffix), Self::Below(other)) => other.ends_with(suffix.as_str()),
            (Self::Exact(_), Self::Below(_)) => false,
            (_, Self::Exact(name)) => self.allows(name),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(suffix) => write!(f, "*{suffix}"),
            Self::Exact(name) if name.contains(':') => write!(f, "[{name}]"),
            Self::Exact(name) => f.write_str(name),
        }
    }
}

/// A host as patterns are compared with it: in small letters, without the dot of
/// the root and without the brackets of an address.
pub fn normal_host(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.to_ascii_lowercase(),
    }
}

fn default_port(encrypted: bool) -> u16 {
    if encrypted { 443 } else { 80 }
}

impl FromStr for Destination {
    type Err = NotADestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (methods, origin) = text.rsplit_once(' ').unwrap_or(("", text));
        let methods: Vec<String> = match methods {
            "" => Vec::new(),
            list => list.split(',').map(str::to_owned).collect(),
        };
        let is_method =
            |one: &String| !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_uppercase());
        let (scheme, authority) = origin.split_once("://").ok_or(NotADestination)?;
        let encrypted = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(NotADestination),
        };
        let (host, port) = split_port(authority).ok_or(NotADestination)?;
        if !methods.iter().all(is_method) {
            return Err(NotADestination);
        }
        Ok(Self {
            methods,
            encrypted,
            host: host_pattern(host).ok_or(NotADestination)?,
            port: port.unwrap_or(default_port(encrypted)),
        })
    }
}

pub(super) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[host_end..].find(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            let port = port[1..].parse().ok().filter(|port| *port != 0)?;
            Some((host, Some(port)))
        }
    }
}

/// Whether a text has only what names of hosts have.
pub fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.bytes().all(good)
}

pub(super) fn host_pattern(host: &str) -> Option<HostPattern> {
    if host == "*" {
        return Some(HostPattern::Any);
    }
    if let Some(suffix) = host.strip_prefix("*.") {
        return is_name(suffix).then(|| HostPattern::Below(format!(".{}", normal_host(suffix))));
    }
    let normal = normal_host(host);
    let is_address = normal.parse::<IpAddr>().is_ok();
    (is_name(host) || is_address).then_some(HostPattern::Exact(normal))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_empty() {
            write!(f, "{} ", self.methods.join(","))?;
        }
        let scheme = if self.encrypted { "https" } else { "http" };
        write!(f, "{scheme}://")?;
        write!(f, "{}", self.host)?;
        if self.port == default_port(self.encrypted) {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl TryFrom<String> for Destination {
    type Error = NotADestination;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// An entry of `addresses`: an address, or a range such as `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange(IpNet);

impl AddressRange {
    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether every address of `other` is in it.
    pub fn covers(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl FromStr for AddressRange {
    type Err = ipnet::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Self(address.into())),
            Err(_) => text.parse().map(Self),
        }
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.0.to_string()
    }
}

impl TryFrom<String> for AddressRange {
    type Error = ipnet::AddrParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_an_origin_with_or_without_methods() {
        for text in [
            "https://api.example.org",
            "GET,POST http://*.example.org:8080",
            "http://*",
            "https://[::1]:8443",
            "http://127.0.0.1:1",
            "DELETE https://a_b-c.d",
        ] {
            let parsed: Destination = text.parse().unwrap();
            assert_eq!(parsed.to_string(), text);
        }
        for text in [
            "",
            "api.example.org",
            "ftp://a",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://*a",
            "https://a.*",
            "https://*.",
            "https://a:0",
            "https://a:65536",
            "get https://a",
            "GET, POST https://a",
            "GET  https://a",
            " https://a:",
            "https://[::1",
        ] {
            assert_eq!(text.parse::<Destination>(), Err(NotADestination), "{text}");
        }
    }

    #[test]
    fn a_request_must_fit_in_every_part() {
        let check = |rule: &str, method: &str, scheme: &str, host: &str, port: u16| {
            let rule: Destination = rule.parse().unwrap();
            rule.allows(method, scheme == "https", &normal_host(host), port)
        };
        let below = "GET https://*.Example.org";
        assert!(check(below, "GET", "https", "a.example.org", 443));
        assert!(check(below, "GET", "https", "A.B.EXAMPLE.ORG.", 443));
        assert!(!check(below, "GET", "https", "example.org", 443));
        assert!(!check(below, "GET", "https", ".example.org.evil", 443));
        assert!(!check(below, "GET", "https", "evilexample.org", 443));
        assert!(!check(below, "POST", "https", "a.example.org", 443));
        assert!(!check(below, "GET", "http", "a.example.org", 443));
        assert!(!check(below, "GET", "https", "a.example.org", 8443));
        assert!(check("http://[0:0::1]", "PUT", "http", "[::1]", 80));
        assert!(check("http://*:81", "PUT", "http", "anything", 81));
    }

    #[test]
    fn what_covers_another_allows_all_of_it() {
        let check = |one: &str, other: &str, expected: bool| {
            let [one, other] = [one, other].map(|text| text.parse::<Destination>().unwrap());
            assert_eq!(one.covers(&other), expected, "{one} {other}");
        };
        check("https://*.a.org", "GET https://x.a.org", true);
        check("https://*.a.org", "https://*.b.a.org", true);
        check("https://*.b.a.org", "https://*.a.org", false);
        check("https://*.a.org", "https://a.org", false);
        check("https://a.org", "https://*", false);
        check("https://*", "https://*.a.org", true);
        check("GET,PUT https://a.org", "PUT https://a.org", true);
        check("GET https://a.org", "https://a.org", false);
        check("https://a.org", "http://a.org:443", false);
        check("https://a.org", "https://a.org:8443", false);
        let range = |text: &str| text.parse::<AddressRange>().unwrap();
        assert!(range("10.0.0.0/8").covers(range("10.1.0.0/16")));
        assert!(!range("10.1.0.0/16").covers(range("10.0.0.0/8")));
    }

    #[test]
    fn a_range_is_an_address_or_has_a_length() {
        let range = |text: &str| text.parse::<AddressRange>();
        assert!(
            range("10.1.0.0/16")
                .unwrap()
                .contains("10.1.2.3".parse().unwrap())
        );
        assert!(
            !range("127.0.0.1")
                .unwrap()
                .contains("127.0.0.2".parse().unwrap())
        );
        assert!(
            range("fd00::/8")
                .unwrap()
                .contains("fd00::1".parse().unwrap())
        );
        assert!(range("localhost").is_err());
        assert!(range("10.0.0.0/33").is_err());
    }
}
