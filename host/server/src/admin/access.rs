//! Who may use the operator's interface: which pages, by which name, with which token.
//!
//! It owns the defence against hostile pages and against those who have no token. It
//! never looks at what is asked for.

use std::net::SocketAddr;

use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Method, Request};

use super::problem::Problem;
use super::token::Token;
use crate::transport::http::access::{host_allowed, host_of};

/// Where a browser says that a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How somebody has shown that they are the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// a program, with the token
    Token,
    /// the page, with the cookie
    Page,
}

impl Way {
    /// For the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Page => "dashboard",
        }
    }
}

/// The name of the cookie: cookies belong to a host whatever its port, and there may
/// be several interfaces on one machine.
pub(super) fn cookie_name(local: SocketAddr) -> String {
    format!("fusebox-admin-{}", local.port())
}

/// Checks the name that a request calls the interface by, and the page that it comes
/// from, if any.
///
/// # Errors
/// Why it is refused.
pub(super) fn check_place<B>(
    request: &Request<B>,
    local: SocketAddr,
    allowed_hosts: &[String],
) -> Result<(), Problem> {
    let host = host_of(request).ok_or_else(|| Problem::Host("?".to_owned()))?;
    if !host_allowed(allowed_hosts, &host, local) {
        return Err(Problem::Host(host.to_string()));
    }
    match request.headers().get(ORIGIN) {
        None => Ok(()),
        Some(origin) => {
            let origin = origin.to_str().unwrap_or("?");
            match is_own(origin, &host) {
                true => Ok(()),
                false => Err(Problem::Origin(origin.to_owned())),
            }
        }
    }
}

/// Whether a page is one of this interface's own.
fn is_own(origin: &str, host: &Authority) -> bool {
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
}

/// How a request shows that it is the operator's.
///
/// # Errors
/// If it doesn't.
pub(super) fn check_token<B>(
    request: &Request<B>,
    token: &Token,
    local: SocketAddr,
) -> Result<Way, Problem> {
    let headers = request.headers();
    if let Some(shown) = headers.get(AUTHORIZATION) {
        let shown = shown.to_str().ok().and_then(bearer);
        return match shown.is_some_and(|shown| token.is(shown)) {
            true => Ok(Way::Token),
            false => Err(Problem::Wrong),
        };
    }
    let cookie = cookie(headers, &cookie_name(local)).ok_or(Problem::Missing)?;
    if !token.is_cookie(cookie) {
        return Err(Problem::Wrong);
    }
    check_page(request)?;
    Ok(Way::Page)
}

/// A browser sends a cookie along for whoever makes it ask. Pages of other ports of
/// the same machine count as the same site, so that the cookie's own `SameSite` does
/// not keep them out.
fn check_page<B>(request: &Request<B>) -> Result<(), Problem> {
    let headers = request.headers();
    let site = headers
        .get(FETCH_SITE)
        .map(|site| site.to_str().unwrap_or("?"));
    if let Some(site) = site.filter(|site| !["same-origin", "none"].contains(site)) {
        return Err(Problem::Origin(site.to_owned()));
    }
    // Its value was checked with the place.
    let may_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    if may_change && !headers.contains_key(ORIGIN) {
        return Err(Problem::Origin("?".to_owned()));
    }
    Ok(())
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, shown) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| shown.trim_start())
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "127.0.0.1:9990";

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_place_is_refused_for_its_name_or_its_page() {
        let check = |headers: &[(&str, &str)], expected: Result<(), Problem>| {
            let asked = request("GET", headers);
            let place = check_place(&asked, LOCAL.parse().unwrap(), &[]);
            assert_eq!(place, expected, "{headers:?}");
        };
        let host = |name: &str| Err(Problem::Host(name.to_owned()));
        let origin = |name: &str| Err(Problem::Origin(name.to_owned()));
        check(&[("host", "localhost:9990")], Ok(()));
        check(&[("host", "evil.example:9990")], host("evil.example:9990"));
        check(&[], host("?"));
        let at = ("host", "127.0.0.1:9990");
        check(&[at, ("origin", "http://127.0.0.1:9990")], Ok(()));
        for foreign in [
            "http://127.0.0.1:3000",
            "http://localhost:9990",
            "https://evil.example",
            "null",
            "127.0.0.1:9990",
        ] {
            check(&[at, ("origin", foreign)], origin(foreign));
        }
    }

    #[test]
    fn a_token_or_the_cookie_of_the_own_page_lets_in() {
        let token = Token::draw().unwrap();
        let local: SocketAddr = LOCAL.parse().unwrap();
        let check = |method: &str, headers: &[(&str, &str)], expected: Result<Way, Problem>| {
            let way = check_token(&request(method, headers), &token, local);
            assert_eq!(way, expected, "{method} {headers:?}");
        };
        check("GET", &[], Err(Problem::Missing));
        check("GET", &[("authorization", "Bearer x")], Err(Problem::Wrong));
        check("GET", &[("authorization", "Basic x")], Err(Problem::Wrong));
        let kept = format!("a=b; {}={}", cookie_name(local), token.cookie());
        let kept = ("cookie", &*kept);
        check("GET", &[kept], Ok(Way::Page));
        let own = ("sec-fetch-site", "same-origin");
        check("GET", &[kept, own], Ok(Way::Page));
        let other = Err(Problem::Origin("same-site".to_owned()));
        check("GET", &[kept, ("sec-fetch-site", "same-site")], other);
        let unknown = Err(Problem::Origin("?".to_owned()));
        check("POST", &[kept], unknown);
        let origin = ("origin", "http://127.0.0.1:9990");
        check("POST", &[kept, origin], Ok(Way::Page));
        let wrong = format!("{}=x", cookie_name(local));
        check("GET", &[("cookie", &wrong)], Err(Problem::Wrong));
        let of_another = format!("fusebox-admin-1={}", token.cookie());
        check("GET", &[("cookie", &of_another)], Err(Problem::Missing));
    }
}
