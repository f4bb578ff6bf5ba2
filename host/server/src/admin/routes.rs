//! Requests to the operator's interface, sorted by path and method.
//!
//! It owns the paths, and that nothing is answered to whoever may not ask. What each
//! path says is in the modules beside it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use serde::de::DeserializeOwned;

use super::access;
use super::orders::{self, Order, Pin, Rollback, Who};
use super::problem::Problem;
use super::{Admin, answer, events, lists, pages, settings};
use crate::transport::http::response::{self, HttpResponse};
use crate::{control, health, metrics};

/// The largest body.
const BODY_MAX_BYTES: usize = 16 << 10;

/// How long one may take.
const BODY_TIME: Duration = Duration::from_secs(10);

/// What the API begins with.
const API: &str = "/admin/v1/";

/// What is asked of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Status,
    Metrics,
    Snapshot,
    Events,
    Sessions,
    Tasks,
    Config,
    Order(Order),
    LogLevel,
    Rollback(String),
    Pin(String),
    Login,
    Logout,
}

/// Answers a request of `peer`.
pub(super) async fn answer(
    admin: &Arc<Admin>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> HttpResponse {
    let answered = handle(admin, request, peer).await;
    answer::guarded(answered.unwrap_or_else(|problem| {
        if problem == Problem::Wrong {
            note_stranger(admin, peer);
        }
        answer::refused(&problem)
    }))
}

/// A flood of wrong tokens must not become one of lines in the log.
fn note_stranger(admin: &Admin, peer: SocketAddr) {
    let times = admin.strangers.fetch_add(1, Ordering::Relaxed) + 1;
    if times.is_power_of_two() {
        tracing::warn!(%peer, times, "admin: a wrong token was shown");
    }
}

async fn handle(
    admin: &Arc<Admin>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<HttpResponse, Problem> {
    let allowed_hosts = &admin.host.config.admin.allowed_hosts;
    access::check_place(&request, admin.local, allowed_hosts)?;
    if let Some(answered) = page(request.method(), request.uri().path()) {
        return answered;
    }
    let asked = sort(request.method(), request.uri().path());
    if matches!(asked, Ok(Asked::Login)) {
        return login(admin, request, peer).await;
    }
    // Whoever has no token isn't told which paths there are either.
    let way = access::check_token(&request, &admin.token, admin.local)?;
    let (host, who) = (&admin.host, Who { way, peer });
    match asked? {
        Asked::Status => answer::json(&health::report(host, Instant::now())),
        Asked::Metrics => {
            let figures =
                metrics::render(host).map_err(|error| Problem::Failed(error.to_string()))?;
            Ok(response::text(metrics::CONTENT_TYPE, figures))
        }
        Asked::Snapshot => answer::json(&admin.pulse.whole(host)),
        Asked::Events => events::open(admin),
        Asked::Sessions => answer::json(&lists::sessions(host)),
        Asked::Tasks => answer::json(&lists::tasks(host).await?),
        Asked::Config => answer::json(&settings::shown(&host.live())?),
        Asked::Order(order) => answer::json(&orders::give(admin, order, who).await?),
        Asked::LogLevel => {
            let order = Order::LogLevel(body(request).await?);
            answer::json(&orders::give(admin, order, who).await?)
        }
        Asked::Rollback(plugin) => {
            let order = optional_body::<Rollback>(request).await?.of(plugin);
            answer::json(&orders::give(admin, order, who).await?)
        }
        Asked::Pin(plugin) => {
            let order = optional_body::<Pin>(request).await?.of(plugin);
            answer::json(&orders::give(admin, order, who).await?)
        }
        Asked::Login | Asked::Logout => logout(admin),
    }
}

/// A file of the page, which anybody may have: it shows nothing by itself.
fn page(method: &Method, path: &str) -> Option<Result<HttpResponse, Problem>> {
    let found = match path {
        "/" => answer::elsewhere(pages::DASHBOARD),
        _ => {
            let (kind, text) = pages::at(path)?;
            response::text(kind, text.to_owned())
        }
    };
    let taken = matches!(*method, Method::GET | Method::HEAD);
    Some(match taken {
        true => Ok(found),
        false => Err(Problem::Method(GET.0)),
    })
}

/// Methods that only look, and how they are told.
const GET: (&str, &[Method]) = ("GET, HEAD", &[Method::GET, Method::HEAD]);
/// The same of those that change something.
const POST: (&str, &[Method]) = ("POST", &[Method::POST]);

/// Which of the API's paths it is, and whether it takes the method.
fn sort(method: &Method, path: &str) -> Result<Asked, Problem> {
    let nothing = || Problem::Path(path.to_owned());
    let rest = match path {
        // Where whoever reads such figures looks first.
        "/metrics" => "metrics",
        _ => path.strip_prefix(API).ok_or_else(nothing)?,
    };
    let segments: Option<Vec<String>> = rest.split('/').map(decoded).collect();
    let segments = segments.ok_or_else(nothing)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ((shown, methods), asked) = match segments.as_slice() {
        ["status"] => (GET, Asked::Status),
        ["metrics"] => (GET, Asked::Metrics),
        ["snapshot"] => (GET, Asked::Snapshot),
        ["events"] => (GET, Asked::Events),
        ["sessions"] => (GET, Asked::Sessions),
        ["tasks"] => (GET, Asked::Tasks),
        ["config"] => (GET, Asked::Config),
        ["drain"] => (POST, Asked::Order(Order::Drain(true))),
        ["resume"] => (POST, Asked::Order(Order::Drain(false))),
        ["log-level"] => (POST, Asked::LogLevel),
        ["breakers", plugin, handler, "reset"] => {
            let (plugin, handler) = ((*plugin).to_owned(), (*handler).to_owned());
            let reset = control::Order::ResetBreaker { plugin, handler };
            (POST, Asked::Order(Order::Plugin(reset)))
        }
        ["plugins", "reload"] => {
            let reload = control::Order::Reload { plugin: None };
            (POST, Asked::Order(Order::Plugin(reload)))
        }
        ["plugins", plugin, "rollback"] => (POST, Asked::Rollback((*plugin).to_owned())),
        ["plugins", plugin, "pin"] => (POST, Asked::Pin((*plugin).to_owned())),
        ["plugins", plugin, action] => {
            let order = orders::about(plugin, action).ok_or_else(nothing)?;
            (POST, Asked::Order(order))
        }
        ["login"] => (POST, Asked::Login),
        ["logout"] => (POST, Asked::Logout),
        _ => return Err(nothing()),
    };
    match methods.contains(method) {
        true => Ok(asked),
        false => Err(Problem::Method(shown)),
    }
}

/// A segment of a path without its escapes; none if they stand for no text.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// Gives a browser the cookie for the token that it shows.
async fn login(
    admin: &Admin,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<HttpResponse, Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Login {
        token: String,
    }
    let Login { token } = body(request).await?;
    if !admin.token.is(token.trim()) {
        return Err(Problem::Wrong);
    }
    tracing::info!(%peer, "admin: somebody has opened the dashboard");
    answer::with_cookie(&cookie(admin, admin.token.cookie(), ""))
}

fn logout(admin: &Admin) -> Result<HttpResponse, Problem> {
    answer::with_cookie(&cookie(admin, "", "; Max-Age=0"))
}

fn cookie(admin: &Admin, value: &str, more: &str) -> String {
    let name = access::cookie_name(admin.local);
    let secure = if admin.encrypted { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}")
}

/// The body of a request that need not have one.
async fn optional_body<T: DeserializeOwned + Default>(
    request: Request<Incoming>,
) -> Result<T, Problem> {
    match request.body().is_end_stream() {
        true => Ok(T::default()),
        false => Ok(body::<Option<T>>(request).await?.unwrap_or_default()),
    }
}

/// The body of a request, which is JSON: no form of another page can send that.
async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Problem> {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::Body(
            "its Content-Type must be application/json".to_owned(),
        ));
    }
    let bytes = bytes(request.into_body()).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::Body(error.to_string()))
}

async fn bytes(body: Incoming) -> Result<Bytes, Problem> {
    let collecting = Limited::new(body, BODY_MAX_BYTES).collect();
    match tokio::time::timeout(BODY_TIME, collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::TooLarge(BODY_MAX_BYTES)),
        Ok(Err(error)) => Err(Problem::Body(error.to_string())),
        Err(_elapsed) => Err(Problem::TooSlow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_or_refused() {
        for (segment, expected) in [
            ("flip", Some("flip")),
            ("prompt%20greet", Some("prompt greet")),
            ("note%3A%2F%2Fa%2fb", Some("note://a/b")),
            ("%C3%A9", Some("é")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%ff", None),
            ("", Some("")),
        ] {
            assert_eq!(decoded(segment).as_deref(), expected, "{segment}");
        }
    }

    #[test]
    fn a_path_takes_its_methods() {
        let check = |method: &str, path: &str, expected: Result<Asked, Problem>| {
            let sorted = sort(&method.parse().unwrap(), path);
            assert_eq!(sorted, expected, "{method} {path}");
        };
        let nothing = |path: &str| Err(Problem::Path(path.to_owned()));
        check("GET", "/admin/v1/status", Ok(Asked::Status));
        check(
            "POST",
            "/admin/v1/status",
            Err(Problem::Method("GET, HEAD")),
        );
        check("GET", "/admin/v1/login", Err(Problem::Method("POST")));
        for path in [
            "/",
            "/admin/v1",
            "/admin/v1/",
            "/admin/v1/x",
            "/admin/v1/status/",
        ] {
            check("GET", path, nothing(path));
        }
    }
}
