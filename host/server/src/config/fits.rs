//! What the texts of the configuration look like: hosts, listeners, paths, addresses.
//!
//! It owns these forms. It never knows which key has which.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;

use super::admin::AdminListen;
use super::listener::{Listener, parse_host};

pub(super) fn is_empty_or_url(text: &str) -> bool {
    text.is_empty() || text.parse().is_ok_and(|uri| is_safe(&uri))
}

/// Whether what is said there can't be read or changed on its way.
pub(crate) fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    }
}

/// RFC 6749, 3.3.
pub(super) fn is_scope(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(good)
}

pub(super) fn is_view_path(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
    text.is_empty() || (text.starts_with('/') && text.bytes().all(good))
}

/// What may stand before the name of a tool.
pub(super) fn is_prefix(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    text.len() <= 64 && text.bytes().all(good)
}

pub(super) fn is_given(text: &str) -> bool {
    !text.is_empty()
}

pub(super) fn is_host(text: &str) -> bool {
    text.is_empty() || parse_host(text).is_some()
}

pub(super) fn is_listener(text: &str) -> bool {
    text.parse::<Listener>().is_ok()
}

pub(super) fn is_admin_listener(text: &str) -> bool {
    text.parse::<AdminListen>().is_ok()
}

/// A path that a request line can hold as it is: no query, no escapes.
pub(super) fn is_endpoint(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 256
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte))
        && !["/health", "/metrics", "/live", "/ready"].contains(&text)
}

pub(super) fn is_origin(text: &str) -> bool {
    text == "*"
        || text.split_once("://").is_some_and(|(scheme, authority)| {
            !scheme.is_empty()
                && scheme
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
                && is_authority(authority)
        })
}

pub(super) fn is_host_pattern(text: &str) -> bool {
    text == "*" || is_authority(text)
}

/// A name, an IPv4 address or an IPv6 address in brackets, with or without a port.
pub(super) fn is_authority(text: &str) -> bool {
    let (host_fits, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address.parse::<Ipv6Addr>().is_ok(), rest),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let fits = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
            (fits, port)
        }
    };
    let port_fits = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
    };
    host_fits && port_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_only_from_where_nobody_can_change_them() {
        let check = |url: &str, expected: bool| {
            assert_eq!(is_safe(&url.parse().unwrap()), expected, "{url}");
        };
        check("https://a.example/x", true);
        check("http://a.example/x", false);
        check("http://127.0.0.1:1/x", true);
        check("http://[::1]:1/x", true);
        check("http://localhost/x", true);
        check("http://localhost.evil.example/x", false);
        check("/x", false);
    }

    fn check(fits: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(fits(text), "{text:?} is refused");
        }
        for text in bad {
            assert!(!fits(text), "{text:?} is taken");
        }
    }

    #[test]
    fn host_patterns_are_names_or_addresses_with_or_without_a_port() {
        check(
            is_host_pattern,
            &[
                "*",
                "mcp.example.com",
                "localhost:9999",
                "10.0.0.1",
                "[::1]",
                "[::1]:80",
                "a_b",
            ],
            &[
                "", ":80", "a:", "a:b", "a:65536", "a:+1", "http://a", "a/b", "[::1", "[x]",
                "[::1]80", "*.a", "a b",
            ],
        );
    }

    #[test]
    fn origins_have_a_scheme_and_no_path() {
        check(
            is_origin,
            &[
                "*",
                "https://app.example.com",
                "http://localhost:3000",
                "vscode-webview://abc",
                "http://[::1]:80",
            ],
            &[
                "",
                "app.example.com",
                "://a",
                "https://",
                "https://a/",
                "https://a?b",
                "null",
            ],
        );
    }

    #[test]
    fn the_endpoint_is_a_plain_path_that_nothing_else_uses() {
        check(
            is_endpoint,
            &["/", "/mcp", "/a/b-c_d.e~f"],
            &[
                "", "mcp", "/health", "/metrics", "/live", "/ready", "/a?b", "/a#b", "/a b",
                "/%41", "/ä",
            ],
        );
        assert!(is_endpoint(&format!("/{}", "a".repeat(255))));
        assert!(!is_endpoint(&format!("/{}", "a".repeat(256))));
    }
}
