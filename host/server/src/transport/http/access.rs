//! Which pages and names a request may come by: `Origin` and `Host`.
//!
//! It owns the defence against DNS rebinding and hostile pages. It never
//! authenticates anybody.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{Request, Uri};

use crate::config::Http;

/// In a list of what is allowed: everything.
const ANY: &str = "*";

/// Checks `Origin` and `Host` of a request that came in at `local`.
///
/// # Errors
/// Why the request is refused, and which key allows it.
pub(super) fn check<B>(
    settings: &Http,
    request: &Request<B>,
    local: SocketAddr,
) -> Result<(), String> {
    if let Some(origin) = request.headers().get(ORIGIN) {
        let origin = origin.to_str().unwrap_or("?");
        if !origin_allowed(&settings.allowed_origins, origin) {
            return Err(format!(
                "origin `{origin}` is not allowed; add it to `http.allowed_origins`"
            ));
        }
    }
    let Some(host) = host_of(request) else {
        return Err("the request names no host it can be checked by".to_owned());
    };
    if !host_allowed(&settings.allowed_hosts, &host, local) {
        return Err(format!(
            "host `{host}` is not allowed; add it to `http.allowed_hosts`"
        ));
    }
    Ok(())
}

/// Which host a request is for, if it says so once. HTTP/2 has the authority in the URI, HTTP/1.1 in a header.
pub(crate) fn host_of<B>(request: &Request<B>) -> Option<Authority> {
    match request.uri().authority() {
        Some(authority) => Some(authority.clone()),
        None => {
            let mut values = request.headers().get_all(HOST).iter();
            let value = values.next()?;
            if values.next().is_some() {
                return None;
            }
            Authority::try_from(value.as_bytes()).ok()
        }
    }
}

fn origin_allowed(allowed: &[String], origin: &str) -> bool {
    if (allowed.iter()).any(|one| one == ANY || one.eq_ignore_ascii_case(origin)) {
        return true;
    }
    // Pages of this machine, on any port, are the default.
    allowed.is_empty()
        && origin
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.host().map(is_loopback_name))
            .unwrap_or(false)
}

/// Whether a request that came in at `local` may be for this host.
pub(crate) fn host_allowed(allowed: &[String], host: &Authority, local: SocketAddr) -> bool {
    if allowed.is_empty() {
        return !local.ip().is_loopback() || is_loopback_name(host.host());
    }
    // A pattern with a port is for that port, and one without for any.
    allowed.iter().any(|one| {
        one == ANY
            || one.eq_ignore_ascii_case(host.host())
            || one.eq_ignore_ascii_case(host.as_str())
    })
}

fn is_loopback_name(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(headers: &[(&str, &str)], allowed: &[&str], local: &str) -> bool {
        let mut request = Request::builder().uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut settings = crate::config::Config::default().http;
        settings.allowed_hosts = allowed.iter().map(|&one| one.to_owned()).collect();
        check(
            &settings,
            &request.body(()).unwrap(),
            local.parse().unwrap(),
        )
        .is_ok()
    }

    #[test]
    fn a_loopback_listener_takes_loopback_names_alone() {
        let local = "127.0.0.1:9999";
        assert!(check_one(&[("host", "localhost:9999")], &[], local));
        assert!(check_one(&[("host", "127.0.0.1:9999")], &[], local));
        assert!(check_one(&[("host", "[::1]:9999")], &[], local));
        assert!(!check_one(&[("host", "evil.example:9999")], &[], local));
        assert!(!check_one(
            &[("host", "127.0.0.1.evil.example")],
            &[],
            local
        ));
        assert!(!check_one(&[], &[], local));
        assert!(!check_one(
            &[("host", "localhost"), ("host", "localhost")],
            &[],
            local
        ));
    }

    #[test]
    fn named_hosts_take_the_place_of_the_default() {
        let local = "10.0.0.1:80";
        assert!(check_one(&[("host", "any.example")], &[], local));
        assert!(check_one(
            &[("host", "A.example:80")],
            &["a.example"],
            local
        ));
        assert!(!check_one(&[("host", "b.example")], &["a.example"], local));
        assert!(check_one(&[("host", "b.example")], &["*"], local));
        let with_port = ["a.example:80"];
        assert!(check_one(&[("host", "a.example:80")], &with_port, local));
        assert!(!check_one(&[("host", "a.example:81")], &with_port, local));
    }

    #[test]
    fn pages_of_other_places_are_refused() {
        let local = "127.0.0.1:9999";
        let from = |origin| check_one(&[("host", "localhost"), ("origin", origin)], &[], local);
        assert!(from("http://localhost:3000"));
        assert!(from("http://[::1]:3000"));
        assert!(!from("https://evil.example"));
        assert!(!from("http://localhost.evil.example"));
        assert!(!from("null"));
    }
}
