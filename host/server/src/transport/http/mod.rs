//! Streamable HTTP: one connection served by hyper, requests sorted by path and
//! method, whichever version of HTTP they came by.
//!
//! It owns the HTTP side of MCP: paths, headers, statuses, bodies. It never
//! looks into a method's params.

mod access;
mod body;
mod get;
mod legacy_sse;
mod post;
mod response;
mod resume;
mod sse;
mod watch;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use fusebox_protocol::{Era, Reason, RefusalData, RpcError};
use http::{Method, Request, StatusCode, Version};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use crate::catalogue::ViewName;
use crate::health;
use crate::host::Host;
use crate::origin::Origin;
use crate::refusal::millis_up;
use crate::reply::Reply;
use body::RequestBody;
pub(super) use response::HttpResponse;
use response::{json, refused};
use watch::{Activity, Held, Watched};

/// Headers that hyper takes with room on the stack; another number costs heap.
const HEADERS_OF_HYPER: usize = 100;

/// How a client beyond `max_connections` is served: long enough for one probe.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// Serves one connection to its end: HTTP/1.1 or HTTP/2, over TCP or TLS.
pub(super) async fn serve<S>(host: Arc<Host>, stream: S, local: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = watch::Limits::of(&host.config);
    let activity = Activity::new(Instant::now());
    let origin = Origin::default();
    let (serving, watching) = (host.clone(), activity.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (host, origin) = (serving.clone(), origin.clone());
        let open = watching.open(request.version() == Version::HTTP_2);
        request.extensions_mut().insert(origin.clone());
        // hyper keeps room for this future as long as the connection lives, also
        // while it is idle: on the heap it takes room only while it runs.
        let answer = Box::pin(async move {
            let response = sort(&host, request, local).await;
            response.map(|body| {
                let bytes = body.size_hint().exact().unwrap_or(0);
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                let undelivered = (bytes > 0).then(|| origin.deliver(bytes));
                Held::new(body, Some(open), undelivered)
            })
        });
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let watched = Watched {
        stream,
        activity: activity.clone(),
    };
    let builder = builder(&host.config.http);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(watched), service));
    // Of its own: the host's has a lock that all connections would share.
    let stopping = host.stopping.child_token();
    let mut asked_to_end = false;
    let mut alarm = pin!(sleep_until(
        (Instant::now() + host.config.http.header_timeout).into()
    ));
    loop {
        let event = poll_fn(|cx| {
            if let Poll::Ready(served) = connection.as_mut().poll(cx) {
                return Poll::Ready(Event::Served(served));
            }
            // An end that is due later than the alarm is looked at when that rings.
            if let Some((due, _)) = activity.due(&limits)
                && due < alarm.deadline().into_std()
            {
                alarm.as_mut().reset(due.into());
            }
            alarm.as_mut().poll(cx).map(|()| Event::Alarm)
        });
        tokio::select! {
            biased;
            event = event => match event {
                Event::Served(Ok(())) => return,
                Event::Served(Err(error)) => {
                    tracing::debug!(%error, "connection lost");
                    return;
                }
                Event::Alarm => match activity.look(&limits, Instant::now()) {
                    Ok(next) => {
                        let next = next.unwrap_or_else(|| Instant::now() + limits.longest());
                        alarm.as_mut().reset(next.into());
                    }
                    Err(why) => return end(&host, why),
                },
            },
            () = stopping.cancelled(), if !asked_to_end => {
                connection.as_mut().graceful_shutdown();
                asked_to_end = true;
            }
            () = host.stopped.cancelled(), if asked_to_end => return,
        }
    }
}

/// What happens on a connection next.
enum Event<E> {
    Served(Result<(), E>),
    Alarm,
}

fn end(host: &Host, why: watch::Ended) {
    match why {
        watch::Ended::SlowReader => {
            host.meters.slow_reader();
            tracing::warn!(
                write_timeout_ms = millis_up(host.config.socket.write_timeout),
                "connection ended: it does not read what it asked for"
            );
        }
        why => tracing::debug!(?why, "connection ended"),
    }
}

fn builder(settings: &crate::config::Http) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watch does it: hyper's would run while a connection is idle, too.
        .header_read_timeout(None)
        .max_buf_size(settings.head_max_bytes as usize)
        .pipeline_flush(true);
    if settings.head_max_fields != HEADERS_OF_HYPER {
        builder.http1().max_headers(settings.head_max_fields);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(settings.head_max_bytes)
        .keep_alive_interval(settings.http2_ping)
        .keep_alive_timeout(settings.http2_ping.unwrap_or(PROBE_TIME))
        .max_concurrent_streams(settings.http2_streams_max);
    builder
}

/// Answers the one request of a connection for which there is no room: probes as
/// always, so that whoever watches a full host doesn't take it for dead, and all
/// else with 503.
pub(super) async fn serve_probe(host: Arc<Host>, stream: TcpStream, local: SocketAddr) {
    let service = service_fn(move |request: Request<Incoming>| {
        let host = host.clone();
        async move {
            let allowed = access::check(&host.config.http, &request, local).is_ok();
            let probe = allowed.then(|| probe_answer(&host, &request)).flatten();
            let response = probe.unwrap_or_else(|| response::reply(too_many_connections()));
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

/// What a connection beyond `max_connections` is told.
fn too_many_connections() -> Reply {
    let data = RefusalData {
        retry_after_ms: Some(1000),
        ..RefusalData::default()
    };
    let error = RpcError::refusal(Reason::Overloaded, "too many connections", data);
    Reply::error(None, &error, Era::Legacy)
}

/// Answers a request that came in at `local`.
pub(super) async fn sort<B: RequestBody>(
    host: &Arc<Host>,
    request: Request<B>,
    local: SocketAddr,
) -> HttpResponse {
    if let Err(reason) = access::check(&host.config.http, &request, local) {
        return refused(StatusCode::FORBIDDEN, &reason);
    }
    let path = request.uri().path();
    if path == host.config.http.path {
        return endpoint(host, request, &None).await;
    }
    if let Some((_, view)) = host.view_paths.iter().find(|(at, _)| at == path) {
        return endpoint(host, request, &Some(view.clone())).await;
    }
    let sse_path = &host.config.http.sse_path;
    if !sse_path.is_empty() {
        if path == sse_path {
            return match *request.method() {
                Method::GET => legacy_sse::open(host),
                _ => not_allowed("GET"),
            };
        }
        if path == host.config.http.messages_path {
            return match *request.method() {
                Method::POST => legacy_sse::take(host, request).await,
                _ => not_allowed("POST"),
            };
        }
    }
    probe_answer(host, &request).unwrap_or_else(|| {
        refused(
            StatusCode::NOT_FOUND,
            &format!("nothing here; MCP is served at {}", host.config.http.path),
        )
    })
}

/// The answer to whoever asks how the host is; none at another path.
fn probe_answer<B>(host: &Host, request: &Request<B>) -> Option<HttpResponse> {
    let answer = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/health") => health_answer(host),
        (&Method::GET | &Method::HEAD, "/live") => probe(true),
        (&Method::GET | &Method::HEAD, "/ready") => probe(!host.is_stopping()),
        (_, "/health" | "/live" | "/ready") => not_allowed("GET, HEAD"),
        _ => return None,
    };
    Some(answer)
}

async fn endpoint<B: RequestBody>(
    host: &Arc<Host>,
    request: Request<B>,
    view: &ViewName,
) -> HttpResponse {
    match *request.method() {
        Method::POST => post::serve(host, request, view).await,
        Method::GET => get::open_stream(host, request.headers(), view),
        Method::DELETE => get::close_session(host, request.headers(), view),
        _ => not_allowed("POST, GET, DELETE"),
    }
}

fn health_answer(host: &Host) -> HttpResponse {
    let report = health::report(host, Instant::now());
    let status = if report.is_serving() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match serde_json::to_vec(&report) {
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
