//! Streamable HTTP: requests sorted by path and method, whichever version of HTTP
//! they came by.
//!
//! It owns the HTTP side of MCP: paths, headers, statuses, bodies. It never
//! looks into a method's params.

mod accepted;
pub(crate) mod access;
mod body;
mod connection;
mod credentials;
mod full;
mod get;
mod held;
mod legacy_sse;
mod post;
pub(crate) mod response;
mod resume;
mod sse;
mod tail;
pub(crate) mod watch;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fusebox_protocol::{Era, RpcError};
use futures_util::future::Either;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::audit::{Asked, Refused, Sender, Why};
use crate::auth::{Audience, Denied, METADATA_PATH};
use crate::catalogue::ViewName;
use crate::health;
use crate::host::Host;
use crate::metrics;
use crate::origin::Origin;
use crate::rates::TooFast;
use crate::reply::Reply;
use body::RequestBody;
pub use connection::serve;
use held::Held;
pub(super) use response::HttpResponse;
use response::{json, refused};

/// How a client beyond `max_connections` is served: long enough for one probe.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// Answers the one request of a connection for which there is no room: probes as
/// always, so that whoever watches a full host doesn't take it for dead, and all
/// else with 503.
pub(super) async fn serve_probe(host: Arc<Host>, stream: TcpStream, local: SocketAddr) {
    let service = service_fn(move |request: Request<Incoming>| {
        let host = host.clone();
        async move {
            let allowed = access::check(&host.live().http, &request, local).is_ok();
            let probe = allowed
                .then(|| probe_answer(&host, &request, local, &Origin::default()))
                .flatten();
            let response = probe.unwrap_or_else(|| response::reply(full::no_connection(&host)));
            let response = response::closing(response);
            Ok::<_, Infallible>(response.map(|body| Held::new(body, None, None)))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever doesn't ask in time has lost only the answer.
    let _ = timeout(PROBE_TIME, connection).await;
}

/// Answers a request that came in at `local`, by the connection `origin`.
// Not `async`: such a function keeps room for all it is given, for as long as it
// waits.
pub(super) fn answer<'a, B: RequestBody>(
    host: &'a Arc<Host>,
    request: Request<B>,
    local: SocketAddr,
    origin: &'a Origin,
) -> impl Future<Output = HttpResponse> + Send + use<'a, B> {
    origin.speaks(request.version());
    if host.auth.is_on() && needs_issuer(host, &request) {
        return Either::Left(Box::pin(async move {
            match host.auth.ask_issuer().await {
                Ok(()) => answer_now(host, request, local, origin).await,
                Err(denied) => {
                    let audience = Audience::default();
                    let why = denied.into();
                    turned_away(
                        host,
                        request.headers(),
                        origin,
                        &TurnedAway { audience, why },
                    )
                }
            }
        }));
    }
    Either::Right(answer_now(host, request, local, origin))
}

/// Counts a panic of the host's own while it answered a request, and gives what its
/// client gets.
pub(super) fn failed(host: &Host) -> HttpResponse {
    host.parts.contained();
    let words = "the host itself failed in this request; its log says why";
    let error = RpcError::internal(words);
    let mut reply = Reply::error(None, &error, Era::Legacy);
    reply.status = 500;
    response::reply(reply)
}

/// The same, once all is known that it takes to know its caller.
fn answer_now<'a, B: RequestBody>(
    host: &'a Arc<Host>,
    request: Request<B>,
    local: SocketAddr,
    origin: &'a Origin,
) -> impl Future<Output = HttpResponse> + Send + use<'a, B> {
    let sorted = match sort(host, &request, local, origin) {
        Sorted::Answered(response) => Err(response),
        Sorted::Message(audience) => {
            let (parts, body) = request.into_parts();
            Ok(Either::Left((parts.headers, body, audience)))
        }
        Sorted::LegacyMessage(audience) => Ok(Either::Right(Box::pin(legacy_sse::take(
            host, request, audience,
        )))),
    };
    async move {
        match sorted {
            Err(response) => response,
            Ok(Either::Left((headers, body, audience))) => {
                post::serve(host, headers, body, &audience, origin).await
            }
            Ok(Either::Right(taken)) => taken.await,
        }
    }
}

/// What a request is.
enum Sorted {
    /// one that has its answer
    Answered(HttpResponse),
    /// one with a message for what its sender is shown here
    Message(Audience),
    /// one with a message of a client of HTTP+SSE
    LegacyMessage(Audience),
}

/// Whether the issuer of the token in a request has to be asked first.
fn needs_issuer<B>(host: &Host, request: &Request<B>) -> bool {
    credentials::shown(request.headers())
        .is_ok_and(|shown| shown.is_some_and(|shown| host.auth.needs_issuer(shown)))
}

fn sort<B>(host: &Arc<Host>, request: &Request<B>, local: SocketAddr, origin: &Origin) -> Sorted {
    let allowed = access::check(&host.live().http, request, local);
    if let Err(reason) = allowed {
        return Sorted::Answered(refused(StatusCode::FORBIDDEN, &reason));
    }
    let path = request.uri().path();
    if path == host.config.http.path {
        return endpoint(host, request, None, origin);
    }
    if let Some(view) = host.view_at(path) {
        return endpoint(host, request, Some(view), origin);
    }
    let sse_path = &host.config.http.sse_path;
    if !sse_path.is_empty() {
        if path == sse_path {
            return Sorted::Answered(match *request.method() {
                Method::GET => match admit(host, request, None, origin) {
                    Ok(audience) => legacy_sse::open(host, audience, origin),
                    Err(away) => turned_away(host, request.headers(), origin, &away),
                },
                _ => not_allowed("GET"),
            });
        }
        if path == host.config.http.messages_path {
            return match *request.method() {
                Method::POST => match admit(host, request, None, origin) {
                    Ok(audience) => Sorted::LegacyMessage(audience),
                    Err(away) => {
                        Sorted::Answered(turned_away(host, request.headers(), origin, &away))
                    }
                },
                _ => Sorted::Answered(not_allowed("POST")),
            };
        }
    }
    Sorted::Answered(
        probe_answer(host, request, local, origin).unwrap_or_else(|| {
            refused(
                StatusCode::NOT_FOUND,
                &format!("nothing here; MCP is served at {}", host.config.http.path),
            )
        }),
    )
}

fn endpoint<B>(host: &Arc<Host>, request: &Request<B>, view: ViewName, origin: &Origin) -> Sorted {
    let audience = match admit(host, request, view, origin) {
        Ok(audience) => audience,
        Err(away) => {
            return Sorted::Answered(turned_away(host, request.headers(), origin, &away));
        }
    };
    Sorted::Answered(match *request.method() {
        Method::POST => return Sorted::Message(audience),
        Method::GET => get::open_stream(host, request.headers(), &audience),
        Method::DELETE => get::close_session(host, request.headers(), &audience),
        _ => not_allowed("POST, GET, DELETE"),
    })
}

/// A request that goes no further: whose it is, as far as that is known, and why.
struct TurnedAway {
    audience: Audience,
    why: WhyNot,
}

enum WhyNot {
    Denied(Denied),
    TooFast(TooFast),
}

impl From<Denied> for WhyNot {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<TooFast> for WhyNot {
    fn from(too_fast: TooFast) -> Self {
        Self::TooFast(too_fast)
    }
}

fn turned_away(
    host: &Host,
    headers: &HeaderMap,
    origin: &Origin,
    TurnedAway { audience, why }: &TurnedAway,
) -> HttpResponse {
    let audited = |why: Why<'_>| {
        let sender = Sender {
            audience,
            origin,
            session: None,
        };
        let asked = Asked::Headers(headers);
        if let Some(audit) = &host.audit {
            audit.refused(&Refused { sender, asked, why });
        }
    };
    match why {
        WhyNot::Denied(denied) => {
            audited(Why::Denied(denied));
            credentials::challenge(host, denied)
        }
        WhyNot::TooFast(too_fast) => {
            host.meters.error(Instant::now());
            let refusal = too_fast.refusal(None, None);
            audited(Why::Error(&refusal));
            response::reply(Reply::error(None, &refusal, Era::Legacy))
        }
    }
}

/// Who asks for a view, if they may.
fn admit<B>(
    host: &Host,
    request: &Request<B>,
    view: ViewName,
    origin: &Origin,
) -> Result<Audience, TurnedAway> {
    let mut audience = Audience::new(view, None);
    match enter(host, request, &mut audience, origin) {
        Ok(()) => Ok(audience),
        Err(why) => Err(TurnedAway { audience, why }),
    }
}

/// Lets somebody in, and says who it is as soon as that is known.
fn enter<B>(
    host: &Host,
    request: &Request<B>,
    audience: &mut Audience,
    origin: &Origin,
) -> Result<(), WhyNot> {
    // Before anything is looked at: who guesses keys is slowed down, too.
    host.rates.address(origin.address())?;
    audience.who = credentials::who(host, request.headers(), origin)?;
    if let Some(who) = &audience.who {
        host.rates.caller(who.subject())?;
    }
    host.check_entry(audience)?;
    Ok(())
}

/// The answer to whoever asks how the host is; none at another path.
fn probe_answer<B>(
    host: &Host,
    request: &Request<B>,
    local: SocketAddr,
    origin: &Origin,
) -> Option<HttpResponse> {
    let answer = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/health") => {
            health_answer(host, may_see_all(host, request, local, origin).is_ok())
        }
        (&Method::GET | &Method::HEAD, "/metrics") => {
            metrics_answer(host, may_see_all(host, request, local, origin))
        }
        (&Method::GET | &Method::HEAD, "/live") => probe(true),
        (&Method::GET | &Method::HEAD, "/ready") => {
            probe(!host.is_refusing() && !host.is_draining())
        }
        (_, "/health" | "/metrics" | "/live" | "/ready") => not_allowed("GET, HEAD"),
        (&Method::GET, path) if path.starts_with(METADATA_PATH) => {
            let (url, document) = host.auth.metadata()?;
            // At the root as well, where clients look that don't know the path.
            if path != METADATA_PATH && !url.ends_with(path) {
                return None;
            }
            json(StatusCode::OK, document)
        }
        _ => return None,
    };
    Some(answer)
}

/// Why somebody isn't told how the host is.
enum NotTold {
    /// nobody is asked who they are, and this one is on another machine
    Stranger,
    /// who it is doesn't see that
    Denied(Denied),
}

/// Who is told all of `/health` and `/metrics`: those whose role says so, and where
/// nobody is asked whoever is on this machine.
fn may_see_all<B>(
    host: &Host,
    request: &Request<B>,
    local: SocketAddr,
    origin: &Origin,
) -> Result<(), NotTold> {
    match credentials::who(host, request.headers(), origin) {
        Ok(Some(who)) if who.sees_health() => Ok(()),
        Ok(Some(who)) => {
            let role = who.role().map_or("", AsRef::as_ref);
            Err(NotTold::Denied(Denied::Entry(role.to_owned())))
        }
        Ok(None) if local.ip().is_loopback() => Ok(()),
        Ok(None) => Err(NotTold::Stranger),
        Err(denied) => Err(NotTold::Denied(denied)),
    }
}

fn metrics_answer(host: &Host, told: Result<(), NotTold>) -> HttpResponse {
    match told {
        Ok(()) => match metrics::render(host) {
            Ok(figures) => response::text(metrics::CONTENT_TYPE, figures),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        Err(NotTold::Denied(denied)) => credentials::challenge(host, &denied),
        Err(NotTold::Stranger) => refused(
            StatusCode::FORBIDDEN,
            "the figures are for whoever is on this machine, or has a role with `health = true`",
        ),
    }
}

fn health_answer(host: &Host, whole: bool) -> HttpResponse {
    let report = health::report(host, Instant::now());
    let told = match whole {
        true => serde_json::to_vec(&report),
        false => serde_json::to_vec(&health::Brief::of(&report)),
    };
    let status = if report.is_serving() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match told {
        Ok(body) => json(status, body),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn probe(good: bool) -> HttpResponse {
    if good {
        json(StatusCode::OK, br#"{"status":"ok"}"#.to_vec())
    } else {
        json(
            StatusCode::SERVICE_UNAVAILABLE,
            br#"{"status":"stopping"}"#.to_vec(),
        )
    }
}

fn not_allowed(methods: &'static str) -> HttpResponse {
    let mut response = refused(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("this path takes {methods}"),
    );
    let value = http::HeaderValue::from_static(methods);
    response.headers_mut().insert(http::header::ALLOW, value);
    response
}
