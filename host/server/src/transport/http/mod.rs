//! Streamable HTTP: one connection served by hyper, requests sorted by path and
//! method.
//!
//! It owns the HTTP side of MCP: paths, headers, statuses, bodies. It never
//! looks into a method's params.

mod access;
mod get;
mod legacy_sse;
mod post;
mod response;
mod resume;
mod sse;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;

use crate::catalogue::ViewName;
use crate::health;
use crate::host::Host;
use response::{HttpResponse, json, refused};

/// Bytes of the request line and all headers together (HTTP/1.1).
const HEAD_MAX_BYTES: usize = 64 << 10;

/// Streams that one HTTP/2 connection may have open.
const HTTP2_STREAMS_MAX: u32 = 256;

/// Serves one connection to its end.
pub(super) async fn serve(host: Arc<Host>, stream: TcpStream, local: SocketAddr) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(host.config.http.header_timeout)
        .max_buf_size(HEAD_MAX_BYTES)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX);
    let serving = host.clone();
    let service = service_fn(move |request| {
        let host = serving.clone();
        // hyper keeps room for this future as long as the connection lives, also
        // while it is idle: on the heap it takes room only while it runs.
        let answer = Box::pin(async move { sort(&host, request, local).await });
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let mut asked_to_end = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection lost");
                }
                return;
            }
            () = host.stopping.cancelled(), if !asked_to_end => {
                connection.as_mut().graceful_shutdown();
                asked_to_end = true;
            }
            () = host.stopped.cancelled() => return,
        }
    }
}

async fn sort(host: &Arc<Host>, request: Request<Incoming>, local: SocketAddr) -> HttpResponse {
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
    match (request.method(), path) {
        (&Method::GET | &Method::HEAD, "/health") => health_answer(host),
        (&Method::GET | &Method::HEAD, "/live") => probe(true),
        (&Method::GET | &Method::HEAD, "/ready") => probe(!host.stopping.is_cancelled()),
        (_, "/health" | "/live" | "/ready") => not_allowed("GET, HEAD"),
        _ => refused(
            StatusCode::NOT_FOUND,
            &format!("nothing here; MCP is served at {}", host.config.http.path),
        ),
    }
}

async fn endpoint(host: &Arc<Host>, request: Request<Incoming>, view: &ViewName) -> HttpResponse {
    match *request.method() {
        Method::POST => post::serve(host, request, view).await,
        Method::GET => get::open_stream(host, request.headers(), view),
        Method::DELETE => get::close_session(host, request.headers(), view),
        _ => not_allowed("POST, GET, DELETE"),
    }
}

fn health_answer(host: &Host) -> HttpResponse {
    let report = health::report(host, std::time::Instant::now());
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
